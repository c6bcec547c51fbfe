"""Version 1: each controller has a hierarchy of its own, and other names for the same settings.

What belongs here: version 1's file names, cpuset's inheritance by hand, the order of the two memory limits, freezing
and killing without cgroup.kill. What does not: version 2 (``core``), choosing between them (``cgroup``). Sources:
the kernel's admin-guide/cgroup-v1/ (memory.rst, cpusets.rst, freezer-subsystem.rst, devices.rst).
"""

from __future__ import annotations

import os
from time import monotonic, sleep

from .core.files import read_value, write_value
from .core.group import make_folder, members
from .core.limits import PERIOD_US, Limits, swap_max
from .errors import refused

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

#: Version 2's name of a controller → version 1's, where they differ.
NAMES = {"io": "blkio"}
_THROTTLE = {"rbps": "read_bps", "wbps": "write_bps", "riops": "read_iops", "wiops": "write_iops"}


def make_group(mount: str, path: str, cpuset: bool) -> None:
    """Make ``path`` and its ancestors in one hierarchy; with ``cpuset``, hand CPUs and memory nodes down each level."""
    for attempt in range(5):
        try:
            folder = mount
            for name in path.strip("/").split("/"):
                folder = f"{folder}/{name}"
                made = make_folder(folder)
            if cpuset and (made or not read_value(folder, "cpuset.mems")):  # its maker died before it came so far
                _inherit(mount, folder)
            return
        except OSError as error:
            if error.errno not in {2, 19}:  # ENOENT, ENODEV: another process removed it meanwhile
                raise
            if attempt == 4:
                raise refused(error, "mkdir", f"{mount}{path}") from None


def _inherit(mount: str, folder: str) -> None:
    """Copy cpuset.cpus and cpuset.mems from the parent: a new cpuset is empty and takes no process (ENOSPC)."""
    parent = folder.rpartition("/")[0]
    for name in ("cpuset.cpus", "cpuset.mems"):
        value = read_value(parent, name).strip()
        if not value and parent != mount:  # its maker has not come so far, or died
            _inherit(mount, parent)
            value = read_value(parent, name).strip()
        write_value(folder, name, value)


def settings(limits: Limits, controller: str, memsw: int | None = None) -> list[tuple[str, str]]:
    """Return the ``(file, text)`` pairs by which version 1's ``controller`` (v2's name) gets ``limits``, in order.

    ``memsw``: the present memory.memsw.limit_in_bytes; None means unlimited, as in a new group.
    """
    return _SETTINGS[controller](limits, memsw)


def _memory(limits: Limits, memsw: int | None) -> list[tuple[str, str]]:
    """Order the two limits: memory must never be above memory plus swap, on the way up and on the way down."""
    swap_max(limits.memory, limits.memory_swap)  # refuses what contradicts itself
    both = -1 if limits.memory == -1 and not limits.memory_swap else limits.memory_swap
    pair = [("memory.limit_in_bytes", limits.memory), ("memory.memsw.limit_in_bytes", both)]
    if memsw is not None and both is not None and (both == -1 or both > memsw):
        pair.reverse()
    pair += [("memory.soft_limit_in_bytes", limits.memory_reservation), ("memory.swappiness", limits.memory_swappiness)]
    if limits.oom_kill_disable:
        pair.append(("memory.oom_control", 1))
    return [(name, str(value)) for name, value in pair if value is not None]


def _cpu(limits: Limits, _memsw: int | None) -> list[tuple[str, str]]:
    quota = limits.cpu_quota
    wanted = (
        ("cpu.idle", limits.cpu_idle),
        ("cpu.shares", limits.cpu_shares),
        ("cpu.cfs_period_us", limits.cpu_period or (PERIOD_US if quota is not None and limits.cpu_burst else None)),
        ("cpu.cfs_quota_us", quota if quota is None else max(quota, -1)),
        ("cpu.cfs_burst_us", limits.cpu_burst),
    )
    return [(name, str(value)) for name, value in wanted if value is not None]


def _cpuset(limits: Limits, _memsw: int | None) -> list[tuple[str, str]]:
    wanted = (("cpuset.cpus", limits.cpuset_cpus), ("cpuset.mems", limits.cpuset_mems))
    return [(name, value) for name, value in wanted if value is not None]


def _blkio(limits: Limits, _memsw: int | None) -> list[tuple[str, str]]:
    found = [("blkio.weight", str(limits.blkio_weight))] if limits.blkio_weight is not None else []
    rates = limits.io_throttle or ()
    return found + [(f"blkio.throttle.{_THROTTLE[kind]}_device", f"{device} {rate}") for device, kind, rate in rates]


def _pids(limits: Limits, _memsw: int | None) -> list[tuple[str, str]]:
    return [] if limits.pids is None else [("pids.max", "max" if limits.pids < 0 else str(limits.pids))]


def _hugetlb(limits: Limits, _memsw: int | None) -> list[tuple[str, str]]:
    return [(f"hugetlb.{size}.limit_in_bytes", str(limit)) for size, limit in (limits.hugetlb or {}).items()]


_SETTINGS: dict[str, Callable[[Limits, int | None], list[tuple[str, str]]]] = {
    "memory": _memory, "cpu": _cpu, "cpuset": _cpuset, "io": _blkio, "pids": _pids, "hugetlb": _hugetlb,
}  # fmt: skip


def freeze_group(folder: str, frozen: bool, seconds: float = 5.0) -> bool:
    """Freeze (or thaw) the freezer group; True once its state says so. A FREEZING group needs to be asked again."""
    wanted, deadline = "FROZEN" if frozen else "THAWED", monotonic() + seconds
    while True:
        write_value(folder, "freezer.state", wanted)
        if read_value(folder, "freezer.state") == wanted:
            return True
        if monotonic() > deadline:
            return False
        sleep(0.001)


def kill_members(folder: str, freezer: str, seconds: float = 5.0) -> bool:
    """SIGKILL all members, below included, until none is left; True when none is.

    Frozen processes cannot fork behind our back, but cannot die either: freeze, signal, thaw, look again.
    """
    deadline = monotonic() + seconds
    while pids := members(folder):
        if freezer:
            freeze_group(freezer, True, 0.5)
        for pid in members(folder) if freezer else pids:
            _kill(pid)
        if freezer:
            freeze_group(freezer, False, 0.5)
        if monotonic() > deadline:
            return False
        sleep(0.001)
    return True


def _kill(pid: int) -> None:
    """SIGKILL ``pid``; one that has gone is what we want."""
    try:
        os.kill(pid, 9)
    except ProcessLookupError:
        return
