"""Removing a folder that a stranger filled: no recursion, no long paths, no following of links or mounts.

Whoever was inside can nest folders deeper than any path is long or any stack is deep. So sub-folders are lifted to the
top, one by one, and each is emptied there: the depth is never more than two. Lifting is also what keeps us on this one
mount: rename(2) refuses a folder on which something is mounted (EBUSY), so that a bind mount of the host's folders,
even from the same file system, where the device number is the same, is never entered. The top is looked at besides:
nobody renames that.

What belongs here: removal by descriptors. What does not: who is still inside (``occupants.py``).
"""

from __future__ import annotations

import errno
import os

FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def remove_tree(path: str) -> None:
    """Remove the folder ``path`` and everything in it; fine if it is not there. Raises OSError (EBUSY: mounted)."""
    try:
        fd = os.open(path, FOLDER)
    except FileNotFoundError:
        return
    try:
        above = os.stat("..", dir_fd=fd)
        if os.fstat(fd).st_dev != above.st_dev:
            raise OSError(errno.EBUSY, os.strerror(errno.EBUSY), path)
        empty_folder(fd)
    finally:
        os.close(fd)
    os.rmdir(path)


def empty_folder(top: int) -> None:
    """Remove everything in the folder open at ``top``. Raises OSError EBUSY for what is mounted in it here."""
    os.chmod(top, 0o700)
    number = 0
    while names := os.listdir(top):
        for name in names:
            try:
                os.unlink(name, dir_fd=top)
            except IsADirectoryError:
                lifted, number = _lift(name, top, top, number)
                number = _empty(lifted, top, number)
                os.rmdir(lifted, dir_fd=top)


def _empty(name: str, top: int, number: int) -> int:
    """Empty the folder ``name`` of ``top``, lifting its sub-folders into ``top``; returns the next free number."""
    fd = os.open(name, FOLDER, dir_fd=top)
    try:
        for entry in os.listdir(fd):
            try:
                os.unlink(entry, dir_fd=fd)
            except IsADirectoryError:
                _, number = _lift(entry, fd, top, number)
    finally:
        os.close(fd)
    return number


def _lift(name: str, parent: int, top: int, number: int) -> tuple[str, int]:
    """Rename the folder ``name`` of ``parent`` to a free number in ``top``; a mounted one refuses: EBUSY, EXDEV."""
    while _exists(lifted := f".{number}", top):
        number += 1
    try:
        os.rename(name, lifted, src_dir_fd=parent, dst_dir_fd=top)
    except PermissionError:  # without privilege: a folder that its owner may not write to cannot move
        os.chmod(name, 0o700, dir_fd=parent)
        os.rename(name, lifted, src_dir_fd=parent, dst_dir_fd=top)
    os.chmod(lifted, 0o700, dir_fd=top)  # a folder, not a link: EISDIR said so
    return lifted, number + 1


def _exists(name: str, parent: int) -> bool:
    """Tell whether ``parent`` has an entry ``name``, whatever it is."""
    try:
        os.lstat(name, dir_fd=parent)
    except FileNotFoundError:
        return False
    return True
