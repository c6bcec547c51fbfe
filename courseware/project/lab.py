"""The system calls that Python does not have, for exercises: ``from lab import unshare, CLONE_NEWUTS``.

Each function is one system call, named as in its manual page, and raises OSError with the call's name and its object
when the kernel says no. This file needs nothing but the standard library and is short enough to be read whole.

``raise lab.Todo("what is missing")`` ends a program with exit status 100: "this part is not written yet".
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from types import TracebackType
from typing import Any

# unshare(2), setns(2): which namespace.
CLONE_NEWTIME, CLONE_NEWNS, CLONE_NEWCGROUP, CLONE_NEWUTS = 0x80, 0x20000, 0x2000000, 0x4000000
CLONE_NEWIPC, CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET = 0x8000000, 0x10000000, 0x20000000, 0x40000000

# mount(2), umount2(2): flags.
MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_REMOUNT = 1, 2, 4, 8, 32
MS_BIND, MS_MOVE, MS_REC = 4096, 8192, 16384
MS_UNBINDABLE, MS_PRIVATE, MS_SLAVE, MS_SHARED = 1 << 17, 1 << 18, 1 << 19, 1 << 20
MNT_FORCE, MNT_DETACH = 1, 2

# prctl(2): operations. Calls without a function in libc have a number, one per architecture: syscall(2).
PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36
PIVOT_ROOT = {"x86_64": 155, "aarch64": 41}

Path = str | bytes | os.PathLike[str]

libc: Any = ctypes.CDLL(None, use_errno=True)
libc.mount.argtypes = (*[ctypes.c_char_p] * 3, ctypes.c_ulong, ctypes.c_char_p)
libc.sethostname.argtypes = (ctypes.c_char_p, ctypes.c_size_t)
libc.prctl.argtypes = (ctypes.c_int, *[ctypes.c_ulong] * 4)
libc.syscall.argtypes = (ctypes.c_long, *[ctypes.c_char_p] * 2)
libc.syscall.restype = ctypes.c_long

pidfd_open = os.pidfd_open  # Python has these two: pidfd_open(pid) -> descriptor, see pidfd_open(2)
pidfd_send_signal = signal.pidfd_send_signal  # pidfd_send_signal(pidfd, signal), see pidfd_send_signal(2)


def _check(result: int, call: str, *objects: object) -> int:
    """Return the kernel's answer, or raise OSError: the errno, the call's name, what it was about."""
    if result == -1:
        code = ctypes.get_errno()
        about = " -> ".join(os.fsdecode(o) if isinstance(o, bytes) else str(o) for o in objects)
        raise OSError(code, f"{call}: {os.strerror(code)}", about or None)
    return result


def unshare(flags: int) -> None:
    """Move this process into new namespaces: any of CLONE_NEW…, joined by ``|``. man 2 unshare.

    CLONE_NEWPID is the odd one: not the caller moves, its next child does.
    """
    _check(libc.unshare(flags), "unshare", hex(flags))


def setns(fd: int, kind: int = 0) -> None:
    """Join the namespace that ``fd`` is open on (/proc/PID/ns/…); ``kind``: the CLONE_NEW… it must be. man 2 setns."""
    _check(libc.setns(fd, kind), "setns", f"descriptor {fd}")


def mount(source: Path, target: Path, fstype: str = "", flags: int = 0, data: str = "") -> None:
    """Mount ``source`` on ``target``, or change the mount that is there (MS_REMOUNT, MS_PRIVATE …). man 2 mount."""
    words = os.fsencode(source), os.fsencode(target), fstype.encode() or None, flags, data.encode() or None
    _check(libc.mount(*words), "mount", *words[:2])


def umount(target: Path, flags: int = 0) -> None:
    """Unmount ``target``; MNT_DETACH: take it away now, let it end when nobody uses it any more. man 2 umount2."""
    _check(libc.umount2(os.fsencode(target), flags), "umount", os.fsencode(target))


def pivot_root(new_root: Path, put_old: Path) -> None:
    """Make the mount ``new_root`` this namespace's root, and put the old root on ``put_old``. man 2 pivot_root."""
    number, words = PIVOT_ROOT[os.uname().machine], (os.fsencode(new_root), os.fsencode(put_old))
    _check(libc.syscall(number, *words), "pivot_root", *words)


def sethostname(name: str) -> None:
    """Set the host name of this uts namespace. man 2 sethostname."""
    _check(libc.sethostname(name.encode(), len(name.encode())), "sethostname", name)


def set_subreaper() -> None:
    """Become the parent of all descendants that lose theirs. PR_SET_CHILD_SUBREAPER(2const)."""
    _check(libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0), "prctl", "PR_SET_CHILD_SUBREAPER")


def set_death_signal(number: int) -> None:
    """Get signal ``number`` when the parent ends. PR_SET_PDEATHSIG(2const)."""
    _check(libc.prctl(PR_SET_PDEATHSIG, number, 0, 0, 0), "prctl", "PR_SET_PDEATHSIG")


TODO_STATUS = 100


class Todo(Exception):
    """This part of the exercise is not written yet: what a starter raises, until you replace it."""


def _end_with_todo(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Say a Todo that nobody caught in one line and exit with TODO_STATUS; every other error is shown as usual."""
    if not issubclass(kind, Todo):
        return sys.__excepthook__(kind, error, trace)
    print(f"todo: {error}", file=sys.stderr, flush=True)
    sys.exit(TODO_STATUS)


sys.excepthook = _end_with_todo
