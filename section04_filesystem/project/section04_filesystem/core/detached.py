"""Make a mount detached and dress it. See fsopen(2), open_tree(2), mount_setattr(2).

A mount used to be one call, mount(2), with a path as its target, followed by a second one that remounts it read-only:
for a moment it was writable, and the path could be swapped for a link. Here a mount first exists *detached*, known by
a descriptor only; it gets its attributes where nobody can see it; then it is attached (``mounts.py``).

What belongs here: mounts that are nowhere yet. What does not: targets, option words.
"""

from __future__ import annotations

import os

from section01_processes import SyscallError
from section04_filesystem import _syscalls
from section04_filesystem.errors import mount_error

from . import flags as k

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence


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
