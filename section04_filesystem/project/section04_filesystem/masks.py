"""Paths that a container must not see or write: OCI ``maskedPaths`` and ``readonlyPaths``.

What belongs here: covering them. What does not: which ones (section 7). All this happens before pivot_root, while the
host's own /dev/null is in reach: a mask whose source the image could choose is no mask (CVE-2025-31133).
"""

from __future__ import annotations

import errno
import os
import stat

from section01_processes import action

from .core.detached import clone_tree, dress, new_filesystem
from .core.flags import MOUNT_ATTR_NODEV, MOUNT_ATTR_NOEXEC, MOUNT_ATTR_NOSUID, MOUNT_ATTR_RDONLY
from .core.mounts import attach
from .core.paths import safe_open
from .errors import UnsafePath, mount_error

_SEALED = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC
_NOT_THERE = (errno.ENOENT, errno.ENOTDIR)


@action("move_mount(2)")
def mask_path(root_fd: int, path: str) -> None:
    """Cover ``path`` inside the root: a folder by an empty read-only tmpfs, a file by the null device.

    A path that is not there needs no mask. Raises MountError, UnsafePath.
    """
    target = _open_target(root_fd, path)
    if target < 0:
        return
    try:
        cover = _empty_folder() if stat.S_ISDIR(os.fstat(target).st_mode) else _null_device()
        try:
            attach(cover, target)
        finally:
            os.close(cover)
    except OSError as error:
        raise mount_error(error, f"mask {path}") from error
    finally:
        os.close(target)


@action("mount_setattr(2)")
def make_readonly(root_fd: int, path: str) -> None:
    """Bind ``path`` inside the root on itself, read-only, with all below it. Not there: fine. Raises MountError."""
    target = _open_target(root_fd, path)
    if target < 0:
        return
    try:
        tree = clone_tree(target)
        try:
            dress(tree, MOUNT_ATTR_RDONLY, recursive=True)
            attach(tree, target)
        finally:
            os.close(tree)
    except OSError as error:
        raise mount_error(error, f"make {path} read-only") from error
    finally:
        os.close(target)


def _open_target(root_fd: int, path: str) -> int:
    try:
        return safe_open(root_fd, path)
    except OSError as error:
        if error.errno in _NOT_THERE:
            return -1
        raise mount_error(error, f"open {path}") from error


def _empty_folder() -> int:
    """Return a detached, empty, read-only tmpfs."""
    return new_filesystem("tmpfs", "tmpfs", ("size=0", "nr_inodes=1", "mode=755"), _SEALED)


def _null_device() -> int:
    """Return a detached bind of /dev/null, once it is proven to be the null device."""
    fd = os.open("/dev/null", os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        status = os.fstat(fd)
        if not stat.S_ISCHR(status.st_mode) or status.st_rdev != os.makedev(1, 3):
            raise UnsafePath("/dev/null is not the null device (character device 1:3)")
        return clone_tree(fd, False)
    finally:
        os.close(fd)
