"""File locks: who holds the lock of a container's folder is its creator or its shim; nobody else may change it.

What belongs here: taking them. What does not: what a free lock means (``settle.py``).
"""

from __future__ import annotations

import errno
import fcntl
import os
import time

from minidocker.errors import WrongState

LOCK = "lock"


def make_lock(folder: str) -> int:
    """Make the lock file in the new ``folder`` and take its lock; return the descriptor, which the shim inherits."""
    fd = os.open(f"{folder}/{LOCK}", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    fcntl.flock(fd, fcntl.LOCK_EX)
    return fd


def try_lock(folder: str) -> int | None:
    """Return a descriptor that holds the lock of ``folder``, or None when a living process has it.

    Raises FileNotFoundError when the folder is gone.
    """
    fd = os.open(f"{folder}/{LOCK}", os.O_RDWR | os.O_CLOEXEC)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(fd)
        if error.errno in {errno.EWOULDBLOCK, errno.EACCES}:
            return None
        raise
    return fd


def wait_lock(folder: str, seconds: float, who: str) -> int:
    """Return a descriptor that holds the lock of ``folder``, waiting up to ``seconds``.

    A shim lives for a moment after the end of its container. Raises WrongState, FileNotFoundError.
    """
    until = time.monotonic() + seconds
    pause = 0.001
    while (fd := try_lock(folder)) is None:
        if time.monotonic() > until:
            raise WrongState(f"container {who} is busy: another command or its shim holds it")
        time.sleep(pause)
        pause = min(pause * 2, 0.05)
    return fd


class Lease:
    """Shared by everyone who turns an image into a container, exclusive for who removes images (context manager)."""

    __slots__ = ("_fd", "_kind", "_path")

    def __init__(self, root: str, *, exclusive: bool = False) -> None:
        self._path = root + "/images.lease"
        self._kind = fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH
        self._fd = -1

    def __enter__(self) -> None:
        self._fd = os.open(self._path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        fcntl.flock(self._fd, self._kind)

    def __exit__(self, *_: object) -> None:
        fcntl.flock(self._fd, fcntl.LOCK_UN)  # not only close: who was forked meanwhile shares it (--explain's teller)
        os.close(self._fd)
