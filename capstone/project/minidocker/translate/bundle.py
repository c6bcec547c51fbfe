"""The conductor of the translation: flags + image + facts → config.json, shim.json, and what `inspect` shows.

What belongs here: putting the pieces together, in the order of the OCI specification. What does not: any rule about a
flag (the other files of this folder).
"""

from __future__ import annotations

from minidocker.errors import BadOption
from minidocker.units import parse_number, parse_size

from . import mounts as m
from . import network as n
from . import process as p
from . import resources as r
from . import security as s
from .facts import device_nodes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

    from minidocker.options import Options

    from .facts import DeviceNode, Facts

OCI_VERSION = "1.0.2"


class Catalogue:
    """What section 7 knows, handed in so that translating needs no kernel: lists, and a way to resolve a profile."""

    __slots__ = ("available", "default", "known", "masked", "nodes", "readonly", "seccomp")

    def __init__(
        self,
        known: Iterable[str],
        default: Iterable[str],
        masked: Iterable[str],
        readonly: Iterable[str],
        seccomp: Callable[[str, list[str]], dict[str, Any] | None],
        nodes: Callable[[str], list[DeviceNode]] = device_nodes,
    ) -> None:
        """``seccomp(profile, capabilities)``: OCI's ``linux.seccomp`` for "" (the default) or a file's path."""
        self.known = self.available = list(known)  # available: less, where we lack some ourselves
        self.default = default
        self.masked = masked
        self.readonly = readonly
        self.seccomp = seccomp
        self.nodes = nodes


class Secret(dict):  # type: ignore[type-arg]
    """A dictionary that does not print itself: it holds the environment."""

    __slots__ = ("_name",)

    def __init__(self, name: str, value: dict[str, Any]) -> None:
        super().__init__(value)
        self._name = name

    def __repr__(self) -> str:
        return f"<{self._name}>"


class Translation:
    """What one set of flags means. ``make``: host folders to make; ``volumes``: (name, anonymous) to make."""

    __slots__ = ("join", "make", "mounts", "ports", "shim", "spec", "view", "volumes")

    def __repr__(self) -> str:
        return "<config.json, shim.json>"  # their text holds the environment: never shown

    def __init__(self) -> None:
        self.spec: dict[str, Any] = {}
        self.shim: dict[str, Any] = {}
        self.view: dict[str, Any] = {}
        self.mounts: list[tuple[m.UserMount, str]] = []
        self.volumes: list[tuple[str, bool]] = []
        self.make: list[str] = []
        self.ports: list[n.Port] = []
        self.join = ""


def translate(
    options: Options,
    env: list[str],
    image: dict[str, Any],
    layers: list[str],
    facts: Facts,
    catalogue: Catalogue,
    *,
    cwd: str = "/",
) -> Translation:
    """Return config.json, shim.json and friends. ``env``: what the user set; ``image``: the image's ``config`` object.

    Raises BadOption naming the flag and the value, EngineError when there is no command.
    """
    out = Translation()
    mode, network = n.network_mode(options, rootless=facts.rootless)
    n.check_combinations(options, mode)
    out.join = network if mode == "container" else ""
    host = n.hostname(options, mode, facts.identity, facts.host_name)
    out.ports = n.ports(options, facts.free_port) if mode == "bridge" else []
    _resolve_mounts(out, options, image, facts, cwd)
    security = s.SecurityOptions(options.security_opt)
    names = s.capability_names(options, catalogue.default, catalogue.known, catalogue.available)
    spec = {
        "ociVersion": OCI_VERSION,
        "process": _process(options, env, image, host, names, security),
        "root": {"path": "rootfs", "readonly": options.read_only},
        "hostname": "" if mode == "host" else host,
        "mounts": _all_mounts(out, options, facts, mode),
        "linux": _linux(options, facts, catalogue, mode, names, security),
        "annotations": {"org.minidocker.id": facts.identity},
    }
    if mode == "container":
        spec["hostname"] = ""
    if options.domainname:
        spec["domainname"] = options.domainname
    out.spec = Secret("config.json", spec)
    out.shim = Secret("shim.json", _shim(out, options, image, layers, facts, mode, network, host))
    return out


def _process(
    options: Options,
    env: list[str],
    image: dict[str, Any],
    host: str,
    names: list[str],
    security: s.SecurityOptions,
) -> dict[str, Any]:
    """Return OCI's ``process``."""
    entrypoint, command = p.command_line(options, image)
    return p.process_object(
        options,
        entrypoint + command,
        p.environment(env, image, hostname=host, tty=options.tty),
        p.working_dir(options, image),
        s.capability_object(names),
        new_privileges=not security.no_new_privileges,
    )


def _resolve_mounts(out: Translation, options: Options, image: dict[str, Any], facts: Facts, cwd: str) -> None:
    """Fill in the mounts with their host folders; name anonymous volumes after the container."""
    for mount in m.user_mounts(options, image, cwd):
        source = mount.source
        if mount.kind == "volume":
            name = source or f"{facts.identity[:56]}{len(out.volumes):08x}"
            out.volumes.append((name, not source))
            mount.source, source = name, facts.root.volume(name)
        elif mount.make:
            out.make.append(source)
        out.mounts.append((mount, source))


