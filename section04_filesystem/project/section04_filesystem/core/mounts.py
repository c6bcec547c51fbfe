"""Attach mounts at targets inside a root: a new file system, a bind. See move_mount(2).

A mount is made detached (``detached.py``); its target is opened without leaving the root (``paths.py``); then one
descriptor is attached to the other. No path is resolved twice, and nothing is ever visible half done.

What belongs here: attaching, and the two actions that plans are made of. What does not: option words, overlay, masks.
"""

from __future__ import annotations

import os
import stat

from section01_processes import action
from section04_filesystem import _syscalls
from section04_filesystem.errors import mount_error

from . import flags as k
from .detached import clone_tree, dress, new_filesystem
from .paths import make_target

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

#: Nothing of an image may redirect these: a link named /proc would send all later writes to /proc elsewhere.
_NEVER_THROUGH_LINKS = ("proc", "sysfs")


def attach(mount_fd: int, target_fd: int) -> None:
    """Attach the detached mount to the target that ``target_fd`` is open on; on top of what is mounted there."""
    both = k.MOVE_MOUNT_F_EMPTY_PATH | k.MOVE_MOUNT_T_EMPTY_PATH
    _syscalls.move_mount(mount_fd, b"", target_fd, b"", both)


def attach_in_root(
    mount_fd: int, root_fd: int, target: str, links: bool = True, prepare: Callable[[int], None] | None = None
) -> None:
    """Attach the mount at ``target`` inside the root, created if missing; closes ``mount_fd``, whatever happens.

    ``prepare(mount_fd)`` is called first, while the mount is still nowhere and nobody can see it.
    """
    try:
        if prepare:
            prepare(mount_fd)
        kind = "dir" if stat.S_ISDIR(os.fstat(mount_fd).st_mode) else "file"
        target_fd = make_target(root_fd, target, kind, links=links)
        try:
            attach(mount_fd, target_fd)
        finally:
            os.close(target_fd)
    finally:
        os.close(mount_fd)


@action("fsopen(2)", flags="attributes:k.MOUNT_ATTR_")
def mount_filesystem(
    root_fd: int, target: str, fstype: str, source: str = "", data: Sequence[str] = (), attributes: int = 0
) -> None:
    """Mount a new file system at ``target`` inside the root. Raises MountError, which names it."""
    try:
        mounted = new_filesystem(fstype, source, data, attributes)
        attach_in_root(mounted, root_fd, target, fstype not in _NEVER_THROUGH_LINKS)
    except OSError as error:
        raise mount_error(error, f"mount {source or fstype} → {target} (type {fstype})", fstype) from error


@action("open_tree(2)", flags="attributes:k.MOUNT_ATTR_")
def mount_bind(root_fd: int, target: str, source: str, recursive: bool = True, attributes: int = 0) -> None:
    """Bind ``source`` of the host to ``target`` inside the root, with MOUNT_ATTR_* ``attributes`` added."""
    try:
        tree = clone_tree(source, recursive)
        attach_in_root(tree, root_fd, target, prepare=lambda mount_fd: dress(mount_fd, attributes))
    except OSError as error:
        raise mount_error(error, f"bind {source} → {target}", "bind") from error
