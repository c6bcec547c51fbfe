"""pivot_root with a diagnosis: EINVAL has many causes, EBUSY two, and the kernel tells none.

What belongs here: the wrapper and the parent's propagation. What does not: the call (``core/root.py``), the reasons
(``diagnose.py``, a pure function on mountinfo).
"""

from __future__ import annotations

import os

from section01_processes import LcmError, SyscallError, action

from . import _syscalls
from .core.root import pivot_root as core_pivot_root
from .core.root import set_propagation
from .diagnose import why_not
from .errors import MountError
from .mountinfo import MountTable


@action("pivot_root(2)")
def pivot_root(new_root: int | str) -> None:
    """Make ``new_root`` (a descriptor, which is closed, or a path) the root and let go of the old one.

    Raises MountError that names the cause, read from /proc/self/mountinfo (LCM-FS-01, LCM-FS-02).
    """
    path = new_root if isinstance(new_root, str) else _path_of(new_root)
    try:
        core_pivot_root(new_root)
    except SyscallError as error:
        raise _explained(error, os.path.realpath(path), "", _mount_id(".")) from None


@action("pivot_root(2)")
def exchange_root(new_root: str, put_old: str) -> None:
    """Make ``new_root`` the root and mount the old one at ``put_old``, below it: the call as its manual page has it.

    Raises MountError with the cause, as :func:`pivot_root` does.
    """
    try:
        _syscalls.pivot_root(os.fsencode(new_root), os.fsencode(put_old))
    except SyscallError as error:
        paths = os.path.realpath(new_root), os.path.realpath(put_old)
        raise _explained(error, *paths, _mount_id(new_root)) from None
    os.chdir("/")


@action("mount(2)")
def make_parent_private(path: str) -> None:
    """Make the mount that holds ``path`` private, so that pivot_root(2) accepts a root below a shared mount."""
    mount = MountTable.of("self").containing(os.path.realpath(path))
    if mount is not None and mount.propagation.startswith("shared"):
        set_propagation(mount.target, "private")


def _explained(error: SyscallError, new_root: str, put_old: str, mount_id: int) -> SyscallError:
    """Return ``error`` with its cause; as it is where it needs none, or where there is no /proc to read it from."""
    if error.call != "pivot_root" or error.errno not in (2, 16, 22):
        return error
    cause, hint = "", "without /proc nobody can tell the cause"
    try:
        table = MountTable.of("self")
        if error.errno == 2 and (not mount_id or table.by_id(mount_id)):  # 6.18 says so of another namespace's mount
            return error
        cause, hint = why_not(table, new_root, put_old, mount_id)
    except (OSError, LcmError):
        pass  # the first error is the one to tell
    about = f"pivot_root to {new_root}" + (f": {cause}" if cause else "")
    explain = "LCM-FS-02" if error.errno == 16 else "LCM-FS-01"
    return MountError(error.errno, error.call, error.arguments, about=about, hint=hint, explain=explain)


def _path_of(fd: int) -> str:
    try:
        return os.readlink(f"/proc/self/fd/{fd}")
    except OSError:
        return "?"


def _mount_id(path: str) -> int:
    """Return the id of the mount that ``path`` is on; 0 without /proc. See proc_pid_fdinfo(5)."""
    try:
        fd = os.open(path, os.O_PATH | os.O_CLOEXEC)
        try:
            with open(f"/proc/self/fdinfo/{fd}", "rb") as file:  # as bytes: in a chroot no codec can be loaded any more
                return next((int(line.split()[1]) for line in file if line.startswith(b"mnt_id:")), 0)
        finally:
            os.close(fd)
    except OSError:
        return 0