def _all_mounts(out: Translation, options: Options, facts: Facts, mode: str) -> list[dict[str, Any]]:
    """Return OCI's ``mounts``: the kernel's, the three files of /etc, then the user's from the root downwards."""
    targets = {mount.target for mount, _ in out.mounts}
    kernel = m.kernel_mounts(writable_sys=options.privileged, rootless=facts.rootless, shm_size=m.shm_size(options))
    files = m.etc_mounts(facts.folder, targets) if mode != "container" else []
    kept = [mount for mount in kernel if mount["destination"] not in targets]
    return kept + files + [m.oci_mount(mount, source) for mount, source in out.mounts]


def _linux(
    options: Options,
    facts: Facts,
    catalogue: Catalogue,
    mode: str,
    names: list[str],
    security: s.SecurityOptions,
) -> dict[str, Any]:
    """Return OCI's ``linux``."""
    nodes, rules = r.devices(options, catalogue.nodes)
    kinds = ["mount", "pid", "ipc", "uts", "cgroup", *(() if mode == "host" else ("network",))]
    linux: dict[str, Any] = {
        "namespaces": [{"type": kind} for kind in kinds],
        "cgroupsPath": f"/minidocker/{facts.identity}",
        "resources": r.resources(options, rules, facts),
        "devices": nodes,
        "sysctl": n.sysctls(options, mode),
        **s.linux_security(options, security, catalogue.masked, catalogue.readonly),
    }
    if not options.privileged and security.seccomp != "unconfined":
        seccomp = catalogue.seccomp(security.seccomp, names)
        if seccomp:
            linux["seccomp"] = seccomp
    return linux


def _shim(
    out: Translation,
    options: Options,
    image: dict[str, Any],
    layers: list[str],
    facts: Facts,
    mode: str,
    network: str,
    host: str,
) -> dict[str, Any]:
    """Return shim.json (its fields are told in shim/protocol.py)."""
    maps = [[[0, facts.uid, 1]], [[0, facts.gid, 1]]] if facts.rootless else [[], []]
    return {
        "id": facts.identity,
        "root": facts.root.path,
        "lower": layers,
        "user": options.user or image.get("User") or "",
        "group_add": list(options.group_add),
        "volumes": [
            {"source": source, "target": mount.target, "copy": mount.copy}
            for mount, source in out.mounts
            if mount.kind == "volume"
        ],
        "network": n.network_object(options, mode, network, facts.identity, out.ports, host),
        "etc_files": n.etc_files(mode),
        "hostname": host,
        "domainname": options.domainname,
        "extra_hosts": n.extra_hosts(options),
        "dns": n.name_servers(options),
        "dns_search": list(options.dns_search),
        "dns_options": list(options.dns_option),
        "tty": options.tty,
        "open_stdin": options.interactive,
        "stdin_once": options.interactive and not options.detach,
        "log": log_object(options),
        "restart": restart_policy(options),
        "auto_remove": options.rm,
        "anonymous_volumes": [facts.root.volume(name) for name, anonymous in out.volumes if anonymous],
        "init": options.init,
        "cgroup": f"/minidocker/{facts.identity}",
        "shim_cgroup": "" if facts.rootless else f"/minidocker/{facts.identity}.shim",
        "uid_maps": maps[0],
        "gid_maps": maps[1],
        "seccomp_cache": facts.root.seccomp_cache,
    }


def log_object(options: Options) -> dict[str, Any]:
    """Return shim.json's ``log``. Raises BadOption."""
    if options.log_driver not in {"json-file", "none"}:
        raise BadOption("--log-driver", options.log_driver, "not json-file or none")
    log: dict[str, Any] = {"driver": options.log_driver, "max_size": 0, "max_file": 1, "mode": "blocking"}
    for text in options.log_opt:
        name, _, value = text.partition("=")
        if name == "max-size":
            log["max_size"] = parse_size(value, "--log-opt max-size") if value != "-1" else 0
        elif name == "max-file":
            log["max_file"] = parse_number(value, "--log-opt max-file")
        elif name == "mode" and value in {"blocking", "non-blocking"}:
            log["mode"] = value
        else:
            raise BadOption("--log-opt", text, "not max-size=…, max-file=… or mode=…")
    if log["max_file"] < 1:
        raise BadOption("--log-opt max-file", log["max_file"], "there is at least one file")
    return log


def restart_policy(options: Options) -> str:
    """Return ``--restart`` checked: no, always, unless-stopped, on-failure[:n]. Raises BadOption."""
    text = options.restart or "no"
    name, colon, count = text.partition(":")
    if name not in {"no", "always", "unless-stopped", "on-failure"} or (colon and name != "on-failure"):
        raise BadOption("--restart", text, "not no, always, unless-stopped or on-failure[:n]")
    if colon and not count.isdigit():
        raise BadOption("--restart", text, "the number of retries is not a number")
    if name != "no" and options.rm:
        raise BadOption("--restart", text, "conflicts with --rm")
    return str(text)
