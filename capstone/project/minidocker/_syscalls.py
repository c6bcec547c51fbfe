"""MiniDocker's own prototypes: inotify(7), for followers of a log.

What belongs here: prototypes and wrappers. What does not: anything that decides.
"""

from __future__ import annotations

import ctypes
import os

from section01_processes import prototype

IN_MODIFY = 0x2
IN_MOVED_TO = 0x80
IN_CREATE = 0x100
IN_DELETE_SELF = 0x400
_IN_CLOEXEC = os.O_CLOEXEC
_IN_NONBLOCK = os.O_NONBLOCK

_init = prototype("inotify_init1", ctypes.c_int)
_add = prototype("inotify_add_watch", ctypes.c_int, ctypes.c_char_p, ctypes.c_uint32)


def inotify() -> int:
    """Return a new inotify descriptor, non-blocking and close-on-exec; see inotify_init1(2)."""
    return _init(_IN_CLOEXEC | _IN_NONBLOCK)


def watch(fd: int, path: str, mask: int) -> int:
    """Watch ``path`` for the events in ``mask``; see inotify_add_watch(2)."""
    return _add(fd, os.fsencode(path), mask)
