"""Mounts with every option: binds that clear or set attributes below too, propagation, remounts, tmpfs with content.

What belongs here: the actions around those of ``core/mounts.py``. What does not: which mounts there are.
"""

from __future__ import annotations

import os

from section01_processes import UsageError, action

from . import _syscalls
from .copying import copy_up
from .core import flags as k
from .core.detached import clone_tree, dress, new_filesystem
from .core.mounts import attach_in_root
from .core.paths import make_target, safe_open
from .errors import mount_error

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence


_FLAGS = "set_:k.MOUNT_ATTR_ clear:k.MOUNT_ATTR_ all_set:k.MOUNT_ATTR_ all_clear:k.MOUNT_ATTR_"


@action("mount_setattr(2)", flags=_FLAGS)
def mount_bind_with(
    root_fd: int,
    target: str,
    source: str,
    recursive: bool,
    set_: int,
    clear: int,
    all_set: int = 0,
    all_clear: int = 0,
    propagation: str = "",
) -> None:
    """Bind ``source`` to ``target``; attributes to set and to clear for this mount, and for ``all`` below it too.

    Attributes that a user namespace has locked stay as they are, unless a word asks to clear one: then EPERM.
    """
    try:
        tree = clone_tree(source, recursive)
        attributes = (set_, clear, all_set, all_clear, propagation)
        attach_in_root(tree, root_fd, target, prepare=lambda mount_fd: dress_with(mount_fd, *attributes))
    except OSError as error:
        raise mount_error(error, f"bind {source} → {target}", "bind") from error


@action("mount_setattr(2)", flags=_FLAGS)
def change_mount(
    root_fd: int,
    target: str,
    set_: int,
    clear: int = 0,
    all_set: int = 0,
    all_clear: int = 0,
    propagation: str = "",
) -> None:
    """Change attributes and propagation of what is mounted at ``target`` inside the root."""
    try:
        fd = safe_open(root_fd, target)
        try:
            dress_with(fd, set_, clear, all_set, all_clear, propagation)
        finally:
            os.close(fd)
    except OSError as error:
        raise mount_error(error, f"remount {target}") from error


def dress_with(mount_fd: int, set_: int, clear: int, all_set: int, all_clear: int, propagation: str) -> None:
    """Apply attributes and propagation to a mount and, as far as they say so, to those below. Raises SyscallError."""
    kind = k.PROPAGATION.get(propagation, 0)
    everywhere = bool(kind & k.MS_REC)
    dress(mount_fd, all_set, all_clear, kind & ~k.MS_REC if everywhere else 0, recursive=True)
    dress(mount_fd, set_, clear, 0 if everywhere else kind)


@action("fsopen(2)", flags="attributes:k.MOUNT_ATTR_")
def mount_tmpfs(
    root_fd: int, target: str, source: str, data: Sequence[str], attributes: int, with_content: bool = False
) -> None:
    """Mount a tmpfs that takes over the mode of the folder it covers, and, ``with_content``, what is in it."""

    def fill(mount_fd: int) -> None:
        if with_content:
            copy_up(covered, f"/proc/self/fd/{mount_fd}")
        dress(mount_fd, attributes & k.MOUNT_ATTR_RDONLY)

    try:
        covered = make_target(root_fd, target)
        try:
            mode = os.stat(f"/proc/self/fd/{covered}").st_mode & 0o7777
            if not any(option.startswith("mode=") for option in data):
                data = [*data, f"mode={mode:o}"]
            mounted = new_filesystem("tmpfs", source, data, attributes & ~k.MOUNT_ATTR_RDONLY)
            attach_in_root(mounted, root_fd, target, prepare=fill)
        finally:
            os.close(covered)
    except OSError as error:
        raise mount_error(error, f"mount {source} → {target} (type tmpfs)", "tmpfs") from error


@action("move_mount(2)")
def bind_descriptor(root_fd: int, target: str, fd: int) -> None:
    """Bind what ``fd`` is open on (a pty's slave for /dev/console) to ``target`` inside the root.

    ``fd`` must have been opened in this mount namespace. ``root_fd`` -1: the caller's own root (after pivot_root).
    Raises MountError.
    """
    own_root = os.open("/", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC) if root_fd < 0 else -1
    try:
        attach_in_root(clone_tree(fd, False), own_root if root_fd < 0 else root_fd, target)
    except OSError as error:
        raise mount_error(error, f"bind descriptor {fd} → {target}", "bind") from error
    finally:
        if own_root >= 0:
            os.close(own_root)


@action("mount(2)")
def mount(source: str, target: str, fstype: str = "", flags: int = 0, data: str = "") -> None:
    """Mount by the plain system call, with MS_* flags, in the caller's mount namespace. Raises MountError.

    For lessons and tools. What touches a container's root uses descriptors instead (``core/mounts.py``).
    """
    texts = [os.fsencode(text) or None for text in (source, fstype, data)]
    try:
        _syscalls.mount(texts[0], os.fsencode(target), texts[1], flags, texts[2])
    except OSError as error:
        kind = "bind" if flags & k.MS_BIND else fstype
        raise mount_error(error, f"mount {source or fstype} → {target}", kind) from None


@action("mount(2)")
def bind(source: str, target: str, *, recursive: bool = True) -> None:
    """Bind ``source`` to ``target``, both plain paths of the caller; the target must exist."""
    mount(source, target, "", k.MS_BIND | (k.MS_REC if recursive else 0))


@action("umount(2)")
def umount(target: str, *, detach: bool = True) -> None:
    """Unmount ``target``; ``detach``: at once out of sight, and gone when its last user is (MNT_DETACH).

    A target that is not there or not mounted is fine: whoever cleans up may come twice.
    """
    try:
        _syscalls.umount2(os.fsencode(target), k.MNT_DETACH if detach else 0)
    except OSError as error:
        if error.errno not in (2, 22):
            raise mount_error(error, f"unmount {target}") from None


def check_no_data(target: str, data: Sequence[str]) -> None:
    """Refuse words that only a new file system could understand. Raises UsageError."""
    if data:
        raise UsageError(f"mount {target}: a bind mount knows no option {', '.join(data)}")
