"""What a container may use, and how version 2 of the interface writes it.

``Limits`` holds what was asked for, in bytes, microseconds and counts; ``None`` means "not asked", -1 "without
limit". The functions below turn it into ``(file, text)`` pairs. What belongs here: shapes and pure conversions. What
does not: writing files (``core.group``), the version 1 names (``v1``). Sources: cgroup-v2.rst; the runtime
specification's config-linux.md; the conversions are those runc uses, so that the same numbers mean the same.
"""

from __future__ import annotations

from section03_cgroups.errors import LimitRefused

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

#: Controllers that have settings here, in the order in which they are written; named as in version 2.
CONTROLLERS = ("cpuset", "memory", "cpu", "io", "pids", "hugetlb")
PERIOD_US = 100_000  # the kernel's default period of the CPU controller
_CPU = (("shares", "cpu_shares"), ("quota", "cpu_quota"), ("period", "cpu_period"), ("burst", "cpu_burst"),
        ("idle", "cpu_idle"), ("cpus", "cpuset_cpus"), ("mems", "cpuset_mems"))  # fmt: skip
_MEMORY = (("limit", "memory"), ("swap", "memory_swap"), ("reservation", "memory_reservation"),
           ("swappiness", "memory_swappiness"), ("disableOOMKiller", "oom_kill_disable"))  # fmt: skip
_THROTTLE = (("throttleReadBpsDevice", "rbps"), ("throttleWriteBpsDevice", "wbps"),
             ("throttleReadIOPSDevice", "riops"), ("throttleWriteIOPSDevice", "wiops"))  # fmt: skip


class Limits:
    """Limits of one container. Units: bytes, microseconds, counts; ``memory_swap`` is memory *and* swap, as in OCI."""

    __slots__ = (
        "blkio_weight", "cpu_burst", "cpu_idle", "cpu_period", "cpu_quota", "cpu_shares", "cpuset_cpus", "cpuset_mems",
        "devices", "hugetlb", "io_throttle", "memory", "memory_reservation", "memory_swap", "memory_swappiness",
        "oom_kill_disable", "pids", "unified",
    )  # fmt: skip

    blkio_weight: int | None
    cpu_burst: int | None
    cpu_idle: int | None
    cpu_period: int | None
    cpu_quota: int | None
    cpu_shares: int | None
    cpuset_cpus: str | None
    cpuset_mems: str | None
    devices: list[dict[str, Any]] | None
    hugetlb: dict[str, int] | None
    io_throttle: list[tuple[str, str, int]] | None
    memory: int | None
    memory_reservation: int | None
    memory_swap: int | None
    memory_swappiness: int | None
    oom_kill_disable: bool | None
    pids: int | None
    unified: dict[str, str] | None

    def __init__(self, **values: Any) -> None:
        for name in self.__slots__:
            setattr(self, name, values.pop(name, None))
        if values:
            raise LimitRefused(f"unknown limit {min(values)!r}")

    def __repr__(self) -> str:
        asked = [(name, getattr(self, name)) for name in self.__slots__]
        return f"Limits({', '.join(f'{n}={v!r}' for n, v in asked if v is not None)})"

    @classmethod
    def from_oci(cls, resources: dict[str, Any]) -> Limits:
        """Return the limits in ``linux.resources`` of an OCI config. A value of 0 means "not asked", as in runc."""
        found: dict[str, Any] = {}
        for part, names in (("cpu", _CPU), ("memory", _MEMORY)):
            section = resources.get(part) or {}
            found.update({ours: section[key] for key, ours in names if section.get(key) or (key == "swappiness"
                          and section.get(key) is not None)})  # fmt: skip
        if (resources.get("pids") or {}).get("limit") is not None:
            found["pids"] = resources["pids"]["limit"] or -1
        block = resources.get("blockIO") or {}
        found["blkio_weight"] = block.get("weight") or None
        throttle = [
            (f"{d['major']}:{d['minor']}", kind, d["rate"]) for key, kind in _THROTTLE for d in block.get(key) or ()
        ]
        pages = {page["pageSize"]: page["limit"] for page in resources.get("hugepageLimits") or ()}
        return cls(io_throttle=throttle or None, hugetlb=pages or None, devices=resources.get("devices"),
                   unified=resources.get("unified"), **found)  # fmt: skip


