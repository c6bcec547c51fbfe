"""Ways by other processes: their roots in /proc, their memory. See proc_pid_root(5), ptrace(2)."""

from __future__ import annotations

import os

from section04_filesystem import _syscalls

from ..model import trying
from .roots import first_of, read

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..inside import Inside


def proc_root(inside: Inside) -> str:
    """Follow /proc/PID/root and cwd of pid 1 and of an outsider.

    /proc/PID/root and /proc/PID/cwd lead to another process's root and working folder. Who may trace that process
    may follow them: root may. A pid namespace with a /proc of its own has no outsider in it: pid 1 is one of us.
    """
    outsider = inside.world["outsider"]
    return first_of(
        lambda: read(f"/proc/1/root{inside.canary}", about="pid 1"),
        lambda: read(f"/proc/{outsider}/root{inside.canary}", about="outsider"),
        lambda: read(f"/proc/{outsider}/cwd/canary", about="outsider"),
    )


def ptrace(inside: Inside) -> str:
    """Trace an outsider and read its memory.

    Who may trace a process has all that it has: its memory, its descriptors, its root. It takes the same user, or
    CAP_SYS_PTRACE, over a process that one can name; in a pid namespace the outsider has no name. (PTRACE_SEIZE,
    then /proc/PID/mem of the test's own outsider.)
    """
    outsider = int(inside.world["outsider"])
    with trying("ptrace", "CAP_SYS_PTRACE", "outsider"):
        _syscalls.ptrace_seize(outsider)
    with trying("open", "CAP_SYS_PTRACE", "outsider"):
        fd = os.open(f"/proc/{outsider}/mem", os.O_RDONLY | os.O_CLOEXEC)
    try:
        return os.pread(fd, inside.world["length"], inside.world["address"]).decode(errors="replace")
    finally:
        os.close(fd)
