"""What a group has used: numbers from the files of both versions.

What belongs here: reading and parsing statistics. What does not: showing them (``cli``). Units: bytes, microseconds,
counts; -1 for "no limit", None for "nobody counts this here". Sources: cgroup-v2.rst; cgroup-v1/cpuacct.rst,
memory.rst, blkio-controller.rst.
"""

from __future__ import annotations

from .core.files import read_value
from .core.group import subgroups

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from .cgroup import Cgroup

_NO_LIMIT = 1 << 62  # version 1 writes "no limit" as the largest multiple of the page size


class Stats:
    """One reading. ``cpu_*`` and ``throttled`` in microseconds, ``memory*``, ``swap*`` and ``io_*`` in bytes."""

    __slots__ = (
        "cpu_periods", "cpu_system", "cpu_throttled", "cpu_throttled_periods", "cpu_usage", "cpu_user", "io_read",
        "io_write", "memory", "memory_cache", "memory_limit", "memory_peak", "oom_kills", "pids", "pids_limit", "swap",
    )  # fmt: skip

    def __init__(self, **values: int | None) -> None:
        for name in self.__slots__:
            setattr(self, name, values.get(name))

    def __repr__(self) -> str:
        return f"Stats({', '.join(f'{n}={v}' for n, v in self.as_dict().items() if v is not None)})"

    def as_dict(self) -> dict[str, int | None]:
        """Return all readings by name."""
        return {name: getattr(self, name) for name in self.__slots__}

    @classmethod
    def read(cls, cgroup: Cgroup) -> Stats:
        """Return the numbers of ``cgroup``; what cannot be read is None."""
        found: dict[str, int | None] = {"oom_kills": oom_kills(cgroup)}
        for controller, readers in _READERS.items():
            mount, version = cgroup.hierarchy.find(controller)
            if version:
                found.update(readers[version - 1](mount + cgroup.path))
        if "cpu_usage" not in found and cgroup.hierarchy.unified:  # cpu.stat is there without the cpu controller
            found.update(_cpu_v2(cgroup.folder()))
        return cls(**found)


def oom_kills(cgroup: Cgroup) -> int:
    """Return how many processes of ``cgroup`` were killed for want of memory, those in groups below included."""
    mount, version = cgroup.hierarchy.find("memory")
    if not version:
        return 0
    folder = mount + cgroup.path
    if version == 2:
        return parse_flat(_read(folder, "memory.events")).get("oom_kill", 0)
    return _oom_kills_v1(folder)


def _oom_kills_v1(folder: str) -> int:
    """Sum memory.oom_control over the tree: version 1 counts each group's own victims only."""
    own = parse_flat(_read(folder, "memory.oom_control")).get("oom_kill", 0)
    return own + sum(_oom_kills_v1(child) for child in subgroups(folder))


def parse_flat(text: str) -> dict[str, int]:
    """Return the numbers of a file of ``key value`` lines; lines of another form are left out."""
    found = {}
    for line in text.splitlines():
        key, _, value = line.partition(" ")
        if value.isdigit():
            found[key] = int(value)
    return found


def parse_io_stat(text: str) -> tuple[int, int]:
    """Return bytes read and written from version 2's io.stat (``8:0 rbytes=… wbytes=…`` lines)."""
    totals = {"rbytes": 0, "wbytes": 0}
    for word in text.split():
        key, _, value = word.partition("=")
        if key in totals and value.isdigit():
            totals[key] += int(value)
    return totals["rbytes"], totals["wbytes"]


def parse_blkio(text: str) -> tuple[int, int]:
    """Return bytes read and written from version 1's blkio.throttle.io_service_bytes (``8:0 Read 4096`` lines)."""
    totals = {"Read": 0, "Write": 0}
    for line in text.splitlines():
        words = line.split()
        if len(words) == 3 and words[1] in totals:
            totals[words[1]] += int(words[2])
    return totals["Read"], totals["Write"]


def _read(folder: str, name: str) -> str:
    """Return a file's text, or "" if it is not there (controller not enabled, group gone, older kernel)."""
    try:
        return read_value(folder, name)
    except OSError:
        return ""


def _number(text: str) -> int | None:
    """Return a file's number: -1 for ``max`` and for version 1's "no limit", None for nothing."""
    if text == "max":
        return -1
    if not text.lstrip("-").isdigit():
        return None
    value = int(text)
    return -1 if value >= _NO_LIMIT else value


def _numbers(folder: str, names: Iterable[tuple[str, str]]) -> dict[str, int | None]:
    return {ours: _number(_read(folder, name)) for ours, name in names}


def _cpu_v2(folder: str) -> dict[str, int | None]:
    stat = parse_flat(_read(folder, "cpu.stat"))
    names = (("cpu_usage", "usage_usec"), ("cpu_user", "user_usec"), ("cpu_system", "system_usec"),
             ("cpu_periods", "nr_periods"), ("cpu_throttled_periods", "nr_throttled"),
             ("cpu_throttled", "throttled_usec"))  # fmt: skip
    return {ours: stat.get(name) for ours, name in names}


def _cpu_v1(folder: str) -> dict[str, int | None]:
    stat = parse_flat(_read(folder, "cpu.stat"))
    time = stat.get("throttled_time")
    return {"cpu_periods": stat.get("nr_periods"), "cpu_throttled_periods": stat.get("nr_throttled"),
            "cpu_throttled": None if time is None else time // 1000}  # fmt: skip


def _cpuacct_v1(folder: str) -> dict[str, int | None]:
    names = (("cpu_usage", "cpuacct.usage"), ("cpu_user", "cpuacct.usage_user"), ("cpu_system", "cpuacct.usage_sys"))
    return {ours: None if ns is None else ns // 1000 for ours, ns in _numbers(folder, names).items()}


def _memory_v2(folder: str) -> dict[str, int | None]:
    found = _numbers(folder, (("memory", "memory.current"), ("memory_peak", "memory.peak"),
                              ("memory_limit", "memory.max"), ("swap", "memory.swap.current")))  # fmt: skip
    found["memory_cache"] = parse_flat(_read(folder, "memory.stat")).get("inactive_file")
    return found


def _memory_v1(folder: str) -> dict[str, int | None]:
    found = _numbers(folder, (("memory", "memory.usage_in_bytes"), ("memory_peak", "memory.max_usage_in_bytes"),
                              ("memory_limit", "memory.limit_in_bytes")))  # fmt: skip
    stat = parse_flat(_read(folder, "memory.stat"))
    found["memory_cache"], found["swap"] = stat.get("total_inactive_file"), stat.get("total_swap")
    return found


def _pids(folder: str) -> dict[str, int | None]:
    return _numbers(folder, (("pids", "pids.current"), ("pids_limit", "pids.max")))


def _io_v2(folder: str) -> dict[str, int | None]:
    read, write = parse_io_stat(_read(folder, "io.stat"))
    return {"io_read": read, "io_write": write}


def _io_v1(folder: str) -> dict[str, int | None]:
    text = _read(folder, "blkio.throttle.io_service_bytes_recursive") or _read(folder, "blkio.io_service_bytes")
    read, write = parse_blkio(text)
    return {"io_read": read, "io_write": write}


#: Controller → its reader in version 1 and in version 2.
_READERS = {
    "cpu": (_cpu_v1, _cpu_v2),
    "cpuacct": (_cpuacct_v1, _cpuacct_v1),
    "memory": (_memory_v1, _memory_v2),
    "pids": (_pids, _pids),
    "io": (_io_v1, _io_v2),
}
