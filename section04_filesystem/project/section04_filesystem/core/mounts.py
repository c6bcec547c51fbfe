"""Make a mount: detached, dressed, attached. See mount_setattr(2), open_tree(2), fsopen(2), move_mount(2).

A mount used to be one call, mount(2), with a path as its target, followed by a second one that remounts it read-only:
for a moment it was writable, and the path could be swapped for a link. Here a mount first exists *detached*, known by
a descriptor only; it gets its attributes where nobody can see it; then it is attached to a target that is a
descriptor too.

What belongs here: these four verbs and the two actions made of them. What does not: option words, overlay, masks.
"""

from __future__ import annotations

import os
import stat

from section01_processes import SyscallError, action
from section04_filesystem import _syscalls
from section04_filesystem.errors import mount_error

from . import flags as k
from .flags import (  # noqa: F401  an explanation decodes flags with them
    MOUNT_ATTR_NOATIME,
    MOUNT_ATTR_NODEV,
    MOUNT_ATTR_NODIRATIME,
    MOUNT_ATTR_NOEXEC,
    MOUNT_ATTR_NOSUID,
    MOUNT_ATTR_NOSYMFOLLOW,
    MOUNT_ATTR_RDONLY,
    MOUNT_ATTR_STRICTATIME,
)
from .paths import make_target

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

#: Nothing of an image may redirect these: a link named /proc would send all later writes to /proc elsewhere.
_NEVER_THROUGH_LINKS = ("proc", "sysfs")


def new_filesystem(fstype: str, source: str = "", data: Sequence[str] = (), attributes: int = 0) -> int:
    """Make a file system of type ``fstype``; return its detached mount (a descriptor that the caller owns).

    ``data``: its options, ``key=value`` or ``key``; ``attributes``: MOUNT_ATTR_*. Raises MountError, with what the
    kernel wrote to the configuration's log.
    """
    what = f"{source or fstype} (type {fstype})"
    try:
        fs = _syscalls.fsopen(fstype.encode(), k.FSOPEN_CLOEXEC)
    except SyscallError as error:
        raise mount_error(error, what, fstype) from None
    try:
        for option in (f"source={source or fstype}", *data):
            key, has_value, value = os.fsencode(option).partition(b"=")
            command = k.FSCONFIG_SET_STRING if has_value else k.FSCONFIG_SET_FLAG
            _syscalls.fsconfig(fs, command, key, value if has_value else None, 0)
        _syscalls.fsconfig(fs, k.FSCONFIG_CMD_CREATE, None, None, 0)
        return _syscalls.fsmount(fs, k.FSMOUNT_CLOEXEC, attributes)
    except SyscallError as error:
        raise mount_error(error, what, fstype, kernel_log(fs)) from None
    finally:
        os.close(fs)


def kernel_log(fs: int) -> str:
    """Return what the kernel wrote about the failed configuration ``fs`` (fsopen(2)), or an empty text."""
    lines = []
    try:
        while line := os.read(fs, 4096):
            lines.append(line.decode(errors="replace")[2:].strip())
    except OSError:  # ENODATA: no more
        pass
    return "; ".join(lines)


def clone_tree(source: str | int, recursive: bool = True) -> int:
    """Return a detached copy of the mount at ``source`` (a path, or a descriptor): what a bind mount attaches."""
    wanted = k.OPEN_TREE_CLONE | k.OPEN_TREE_CLOEXEC | (k.AT_RECURSIVE if recursive else 0)
    if isinstance(source, int):
        return _syscalls.open_tree(source, b"", wanted | k.AT_EMPTY_PATH)
    return _syscalls.open_tree(k.AT_FDCWD, os.fsencode(source), wanted)


def dress(mount_fd: int, set_: int = 0, clear: int = 0, propagation: int = 0, recursive: bool = False) -> None:
    """Set and clear attributes of a mount. What is not named stays: locked flags (user namespaces) are kept."""
    if set_ or clear or propagation:
        at_flags = k.AT_EMPTY_PATH | (k.AT_RECURSIVE if recursive else 0)
        _syscalls.mount_setattr(mount_fd, b"", at_flags, set_, clear, propagation)


def attach(mount_fd: int, target_fd: int) -> None:
    """Attach the detached mount to the target that ``target_fd`` is open on; on top of what is mounted there."""
    both = k.MOVE_MOUNT_F_EMPTY_PATH | k.MOVE_MOUNT_T_EMPTY_PATH
    _syscalls.move_mount(mount_fd, b"", target_fd, b"", both)


def attach_in_root(mount_fd: int, root_fd: int, target: str, links: bool = True) -> None:
    """Attach the mount at ``target`` inside the root, created if missing; closes ``mount_fd``, whatever happens."""
    try:
        kind = "dir" if stat.S_ISDIR(os.fstat(mount_fd).st_mode) else "file"
        target_fd = make_target(root_fd, target, kind, links=links)
        try:
            attach(mount_fd, target_fd)
        finally:
            os.close(target_fd)
    finally:
        os.close(mount_fd)


@action("fsopen(2)", flags="attributes:MOUNT_ATTR_")
def mount_filesystem(
    root_fd: int, target: str, fstype: str, source: str = "", data: Sequence[str] = (), attributes: int = 0
) -> None:
    """Mount a new file system at ``target`` inside the root. Raises MountError, which names it."""
    try:
        mounted = new_filesystem(fstype, source, data, attributes)
        attach_in_root(mounted, root_fd, target, fstype not in _NEVER_THROUGH_LINKS)
    except OSError as error:
        raise mount_error(error, f"mount {source or fstype} → {target} (type {fstype})", fstype) from error


@action("open_tree(2)", flags="attributes:MOUNT_ATTR_")
def mount_bind(root_fd: int, target: str, source: str, recursive: bool = True, attributes: int = 0) -> None:
    """Bind ``source`` of the host to ``target`` inside the root, with MOUNT_ATTR_* ``attributes`` added."""
    try:
        tree = clone_tree(source, recursive)
        try:
            dress(tree, attributes)
        except OSError:
            os.close(tree)
            raise
        attach_in_root(tree, root_fd, target)
    except OSError as error:
        raise mount_error(error, f"bind {source} → {target}", "bind") from error
