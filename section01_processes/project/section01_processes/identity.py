"""Which process is meant, for longer than its pid lasts: boot id, pid and start time together.

What belongs here: the identity, the question whether it still lives, and its handle. What does not: what is done with
a handle (``core/spawn.py``, ``handle.py``).
"""

from __future__ import annotations

import os

from .core.plan import action
from .core.spawn import Child
from .core.stat import ProcessStat
from .errors import UsageError

NO_ROOM = (12, 23, 24)  # ENOMEM, ENFILE, EMFILE: nothing is said about the process


class ProcessIdentity:
    """A process, named so that no later one can be mistaken for it. ``start_time`` is in clock ticks since boot."""

    __slots__ = ("boot_id", "pid", "start_time")

    def __init__(self, boot_id: str, pid: int, start_time: int) -> None:
        self.boot_id = boot_id
        self.pid = pid
        self.start_time = start_time

    @classmethod
    def of(cls, pid: int | str = "self") -> ProcessIdentity:
        """Return the identity of the process that has ``pid`` now. Raises ProcessLookupError."""
        stat = ProcessStat.of(pid)
        return cls(boot_id(), stat.pid, stat.start_time)

    @classmethod
    def parse(cls, text: str) -> ProcessIdentity:
        """Read the text form back. Raises UsageError."""
        boot, _, rest = text.partition(":")
        pid, _, start = rest.partition(":")
        if not (boot and pid.isdigit() and start.isdigit()):
            raise UsageError(f"not a process identity: {text!r}")
        return cls(boot, int(pid), int(start))

    def alive(self) -> bool:
        """Whether this very process still runs; a zombie does not."""
        try:
            stat = ProcessStat.of(self.pid)
        except (ProcessLookupError, PermissionError):
            return False
        return stat.start_time == self.start_time and stat.state not in "ZX" and boot_id() == self.boot_id

    def open(self) -> Child:
        """Return a handle of this very process: to poll and to signal, and if it is our child to wait for.

        Raises ProcessLookupError when it has ended (a zombie has), whoever has its pid now; OSError EMFILE. The pidfd
        is opened first: if the process that has the pid *then* is the one we know, the pidfd is its.
        """
        try:
            child = Child(self.pid, open_pidfd(self.pid))
        except OSError as error:
            if error.errno in NO_ROOM:
                raise
            raise ProcessLookupError(f"process {self.pid} has ended") from error
        if not self.alive():
            child.close()
            raise ProcessLookupError(f"process {self.pid} has ended")
        return child

    def __str__(self) -> str:
        return f"{self.boot_id}:{self.pid}:{self.start_time}"

    def __repr__(self) -> str:
        return f"ProcessIdentity({str(self)!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ProcessIdentity) and str(self) == str(other)

    def __hash__(self) -> int:
        return hash(str(self))


@action("pidfd_open(2)")
def open_pidfd(pid: int) -> int:
    """Return a descriptor for the process: it can be polled, signalled and entered, and never means another.

    Which process has ``pid`` is certain for our own child that nobody has waited for; else compare its identity, after.
    """
    return os.pidfd_open(pid)


def boot_id() -> str:
    """Return the random id of this boot, from /proc/sys/kernel/random/boot_id; see random(4)."""
    with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
        return file.read().strip()
