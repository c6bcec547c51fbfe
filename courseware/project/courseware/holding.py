"""Folders that are in use are locked: so ``./course clean`` knows what a crash left from what a command still needs.

What belongs here: the lock (flock(2)), which the kernel gives back when its holder dies, however it dies. What does
not: what the folders are for, and removing what nobody holds (``leftovers/``).
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import tempfile
from collections.abc import Iterator


def hold(folder: str | os.PathLike[str]) -> int:
    """Lock ``folder`` for as long as the descriptor that is returned is open. No program that is executed inherits it.

    Folders of cgroups can be held as well. Raises OSError.
    """
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BaseException:
        os.close(fd)
        raise
    return fd


def held(folder: str) -> bool:
    """Whether a living process holds ``folder``; False when it is gone. Raises OSError: it may not be opened."""
    try:
        fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(fd)
    return False


@contextlib.contextmanager
def temporary_folder(prefix: str) -> Iterator[str]:
    """Make a folder for temporary files, hold it, and remove it in the end; yield its path."""
    with tempfile.TemporaryDirectory(prefix=prefix) as folder:
        fd = hold(folder)
        try:
            yield folder
        finally:
            os.close(fd)
