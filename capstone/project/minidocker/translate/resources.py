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

    from .facts import DeviceNode, Facts

PERIOD = 100_000
#: Flag → (OCI's key, least, most, unit): the kernel's (kernel/sched/core.c, tg_set_cfs_bandwidth); shares are runc's.
CPU_RANGES = {
    "cpu_quota": ("quota", 1000, (1 << 44) - 1, " microseconds"),
    "cpu_period": ("period", 1000, 1_000_000, " microseconds"),
    "cpu_shares": ("shares", 2, 262_144, ""),
}
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


def cpu(options: Options, facts: Facts) -> dict[str, Any]:
    """Return OCI's ``cpu``, each value in the range that docker allows; 0 means not set. Raises BadOption."""
    out: dict[str, Any] = {}
    if options.cpus and (options.cpu_quota or options.cpu_period):
        raise BadOption("--cpus", options.cpus, "cannot be given together with --cpu-period or --cpu-quota")
    if options.cpus and (billionths := _cpus(options.cpus, facts)):
        out["quota"] = billionths * PERIOD // 1_000_000_000
        out["period"] = PERIOD
    for flag, (key, least, most, unit) in CPU_RANGES.items():
        text = getattr(options, flag)
        value = parse_number(text, "--" + flag.replace("_", "-")) if text else 0
        if not value:
            continue
        if key == "quota" and value < 0:
            value = -1  # no limit
        elif not least <= value <= most:
            raise BadOption("--" + flag.replace("_", "-"), text, f"not between {least} and {most}{unit}")
        out[key] = value
    for flag, kind, things in (("cpuset_cpus", "cpus", "CPUs"), ("cpuset_mems", "mems", "memory nodes")):
        if text := getattr(options, flag):
            out[kind] = _checked_set(text, "--" + flag.replace("_", "-"), things, facts.allowed(kind))
    return out


def _cpus(text: str, facts: Facts) -> int:
    """Return billionths of a processor, 0 for not set. Raises BadOption for less than 0.01 or more than there are."""
    billionths = parse_cpus(text)
    most = facts.processors() or 1
    if billionths and not 10_000_000 <= billionths <= most * 1_000_000_000:
        there = "there is only 1 CPU" if most == 1 else f"there are only {most} CPUs"
        raise BadOption("--cpus", text, f"the range of CPUs is from 0.01 to {most:.2f}, as {there} available")
    return billionths


def _checked_set(text: str, flag: str, things: str, allowed: str) -> str:
    """Return ``0-2,4`` when it is a list of numbers and ranges, all of them within ``allowed``. Raises BadOption."""
    wanted, there = _ranges(text), _ranges(allowed) or []
    if wanted is None:
        raise BadOption(flag, text, "not a list of numbers and ranges", hint="as in 0-2,4")
    most = max(last for _, last in there)
    numbers = {number for first, last in there for number in range(first, last + 1)}
    if any(last > most or not numbers.issuperset(range(first, last + 1)) for first, last in wanted):
        raise BadOption(flag, text, f"the requested {things} are not available, which are {allowed}")
    return text


def _ranges(text: str) -> list[tuple[int, int]] | None:
    """Return (first, last) of each part of ``0-2,4``; None for what is no such list. cpuset(7), "List format"."""
    found = []
    for part in text.split(","):
        first, dash, last = part.partition("-")
        last = last if dash else first
        if not (part.isascii() and first.isdigit() and last.isdigit() and int(first) <= int(last)):
            return None
        found.append((int(first), int(last)))
    return found


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


def resources(options: Options, rules: list[dict[str, Any]], facts: Facts) -> dict[str, Any]:
    """Return OCI's ``linux.resources``. Raises BadOption."""
    out: dict[str, Any] = {"devices": rules}
    out |= {key: value for key, value in (("memory", memory(options)), ("cpu", cpu(options, facts))) if value}
    if options.pids_limit:
        limit = parse_number(options.pids_limit, "--pids-limit")
        if limit > 0:
            out["pids"] = {"limit": limit}
    return out
