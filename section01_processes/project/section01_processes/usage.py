"""What processes use: CPU, memory, threads, descriptors, I/O; two looks make a rate.

What belongs here: taking samples and their differences. What does not: sorting for people and drawing
(``views/usagetable.py``). The machine's own numbers come from psutil; a process's are this section's subject.
"""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any

from .core.tree import ProcessTree
from .states import state_name
from .status import command_line

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .core.stat import ProcessStat

#: With up to so many processes every sample reads everything; with more, descriptors and I/O only of those asked for.
EAGER = 2000
TICKS = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")

#: bytes that passed read(2) and write(2), and bytes that storage had to give or take; proc_pid_io(5)
Counters = tuple[int, int, int, int]


class Usage:
    """One process in one sample. Rates are per second since the last sample; None: not known, or not ours to see."""

    __slots__ = ("cpu", "descriptors", "io", "read_rate", "stat", "write_rate")

    def __init__(self, stat: ProcessStat, cpu: float | None) -> None:
        self.stat = stat
        self.cpu = cpu  # percent of one CPU
        self.descriptors: int | None = None
        self.io: Counters | None = None
        self.read_rate: float | None = None  # bytes per second from storage
        self.write_rate: float | None = None

    @property
    def memory(self) -> int:
        """Resident bytes."""
        return self.stat.rss * PAGE

    @property
    def key(self) -> tuple[int, int]:
        """Pid and start time: no later process has both."""
        return self.stat.pid, self.stat.start_time

    def as_row(self) -> dict[str, Any]:
        """Return the fields for JSON."""
        words = command_line(self.stat.pid)
        rchar, wchar, read, written = self.io or (None, None, None, None)
        return {
            "pid": self.stat.pid,
            "parent": self.stat.ppid,
            "name": self.stat.comm,
            "command": words,
            "state": state_name(self.stat.state),
            "cpu_percent": None if self.cpu is None else round(self.cpu, 1),
            "cpu_seconds": (self.stat.utime + self.stat.stime) / TICKS,
            "memory": self.memory,
            "threads": self.stat.threads,
            "descriptors": self.descriptors,
            "io": {"rchar": rchar, "wchar": wchar, "read_bytes": read, "write_bytes": written,
                   "read_rate": self.read_rate, "write_rate": self.write_rate},
        }  # fmt: skip


class Sampler:
    """Takes samples; each knows the one before."""

    def __init__(self) -> None:
        self._before: dict[tuple[int, int], Usage] = {}
        self._time = 0.0
        self._seconds = 0.0

    def sample(self) -> list[Usage]:
        """Return what every process uses now; CPU is None for those that were not in the last sample."""
        picture, now = ProcessTree.read(), time.monotonic()
        self._seconds, self._time = now - self._time, now
        before, self._before = self._before, {}
        found = []
        for stat in picture.processes.values():
            last = before.get((stat.pid, stat.start_time))
            usage = Usage(stat, cpu_percent(last.stat, stat, self._seconds) if last else None)
            usage.io = last.io if last else None  # what was read last; read_details makes a rate of it
            self._before[usage.key] = usage
            found.append(usage)
        if len(found) <= EAGER:
            self.read_details(found)
        return found

    def read_details(self, usages: Iterable[Usage]) -> None:
        """Fill in descriptors and I/O where that is not done yet: two more files of /proc for each process."""
        for usage in usages:
            if usage.descriptors is None:
                usage.descriptors = count_descriptors(usage.stat.pid)
                last, usage.io = usage.io, read_io(usage.stat.pid)
                if last and usage.io and self._seconds > 0:
                    usage.read_rate = (usage.io[2] - last[2]) / self._seconds
                    usage.write_rate = (usage.io[3] - last[3]) / self._seconds


def cpu_percent(before: ProcessStat, now: ProcessStat, seconds: float) -> float:
    """Return how much of one CPU a process used between two looks, in percent. Pure."""
    ticks = now.utime + now.stime - before.utime - before.stime
    return max(0.0, 100.0 * ticks / TICKS / seconds) if seconds > 0 else 0.0


def count_descriptors(pid: int) -> int | None:
    """Return how many descriptors ``pid`` has open; None when it has gone or is not ours to see."""
    try:
        return len(os.listdir(f"/proc/{pid}/fd"))
    except OSError:
        return None


def read_io(pid: int) -> Counters | None:
    """Return the I/O counters of ``pid``; None when it has gone or is not ours to see (ptrace(2) rules)."""
    try:
        with open(f"/proc/{pid}/io", "rb", buffering=0) as file:
            return parse_io(file.read().decode())
    except OSError:
        return None


def parse_io(text: str) -> Counters:
    """Return rchar, wchar, read_bytes, write_bytes of /proc/PID/io; see proc_pid_io(5). Pure."""
    fields = dict(line.split(": ") for line in text.splitlines())
    return int(fields["rchar"]), int(fields["wchar"]), int(fields["read_bytes"]), int(fields["write_bytes"])
