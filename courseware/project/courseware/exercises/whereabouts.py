"""Where a process hangs: the system call that the kernel shows it asleep in, and Python's own line.

What belongs here: reading ``/proc/PID`` and Python's dump, and words for both. What does not: when to look
(``running.py``, ``box.py``). Nothing here trusts the submission: the call is the kernel's word; the dump is written by
the submission's process, so it is shown and never judged.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator

from section01_processes import LcmError, ProcessStat

from .streams import printable

#: Calls that programs sleep in, by machine and number; see syscall(2) and the kernel's tables.
# fmt: off
CALLS = {
    "x86_64": {
        0: "read", 1: "write", 7: "poll", 19: "readv", 20: "writev", 23: "select", 34: "pause", 35: "nanosleep",
        42: "connect", 43: "accept", 44: "sendto", 45: "recvfrom", 46: "sendmsg", 47: "recvmsg", 61: "wait4",
        72: "fcntl", 73: "flock", 128: "rt_sigtimedwait", 130: "rt_sigsuspend", 202: "futex", 247: "waitid",
        230: "clock_nanosleep", 232: "epoll_wait", 257: "openat", 270: "pselect6", 271: "ppoll",
        281: "epoll_pwait", 288: "accept4",
    },
    "aarch64": {
        22: "epoll_pwait", 25: "fcntl", 32: "flock", 56: "openat", 63: "read", 64: "write", 65: "readv",
        66: "writev", 72: "pselect6", 73: "ppoll", 95: "waitid", 98: "futex", 101: "nanosleep",
        115: "clock_nanosleep", 133: "rt_sigsuspend", 137: "rt_sigtimedwait", 202: "accept", 203: "connect",
        206: "sendto", 207: "recvfrom", 211: "sendmsg", 212: "recvmsg", 242: "accept4", 260: "wait4",
    },
}
# fmt: on
#: What a sleeper waits for; calls on a descriptor are told with what it is.
FOR = {
    "an end": ("wait4", "waitid"),
    "a signal": ("pause", "rt_sigsuspend", "rt_sigtimedwait"),
    "a time to come": ("nanosleep", "clock_nanosleep"),
    "a lock": ("futex", "flock", "fcntl"),
    "the other end of a FIFO": ("openat",),
    "one of several descriptors": ("poll", "select", "pselect6", "ppoll", "epoll_wait", "epoll_pwait"),
}
ON_DESCRIPTOR = {"read", "readv", "write", "writev", "connect", "accept", "accept4", "sendto", "recvfrom", "sendmsg",
                 "recvmsg"}  # fmt: skip
WAITS = {call: f"waiting for {what}" for what, calls in FOR.items() for call in calls}
WAITS |= dict.fromkeys(FOR["an end"], "waiting for a child to end")
#: faulthandler's dump at SIGABRT; a line of it (the innermost comes first) or of a traceback (the innermost is last).
DUMP = re.compile(rb"(?:^|\n)Fatal Python error: Aborted\n.*\Z", re.DOTALL)
FRAME = re.compile(r'^  File "([^"\n]+)", line (\d+),? in (\S+)$', re.MULTILINE)
#: A traceback: what leads to the exception, and the exception's line (in a group it stands behind a bar).
TRACEBACK = re.compile(
    r"Traceback \(most recent call last\):\n((?:(?!.*Traceback \(most).*\n)*?)"
    r"(?:  \| )?((?:(?:[\w<>]+\.)*[A-Z]\w*|(?:[\w<>]+\.)+\w+)(?:: .*)?)$",
    re.MULTILINE,
)
MOST_BELOW = 3


def sleeps_in(pid: int) -> str:
    """Return the name of the system call that process ``pid`` is asleep in; "" if it runs, or nobody may tell.

    Linux tells it to whoever may trace the process; see proc_pid_syscall(5).
    """
    return _call(pid)[0]


def _call(pid: int) -> tuple[str, int]:
    """Return the call's name and its first argument."""
    try:
        with open(f"/proc/{pid}/syscall", encoding="ascii") as file:
            words = file.read().split()
        number, first = int(words[0]), int(words[1], 16)
    except (OSError, ValueError, IndexError):  # gone, not ours to trace; "running"
        return "", 0
    return CALLS.get(os.uname().machine, {}).get(number, f"system call {number}" if number >= 0 else ""), first


def kernel_words(pid: int) -> str:
    """Return what ``pid`` does as the kernel shows it: ``asleep in wait4, waiting for a child to end``; gone: ""."""
    try:
        state = ProcessStat.of(pid).state
    except (OSError, LcmError):  # gone
        return ""
    call, first = _call(pid)
    if state in "Tt":
        return "stopped (state T)"
    if state in "ZX":
        return "ended, and nobody has waited for it (state Z)"
    if not call:
        return "running: it waits for nothing (state R)" if state == "R" else f"asleep (state {state})"
    if call in ON_DESCRIPTOR:
        return f"asleep in {call} of descriptor {first}{_kind(pid, first)}"
    return f"asleep in {call}" + (f", {WAITS[call]}" if call in WAITS else "")


def _kind(pid: int, fd: int) -> str:
    """Return what the descriptor is: ``, a pipe``."""
    try:
        target = os.readlink(f"/proc/{pid}/fd/{fd}")
    except OSError:
        return ""
    kind = target.partition(":[")[0]
    return f", a {kind}" if kind in ("pipe", "socket") else f", {target}"


def below_words(stats: Iterable[ProcessStat]) -> str:
    """Return what the processes below a hanging one do, at most three of them: ``cat is asleep in read of …``."""
    told = [(stat.comm, kernel_words(stat.pid)) for stat in stats]
    words = [f"{name!r} is {what}" for name, what in told if what]
    more = [f"{len(words) - MOST_BELOW} more"] if len(words) > MOST_BELOW else []
    return "; ".join(words[:MOST_BELOW] + more)


def cut_dump(data: bytearray) -> bytes:
    """Take Python's dump off the end of ``data`` (a standard error), and return it; b"" if there is none."""
    found = DUMP.search(data)
    if not found:
        return b""
    dump = bytes(found[0])
    del data[found.start() + dump.startswith(b"\n") :]
    return dump


def python_line(dump: bytes, submission: str) -> str:
    """Return where a dump says that Python was: the innermost line that stands in the folder ``submission``."""
    thread = dump.decode(errors="replace").partition("\n\n")[2].partition("\n\n")[0]
    return next(_own_lines(thread, submission), "")


def raised_at(err: bytes, submission: str) -> str:
    """Return the innermost line in the folder ``submission`` of the traceback that stands in a standard error."""
    return (["", *_own_lines(err.decode(errors="replace"), submission)])[-1]


def uncaught(err: bytes, submission: str) -> str:
    """Return the last exception whose traceback, in a standard error, leads through a file of ``submission``.

    ``ValueError: what it said``, one line; "" if there is none. What other programs have written is not taken for one.
    """
    found = TRACEBACK.findall(printable(err))
    own = [exception for frames, exception in found if f'File "{submission}/' in frames]
    return own[-1][:400] if own else ""


def _own_lines(text: str, submission: str) -> Iterator[str]:
    for file, line, function in FRAME.findall(text):
        if file.startswith(submission + "/"):
            yield f"{file}, line {line}" + (f", in {function}" if function != "<module>" else "")
