"""Limits of a container: memory, processors, pids, devices.

What belongs here: flags to OCI's ``linux.resources`` and ``linux.devices``. What does not: cgroup files (section 3).
"""

from __future__ import annotations

from minidocker.errors import BadOption
from minidocker.units import parse_cpus, parse_number, parse_size

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from minidocker.options import Options

    from .facts import DeviceNode

PERIOD = 100_000
MEMORY_MIN = 6 << 20


def _rule(kind: str, major: int, minor: int, access: str) -> dict[str, Any]:
    return {"allow": True, "type": kind, "major": major, "minor": minor, "access": access}


#: Nothing is allowed but what section 8 adds for every container (null, zero, tty …) and what --device names.
DENY_ALL: dict[str, Any] = {"allow": False, "access": "rwm"}


def memory(options: Options) -> dict[str, int]:
    """Return OCI's ``memory``: limit, swap (v1's sum of both, -1 for unlimited), reservation. Raises BadOption."""
    out: dict[str, int] = {}
    if options.memory:
        limit = parse_size(options.memory, "--memory")
        if 0 < limit < MEMORY_MIN:
            raise BadOption("--memory", options.memory, "below the minimum of 6m")
        if limit:
            out["limit"] = limit
            out["swap"] = 2 * limit
    if options.memory_swap:
        out["swap"] = _memory_swap(options.memory_swap, out.get("limit", 0))
        if not out["swap"]:
            out["swap"] = 2 * out["limit"]
    if options.memory_reservation:
        out["reservation"] = parse_size(options.memory_reservation, "--memory-reservation")
    return out


def _memory_swap(text: str, limit: int) -> int:
    """Return memory plus swap in bytes, -1 for unlimited, 0 for unset. Raises BadOption."""
    if not limit:
        raise BadOption("--memory-swap", text, "needs --memory too")
    if text == "-1":
        return -1
    total = parse_size(text, "--memory-swap")
    if 0 < total < limit:
        raise BadOption("--memory-swap", text, "below --memory", hint="it is the sum of memory and swap")
    return total


def cpu(options: Options) -> dict[str, Any]:
    """Return OCI's ``cpu``. Raises BadOption."""
    out: dict[str, Any] = {}
    if options.cpus and (options.cpu_quota or options.cpu_period):
        raise BadOption("--cpus", options.cpus, "cannot be given together with --cpu-period or --cpu-quota")
    if options.cpus and parse_cpus(options.cpus):
        out["quota"] = parse_cpus(options.cpus) * PERIOD // 1_000_000_000
        out["period"] = PERIOD
        if out["quota"] < 1000:
            raise BadOption("--cpus", options.cpus, "below the kernel's minimum of 0.01")
    for flag, key in (("cpu_quota", "quota"), ("cpu_period", "period"), ("cpu_shares", "shares")):
        if getattr(options, flag):
            out[key] = parse_number(getattr(options, flag), "--" + flag.replace("_", "-"))
    if options.cpuset_cpus:
        out["cpus"] = _checked_set(options.cpuset_cpus, "--cpuset-cpus")
    if options.cpuset_mems:
        out["mems"] = _checked_set(options.cpuset_mems, "--cpuset-mems")
    return out


def _checked_set(text: str, flag: str) -> str:
    """Return ``0-2,4`` when it is a list of numbers and ranges. Raises BadOption."""
    for part in text.split(","):
        first, dash, last = part.partition("-")
        if not first.isdigit() or (dash and not last.isdigit()) or (dash and int(last) < int(first)):
            raise BadOption(flag, text, "not a list of numbers and ranges", hint="as in 0-2,4")
    return text


def device(text: str, nodes_of: Callable[[str], list[DeviceNode]]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return (nodes, rules) for ``--device /dev/fuse[:/dev/inside][:rwm]``. Raises BadOption."""
    parts = text.split(":")
    access = "rwm"
    if len(parts) in {2, 3} and parts[-1] and not set(parts[-1]) - set("rwm"):
        access = parts.pop()
    if len(parts) > 2 or not parts[0].startswith("/"):
        raise BadOption("--device", text, "not <host path>[:<container path>][:rwm]")
    host, inside = parts[0], parts[-1]
    try:
        found = nodes_of(host)
    except OSError as error:
        raise BadOption("--device", text, f"{host}: {(error.strerror or str(error)).lower()}") from None
    if not found:
        raise BadOption("--device", text, f"{host} is not a device")
    nodes = [_node(node, inside + node[0][len(host) :]) for node in found]
    return nodes, [_rule(node[1], node[2], node[3], access) for node in found]


def _node(node: DeviceNode, path: str) -> dict[str, Any]:
    _, kind, major, minor, mode, uid, gid = node
    return {"path": path, "type": kind, "major": major, "minor": minor, "fileMode": mode, "uid": uid, "gid": gid}


def devices(
    options: Options, nodes_of: Callable[[str], list[DeviceNode]]
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return OCI's (``linux.devices``, ``resources.devices``) for all flags; privileged: every device of the host."""
    if options.privileged:
        nodes = [_node(node, node[0]) for node in nodes_of("/dev")]
        return nodes, [{"allow": True, "access": "rwm"}]
    nodes, rules = [], [DENY_ALL]
    for text in options.device:
        more, allowed = device(text, nodes_of)
        nodes += more
        rules += allowed
    return nodes, rules


def resources(options: Options, rules: list[dict[str, Any]]) -> dict[str, Any]:
    """Return OCI's ``linux.resources``. Raises BadOption."""
    out: dict[str, Any] = {"devices": rules}
    out |= {key: value for key, value in (("memory", memory(options)), ("cpu", cpu(options))) if value}
    if options.pids_limit:
        limit = parse_number(options.pids_limit, "--pids-limit")
        if limit > 0:
            out["pids"] = {"limit": limit}
    return out
