"""Pin a namespace: a bind mount of its file keeps it alive without any process in it (namespaces(7), ip-netns(8)).

What belongs here: that one mount, and the mount that pins are kept in. What does not: names (``pins.py``), mounts in
general (section 4, which stands on this section).
"""

from __future__ import annotations

import os

from section01_processes import SyscallError, action

from . import _syscalls
from .errors import NamespaceError, explained

MS_BIND = 0x1000
_MS_NOSUID_NODEV_NOEXEC = 0x2 | 0x4 | 0x8
_MS_PRIVATE = 1 << 18
_MNT_DETACH = 2
_EPERM, _ENOENT, _EINVAL = 1, 2, 22


@action("mount(2)")
def make_place(folder: str) -> None:
    """Mount a private tmpfs on ``folder`` (made, 0700), unless one is there already; see ``place.py`` for the reasons.

    Raises NamespaceError where the caller may not mount or make the folder, SyscallError.
    """
    try:
        os.mkdir(folder, 0o700)
    except FileExistsError:
        pass  # from before, or left by somebody who was killed between this line and the next
    except OSError as error:
        hint = "--state or NSMAN_STATE with a folder of your own"
        raise NamespaceError(f"cannot make the folder {folder}: {error.strerror}", hint=hint) from None
    target = os.fsencode(folder)
    try:
        if not is_mount_point(folder):
            _syscalls.mount(b"nsman", target, b"tmpfs", _MS_NOSUID_NODEV_NOEXEC, b"mode=0700,size=64k")
        _syscalls.mount(None, target, None, _MS_PRIVATE, None)
    except SyscallError as error:
        if error.errno != _EPERM:
            raise
        raise may_not_mount() from None


def is_mount_point(folder: str) -> bool:
    """Whether another file system begins at ``folder``. Raises OSError."""
    return os.stat(folder).st_dev != os.stat(os.path.dirname(folder)).st_dev


def may_not_mount() -> NamespaceError:
    """Return the error of a caller who has no right to mount in the mount namespace that he is in."""
    return NamespaceError(
        "a pin is a mount, and this process may not mount here: "
        "that needs root, or a user namespace and a mount namespace of one's own",
        hint="sudo; or in `nsman run --user --mount --map-root -- sh`, for as long as that mount namespace lives",
    )


@action("mount(2)")
def pin(source: str | int, path: str) -> None:
    """Bind the namespace file ``source`` (``/proc/PID/ns/net``, or its descriptor) to ``path``, a file that is created.

    It stays until :func:`unpin`, or until the mount namespace that the caller is in ends. Raises SyscallError; a mount
    namespace can only be pinned from an older one, and below a mount that is not shared (EINVAL); OSError. The kernel
    tells older from younger by a number that newer kernels (seen on 6.18) draw from a range for each CPU: of two that
    were made on different CPUs it may take the wrong one for older. The machine's first one always is.
    """
    os.close(os.open(path, os.O_RDONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    origin = f"/proc/self/fd/{source}" if isinstance(source, int) else source
    try:
        _syscalls.mount(os.fsencode(origin), os.fsencode(path), None, MS_BIND, None)
    except SyscallError as error:
        os.unlink(path)
        hint = (
            "a mount namespace can be pinned only below a private mount point, and from an older mount namespace: "
            "the machine's first one always is"
        )
        raise (explained(error, hint, "LCM-NS-01", about=path) if error.errno == _EINVAL else error) from None


@action("umount(2)")
def unpin(path: str) -> None:
    """Undo :func:`pin`; does nothing when ``path`` is not there.

    Mount namespaces that were made while the pin was there have a copy of it. Removing the file below takes those
    copies away, too (since Linux 3.18), so that nothing else keeps the namespace.
    """
    try:
        _syscalls.umount2(os.fsencode(path), _MNT_DETACH)
    except SyscallError as error:
        if error.errno not in (_ENOENT, _EINVAL):  # not there, not a mount point
            raise
    try:
        os.unlink(path)
    except FileNotFoundError:
        pass


@action("umount(2)")
def remove_place(folder: str) -> None:
    """Undo :func:`make_place` when nothing is pinned any more; does nothing while something is, or without a place."""
    try:
        if os.listdir(folder):
            return
        if is_mount_point(folder):
            _syscalls.umount2(os.fsencode(folder), _MNT_DETACH)
        os.rmdir(folder)
    except FileNotFoundError:
        pass
