"""One line of /proc/PID/stat, parsed. Pure: text in, facts out; see proc_pid_stat(5)."""

from __future__ import annotations

from .errors import LcmError

STATES = {
    "R": "running",
    "S": "sleeping",
    "D": "disk sleep",
    "T": "stopped",
    "t": "tracing stop",
    "Z": "zombie",
    "X": "dead",
    "I": "idle",
    "P": "parked",
}


class ProcessStat:
    """What /proc/PID/stat says about a process. Times are in clock ticks (sysconf _SC_CLK_TCK), memory in pages."""

    __slots__ = (
        "comm", "foreground", "pgrp", "pid", "ppid", "rss", "session", "start_time", "state", "stime", "threads",
        "tty", "utime",
    )  # fmt: skip

    comm: str
    foreground: int
    pgrp: int
    pid: int
    ppid: int
    rss: int
    session: int
    start_time: int
    state: str
    stime: int
    threads: int
    tty: int
    utime: int

    @classmethod
    def parse(cls, text: str) -> ProcessStat:
        """Parse the line. The name in parentheses may itself hold ``) (``: it ends at the *last* one (LCM-PROC-04)."""
        head, found, tail = text.rpartition(")")
        pid, opened, comm = head.partition("(")
        fields = tail.split()
        if not found or not opened or len(fields) < 22:
            raise LcmError(f"not a line of /proc/PID/stat: {text[:60]!r}")
        stat = cls()
        stat.pid, stat.comm, stat.state = int(pid), comm, fields[0]
        stat.ppid, stat.pgrp, stat.session, stat.tty, stat.foreground = map(int, fields[1:6])
        stat.utime, stat.stime = int(fields[11]), int(fields[12])
        stat.threads, stat.start_time, stat.rss = int(fields[17]), int(fields[19]), int(fields[21])
        return stat

    @classmethod
    def of(cls, pid: int | str) -> ProcessStat:
        """Read it for ``pid`` (or "self"). Raises ProcessLookupError when there is no such process."""
        try:
            with open(f"/proc/{pid}/stat", encoding="utf-8", errors="surrogateescape") as file:
                return cls.parse(file.read())
        except FileNotFoundError as error:
            raise ProcessLookupError(3, "No such process", str(pid)) from error
