"""/proc/PID/stat, parsed. Pure: text in, facts out; see proc_pid_stat(5).

What belongs here: the one line that the kernel writes about a process. What does not: what the states mean in words
(``states.py``), and the other files of /proc/PID (``status.py``).
"""

from __future__ import annotations

from section01_processes.errors import LcmError


class ProcessStat:
    """What /proc/PID/stat says about a process. Times are in clock ticks (sysconf _SC_CLK_TCK), memory in pages."""

    __slots__ = ("comm", "foreground", "pgrp", "pid", "ppid", "rss", "session", "start_time", "state", "stime",
                 "threads", "tty", "utime")  # fmt: skip

    def __init__(self, pid: int, comm: str, fields: list[str]) -> None:
        """``fields``: what stands after the name, beginning with the state; field n of the manual page is n - 3."""
        self.pid, self.comm, self.state = pid, comm, fields[0]
        self.ppid, self.pgrp, self.session = int(fields[1]), int(fields[2]), int(fields[3])
        self.tty, self.foreground = int(fields[4]), int(fields[5])  # device number; the terminal's foreground group
        self.utime, self.stime = int(fields[11]), int(fields[12])
        self.threads, self.start_time, self.rss = int(fields[17]), int(fields[19]), int(fields[21])

    @classmethod
    def parse(cls, text: str) -> ProcessStat:
        """Parse the line. The name in parentheses may itself hold ``) (``: it ends at the *last* one (LCM-PROC-04)."""
        head, found, tail = text.rpartition(")")
        pid, opened, comm = head.partition("(")
        fields = tail.split(None, 22)
        if not found or not opened or len(fields) < 22:
            raise LcmError(f"not a line of /proc/PID/stat: {text[:60]!r}")
        return cls(int(pid), comm, fields)

    @classmethod
    def of(cls, pid: int | str, proc: str = "/proc") -> ProcessStat:
        """Read it for ``pid`` (or "self"). Raises ProcessLookupError when there is no such process."""
        try:
            with open(f"{proc}/{pid}/stat", "rb", buffering=0) as file:
                return cls.parse(file.read().decode(errors="surrogateescape"))
        except FileNotFoundError as error:
            raise ProcessLookupError(3, "No such process", str(pid)) from error
