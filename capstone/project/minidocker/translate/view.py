"""What `inspect` shows of a container and does not change: Docker's Config, HostConfig, Mounts.

What belongs here: the shape, made once when the container is made. What does not: its state (``engine/inspect.py``).
"""

from __future__ import annotations

from minidocker.errors import BadOption
from minidocker.units import parse_cpus, parse_number

from . import network as n
from . import process as p
from .mounts import shm_size

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from minidocker.options import Options

    from .bundle import Translation


def labels(options: Options, image: dict[str, Any]) -> dict[str, str]:
    """Return the image's labels with --label on top. Raises BadOption."""
    return dict(image.get("Labels") or {}) | parse_labels(options.label)


def parse_labels(given: tuple[str, ...]) -> dict[str, str]:
    """Return ``--label NAME[=VALUE]`` by name. Raises BadOption where docker does: no name, or blanks within it."""
    out = {}
    for text in given:
        name, _, value = text.partition("=")
        seen = name.lstrip(" \t")
        if not seen:
            raise BadOption("--label", text, "the label has an empty name", hint="as in NAME=VALUE")
        if " " in seen or "\t" in seen:
            raise BadOption("--label", text, "the label's name contains blanks", hint="as in NAME=VALUE")
        out[name] = value
    return out


def port_list(out: Translation, image: dict[str, Any]) -> list[list[Any]]:
    """Return [container port/protocol, host address, host port] of each published port; "" and 0: only exposed."""
    published = [
        [f"{port.container_port}/{port.protocol}", port.host_ip or "0.0.0.0", port.host_port] for port in out.ports
    ]
    named = {entry[0] for entry in published}
    exposed = [[_with_protocol(text), "", 0] for text in image.get("ExposedPorts") or ()]
    return published + [entry for entry in exposed if entry[0] not in named]


def _with_protocol(port: str) -> str:
    return port if "/" in port else port + "/tcp"


def view(options: Options, env: list[str], image: dict[str, Any], out: Translation) -> dict[str, Any]:
    """Return the parts of `inspect` that are settled at creation."""
    entrypoint, command = p.command_line(options, image)
    words = entrypoint + command
    return {
        "Path": words[0],
        "Args": words[1:],
        "Mounts": [_mount(mount, source) for mount, source in out.mounts],
        "HostConfig": _host_config(options, out),
        "Config": {
            "Hostname": out.shim["hostname"],
            "Domainname": options.domainname,
            "User": out.shim["user"],
            "AttachStdin": options.interactive and not options.detach,
            "AttachStdout": not options.detach,
            "AttachStderr": not options.detach,
            "Tty": options.tty,
            "OpenStdin": options.interactive,
            "StdinOnce": out.shim["stdin_once"],
            "Env": [e for e in out.spec["process"]["env"] if not _added(e, env, image)],
            "Cmd": command or None,
            "Image": options.image,
            "Volumes": {mount.target: {} for mount, _ in out.mounts if mount.kind == "volume"} or None,
            "WorkingDir": options.workdir or image.get("WorkingDir") or "",
            "Entrypoint": entrypoint or None,
            "Labels": labels(options, image),
            "StopSignal": p.stop_signal(options, image),
            "StopTimeout": _timeout(options),
            "ExposedPorts": {entry[0]: {} for entry in port_list(out, image)},
        },
    }


def _added(entry: str, env: list[str], image: dict[str, Any]) -> bool:
    """Return whether ``entry`` is one of the defaults (HOSTNAME, TERM), which Docker does not show in Config."""
    return entry not in env and entry not in (image.get("Env") or ()) and not entry.startswith("PATH=")


def _timeout(options: Options) -> int | None:
    return parse_number(options.stop_timeout, "--stop-timeout") if options.stop_timeout else None


def _mount(mount: Any, source: str) -> dict[str, Any]:
    """Return one entry of Mounts."""
    entry = {
        "Type": mount.kind,
        "Source": source,
        "Destination": mount.target,
        "Mode": "ro" if mount.readonly else "",
        "RW": not mount.readonly,
        "Propagation": mount.propagation if mount.kind == "bind" else "",
    }
    return {**entry, "Name": mount.source, "Driver": "local"} if mount.kind == "volume" else entry


def _host_config(options: Options, out: Translation) -> dict[str, Any]:
    """Return Docker's HostConfig."""
    limits = out.spec["linux"]["resources"]
    memory, cpu = limits.get("memory", {}), limits.get("cpu", {})
    policy, _, retries = out.shim["restart"].partition(":")
    network = out.shim["network"]
    mode = f"container:{out.join}" if out.join else network["network"] or network["mode"]
    return {
        "Binds": list(options.volume) or None,
        "NetworkMode": mode,
        "PortBindings": _bindings(out.ports),
        "RestartPolicy": {"Name": policy, "MaximumRetryCount": int(retries or 0)},
        "AutoRemove": options.rm,
        "CapAdd": list(options.cap_add) or None,
        "CapDrop": list(options.cap_drop) or None,
        "Dns": list(options.dns),
        "DnsOptions": list(options.dns_option),
        "DnsSearch": list(options.dns_search),
        "ExtraHosts": out.shim["extra_hosts"] or None,
        "GroupAdd": list(options.group_add) or None,
        "Init": options.init,
        "OomScoreAdj": p.oom_score(options),
        "Privileged": options.privileged,
        "ReadonlyRootfs": options.read_only,
        "SecurityOpt": list(options.security_opt) or None,
        "ShmSize": shm_size(options),
        "Sysctls": out.spec["linux"]["sysctl"] or None,
        "Tmpfs": {t.partition(":")[0]: t.partition(":")[2] for t in options.tmpfs} or None,
        "Ulimits": [_ulimit(entry) for entry in out.spec["process"]["rlimits"]] or None,
        "LogConfig": {"Type": options.log_driver, "Config": dict(t.partition("=")[::2] for t in options.log_opt)},
        "Memory": memory.get("limit", 0),
        "MemorySwap": memory.get("swap", 0),
        "MemoryReservation": memory.get("reservation", 0),
        "NanoCpus": parse_cpus(options.cpus) if options.cpus else 0,
        "CpuShares": cpu.get("shares", 0),
        "CpuPeriod": 0 if options.cpus else cpu.get("period", 0),
        "CpuQuota": 0 if options.cpus else cpu.get("quota", 0),
        "CpusetCpus": options.cpuset_cpus,
        "CpusetMems": options.cpuset_mems,
        "PidsLimit": limits.get("pids", {}).get("limit"),
        "Devices": [_device(text) for text in options.device],
        "MaskedPaths": out.spec["linux"]["maskedPaths"],
        "ReadonlyPaths": out.spec["linux"]["readonlyPaths"],
    }


def _bindings(ports: list[n.Port]) -> dict[str, list[dict[str, str]]]:
    out: dict[str, list[dict[str, str]]] = {}
    for port in ports:
        key = f"{port.container_port}/{port.protocol}"
        out.setdefault(key, []).append({"HostIp": port.host_ip, "HostPort": str(port.host_port)})
    return out


def _ulimit(entry: dict[str, Any]) -> dict[str, Any]:
    return {"Name": entry["type"][7:].lower(), "Soft": entry["soft"], "Hard": entry["hard"]}


def _device(text: str) -> dict[str, str]:
    parts = text.split(":")
    return {
        "PathOnHost": parts[0],
        "PathInContainer": parts[1] if len(parts) > 1 and parts[1].startswith("/") else parts[0],
        "CgroupPermissions": parts[-1] if len(parts) > 1 and not parts[-1].startswith("/") else "rwm",
    }
