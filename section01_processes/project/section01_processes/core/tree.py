"""Who is whose child: a picture of all processes at one moment.

What belongs here: reading /proc once, and walking the picture. What does not: drawing it (``views/drawing.py``).
"""

from __future__ import annotations

import os
from _collections_abc import Iterable, Iterator  # what collections.abc hands on; os has loaded it

from section01_processes.core.stat import ProcessStat
from section01_processes.errors import LcmError


class ProcessTree:
    """The processes of this pid namespace: ``processes`` by pid, ``children`` of each, sorted by pid."""

    __slots__ = ("children", "processes")

    def __init__(self, processes: Iterable[ProcessStat]) -> None:
        self.processes = {stat.pid: stat for stat in processes}
        self.children: dict[int, list[int]] = {}
        for pid in sorted(self.processes):
            self.children.setdefault(self.processes[pid].ppid, []).append(pid)

    @classmethod
    def read(cls, proc: str = "/proc") -> ProcessTree:
        """Take the picture. A process that ends while we read is simply not in it."""
        found = []
        for name in os.listdir(proc):
            if name.isdigit():
                try:
                    found.append(ProcessStat.of(name, proc))
                except ProcessLookupError:
                    continue
        return cls(found)

    def walk(self, pid: int, depth: int = 0) -> Iterator[tuple[int, ProcessStat]]:
        """Yield ``(depth, process)`` for ``pid`` and all its descendants, parents first. Raises LcmError: no such."""
        if pid not in self.processes:
            raise LcmError(f"no process {pid}", exit_code=1)
        waiting = [(depth, pid)]
        while waiting:
            depth, pid = waiting.pop()
            yield depth, self.processes[pid]
            waiting += [(depth + 1, child) for child in reversed(self.children.get(pid, ()))]

    def zombies(self) -> list[ProcessStat]:
        """Return the dead whose parents have not waited for them (LCM-PROC-06)."""
        return [stat for stat in self.processes.values() if stat.state == "Z"]
