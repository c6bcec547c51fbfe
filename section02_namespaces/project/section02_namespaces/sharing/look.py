"""How the kernel is asked which namespaces a process is in, and how they belong together.

What belongs here: readers of /proc and the namespace ioctls, for the stage. What does not: doing anything.
"""

from __future__ import annotations

import fcntl
import os
from typing import TYPE_CHECKING

from section01_processes import LcmError

from .. import KINDS, Namespace, namespaces_of, open_namespace

if TYPE_CHECKING:
    from collections.abc import Iterable

_NS_GET_PARENT = 0xB702  # <linux/nsfs.h>: _IO(0xb7, 2)


def shared_kinds(one: int, other: int) -> list[str]:
    """Return the kinds of which both processes are in the same namespace."""
    here, there = namespaces_of(one), namespaces_of(other)
    return [kind.name for kind in KINDS if here.get(kind.name) == there.get(kind.name)]


def own_kinds(pid: int, kinds: Iterable[str]) -> list[str]:
    """Return those of ``kinds`` in which process ``pid`` is somewhere else than we."""
    shared = shared_kinds(pid, os.getpid())
    return [kind for kind in kinds if kind not in shared]


def namespace_inode(pid: int, kind: str) -> int:
    """Return the identity of the namespace of ``kind`` that a process is in."""
    return namespaces_of(pid)[kind]


def processes_in(kind: str, inode: int) -> int:
    """Return how many processes that we may look at are in a namespace."""
    found = 0
    for pid in filter(str.isdecimal, os.listdir("/proc")):
        try:
            found += os.stat(f"/proc/{pid}/ns/{kind}").st_ino == inode
        except OSError:
            continue  # gone, or another user's
    return found


def pid_inside(pid: int) -> int:
    """Return the pid of a process in the innermost pid namespace that it is in."""
    with open(f"/proc/{pid}/status", encoding="utf-8", errors="replace") as file:
        return next(int(line.split()[-1]) for line in file if line.startswith("NSpid"))


def identity(kind: str, inode: int) -> str:
    """Return a namespace as the kernel writes it: ``net:[4026531840]``."""
    return f"{kind}:[{inode}]"


def depth_of(pid: int) -> int:
    """Return how many levels below ours the user namespace of a process is, parent by parent. ioctl_ns(2)."""
    ours, depth = namespaces_of("self")["user"], 0
    fd = open_namespace(f"/proc/{pid}/ns/user")
    try:
        while os.fstat(fd).st_ino != ours:
            parent = fcntl.ioctl(fd, _NS_GET_PARENT)
            os.close(fd)
            fd, depth = parent, depth + 1
    finally:
        os.close(fd)
    return depth


def owner_of(pid: int, kind: str) -> str:
    """Return the user namespace that owns a namespace of process ``pid``. ioctl_ns(2)."""
    owner = Namespace.of(pid, kind).owner()
    if owner is None:
        raise LcmError(f"the owner of the {kind} namespace of process {pid} lies outside of what we may see")
    return identity("user", owner)
