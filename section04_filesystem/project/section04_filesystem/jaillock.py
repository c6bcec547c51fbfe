"""Who works on a jail: a lock on its folder, for as long as its holder lives. See flock(2).

A maker or remover holds it alone, whoever is inside shares it. The kernel lets go of it when the holder ends, however
he ends; so a folder with the mark of unfinished work that nobody holds was left behind, and may be swept.

What belongs here: names of folders, taking and sweeping. What does not: what is in them (``jails.py``).
"""

from __future__ import annotations

import errno
import fcntl
import os
import time

from section01_processes import action, warn

from .errors import FilesystemError
from .removal import FOLDER, remove_tree

#: Marks of unfinished work: being made, being removed. A jail's own name never begins with a dot.
MAKING, REMOVING = ".new", ".old"


def lock(path: str, how: int, seconds: float = 0) -> int:
    """Open folder ``path`` and lock it (LOCK_EX, LOCK_SH); return the descriptor, which the caller owns.

    Waits up to ``seconds``. Raises FileNotFoundError, OSError; BlockingIOError: somebody else holds it.
    """
    end = time.monotonic() + seconds
    while True:
        fd = os.open(path, FOLDER)
        try:
            fcntl.flock(fd, how | fcntl.LOCK_NB)
            if os.path.samestat(os.fstat(fd), os.stat(path)):  # not removed, or replaced, while we waited
                return fd
        except BlockingIOError:
            if time.monotonic() >= end:
                os.close(fd)
                raise
            time.sleep(0.01)
        except BaseException:
            os.close(fd)
            raise
        os.close(fd)


@action("flock(2)")
def claim(folder: str, name: str) -> int:
    """Make the folder in which jail ``name`` is made, ours alone; return its locked descriptor.

    What a dead maker left in it is removed. Raises FilesystemError: somebody makes it at this moment; OSError.
    """
    path = f"{folder}/.{name}{MAKING}"
    while True:
        try:
            os.mkdir(path, 0o700)
        except FileExistsError:
            pass
        try:
            fd = lock(path, fcntl.LOCK_EX)
            break
        except FileNotFoundError:  # somebody swept it, rightly: it was not locked yet
            continue
        except BlockingIOError:
            raise FilesystemError(f"jail {name} is being made by another jailman") from None
    try:
        for entry in os.listdir(fd):
            remove_tree(f"{path}/{entry}") if os.path.isdir(f"{path}/{entry}") else os.unlink(entry, dir_fd=fd)
    except BaseException:
        os.close(fd)
        raise
    return fd


def sweep(folder: str) -> list[str]:
    """Remove what makers and removers that were killed have left in ``folder``; return the names of those folders.

    What cannot be removed (something is mounted in it) is a warning: it must not stop who came for something else.
    """
    swept = []
    for name in _unfinished(folder):
        path = f"{folder}/{name}"
        try:
            fd = lock(path, fcntl.LOCK_EX)
        except (FileNotFoundError, BlockingIOError):
            continue
        except OSError:  # not ours
            continue
        try:
            remove_tree(path)
            swept.append(name)
        except OSError as error:
            reason = "something is mounted in it" if error.errno == errno.EBUSY else error.strerror
            warn(f"{path} was left behind and cannot be removed: {reason}")
        finally:
            os.close(fd)
    return swept


def _unfinished(folder: str) -> list[str]:
    """Return the names of folders that bear the mark of unfinished work."""
    try:
        names = os.listdir(folder)
    except OSError:
        return []
    return sorted(name for name in names if name[0] == "." and name.endswith((MAKING, REMOVING)))
