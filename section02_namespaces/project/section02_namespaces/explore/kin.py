"""Owner and parent of namespaces, by asking the kernel, and upwards to those that nothing else shows. ioctl_ns(2).

What belongs here: opening a namespace's file and the three questions. What does not: finding where its file is.
"""

from __future__ import annotations

import os
from fcntl import ioctl

from ..namespace import NS_GET_OWNER_UID, NS_GET_PARENT, NS_GET_USERNS
from .model import Found

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from .model import Survey

_FLAGS = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC  # a pin may be hidden below something else: wait for no writer


def open_found(paths: Iterable[str], inode: int) -> int:
    """Return a descriptor of namespace ``inode``, by the first of ``paths`` that leads to it; -1 when none does."""
    for path in paths:
        try:
            fd = os.open(path, _FLAGS)
        except OSError:
            continue
        if os.fstat(fd).st_ino == inode:
            return fd
        os.close(fd)
    return -1


def ask_upwards(survey: Survey, space: Found, fd: int) -> None:
    """Fill in owner, parent and owner's uid of ``space`` behind ``fd``, which is closed; note those above that are new.

    One question of each sort is put to each namespace. For a user namespace the owner is the parent.
    """
    try:
        if space.kind == "user":
            space.owner_uid = _uid(fd)
        elif space.kind == "pid":
            space.parent = _related(survey, "pid", fd, NS_GET_PARENT)
        space.owner = _related(survey, "user", fd, NS_GET_USERNS)
        if space.kind == "user":
            space.parent = space.owner
    except OSError:  # not a namespace: something else is mounted there, with its inode number
        pass
    finally:
        os.close(fd)


def _related(survey: Survey, kind: str, fd: int, request: int) -> int | None:
    """Return the inode that ``request`` leads to; None: there is none, or it is outside of our own (EPERM)."""
    try:
        other = ioctl(fd, request)
    except PermissionError:
        return None
    inode = os.fstat(other).st_ino
    if inode in survey.spaces:
        os.close(other)
    else:
        survey.spaces[inode] = new = Found(kind, inode)
        ask_upwards(survey, new, other)
    return inode


def _uid(fd: int) -> int:
    """Return the uid of who made the user namespace behind ``fd``, as our own user namespace has it."""
    return int.from_bytes(ioctl(fd, NS_GET_OWNER_UID, bytes(4)), "little")
