"""Section 5's one system call that Python's ``os`` lacks."""

from __future__ import annotations

import ctypes

from section01_processes import prototype

_syncfs = prototype("syncfs", ctypes.c_int)


def syncfs(fd: int) -> None:
    """Write to disk everything of the file system that ``fd`` is on; man 2 syncfs. Raises SyscallError."""
    _syncfs(fd)
