"""pivot_root with a diagnosis: EINVAL has six causes, and the kernel tells none.

What belongs here: the wrapper and the parent's propagation. What does not: the call (``core/root.py``), the reasons
(``diagnose.py``, a pure function on mountinfo).
"""

from __future__ import annotations

import os

from section01_processes import SyscallError, action

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
        if error.call != "pivot_root" or error.errno not in (16, 22):
            raise
        cause, hint = why_not(MountTable.of("self"), path, _path_of_root())
        about = f"pivot_root to {path}" + (f": {cause}" if cause else "")
        explain = "LCM-FS-02" if error.errno == 16 else "LCM-FS-01"
        raise MountError(error.errno, error.call, error.arguments, about=about, hint=hint, explain=explain) from None


@action("mount(2)")
def make_parent_private(path: str) -> None:
    """Make the mount that holds ``path`` private, so that pivot_root(2) accepts a root below a shared mount."""
    mount = MountTable.of("self").containing(os.path.realpath(path))
    if mount is not None and mount.propagation.startswith("shared"):
        set_propagation(mount.target, "private")


def _path_of(fd: int) -> str:
    try:
        return os.readlink(f"/proc/self/fd/{fd}")
    except OSError:
        return "?"


def _path_of_root() -> str:
    try:
        return os.readlink("/proc/self/root")
    except OSError:
        return "/"