def text(value: int) -> str:
    """Return a limit as version 2 writes it: ``max`` for -1."""
    return "max" if value < 0 else str(value)


def swap_max(memory: int | None, memory_swap: int | None) -> int | None:
    """Return memory.swap.max in bytes: version 2 limits swap alone, OCI says memory and swap together."""
    if memory == -1 and not memory_swap:
        return -1
    if not memory_swap:
        return None
    if memory_swap == -1:
        return -1
    if not memory or memory < 0:
        raise LimitRefused("a limit on memory and swap needs a limit on memory", hint="set --memory as well")
    if memory_swap < memory:
        raise LimitRefused(f"memory and swap ({memory_swap} bytes) is less than memory ({memory} bytes)")
    return memory_swap - memory


def cpu_weight(shares: int) -> int:
    """Return cpu.weight (1…10000, default 100) for version 1's shares (2…262144, default 1024): 1024 becomes 100.

    The curve is the one that runc and crun use since 2025 (a straight line would turn 1024 into 39):
    10^((log2(s)² + 125·log2(s)) / 612 - 7/34).
    """
    if shares <= 2:
        return 1
    if shares >= 262144:
        return 10000
    from math import ceil, log2

    power = log2(shares)
    return ceil(round(10 ** ((power * power + 125 * power) / 612 - 7 / 34), 9))


def io_weight(weight: int) -> int:
    """Return io.weight (1…10000) for blkio.weight (10…1000), on a straight line."""
    return 1 + (weight - 10) * 9999 // 990


def settings(limits: Limits, controller: str) -> list[tuple[str, str]]:
    """Return the ``(file, text)`` pairs by which version 2's ``controller`` gets ``limits``, in order of writing."""
    return _SETTINGS[controller](limits)


def _memory(limits: Limits) -> list[tuple[str, str]]:
    swap = swap_max(limits.memory, limits.memory_swap)
    wanted = (("memory.swap.max", swap), ("memory.max", limits.memory), ("memory.low", limits.memory_reservation))
    return [(name, text(value)) for name, value in wanted if value is not None]


def _cpu(limits: Limits) -> list[tuple[str, str]]:
    found = []
    if limits.cpu_idle is not None:
        found.append(("cpu.idle", str(limits.cpu_idle)))
    if limits.cpu_shares is not None:
        found.append(("cpu.weight", str(cpu_weight(limits.cpu_shares))))
    if limits.cpu_quota is not None or limits.cpu_period is not None:
        quota = -1 if limits.cpu_quota is None else limits.cpu_quota
        found.append(("cpu.max", f"{text(quota)} {limits.cpu_period or PERIOD_US}"))
    if limits.cpu_burst is not None:
        found.append(("cpu.max.burst", str(limits.cpu_burst)))
    return found


def _cpuset(limits: Limits) -> list[tuple[str, str]]:
    wanted = (("cpuset.cpus", limits.cpuset_cpus), ("cpuset.mems", limits.cpuset_mems))
    return [(name, value) for name, value in wanted if value is not None]


def _io(limits: Limits) -> list[tuple[str, str]]:
    found = [("io.weight", str(io_weight(limits.blkio_weight)))] if limits.blkio_weight is not None else []
    return found + [("io.max", f"{device} {kind}={rate}") for device, kind, rate in limits.io_throttle or ()]


def _pids(limits: Limits) -> list[tuple[str, str]]:
    return [] if limits.pids is None else [("pids.max", text(limits.pids))]


def _hugetlb(limits: Limits) -> list[tuple[str, str]]:
    return [(f"hugetlb.{size}.max", str(limit)) for size, limit in (limits.hugetlb or {}).items()]


_SETTINGS = {"memory": _memory, "cpu": _cpu, "cpuset": _cpuset, "io": _io, "pids": _pids, "hugetlb": _hugetlb}
