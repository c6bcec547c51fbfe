"""What the processes of a launch do besides namespaces: ids, capabilities, mounts, the working directory, execve.

What belongs here: one action each. What does not: their order (``launch.py``).
"""

from __future__ import annotations

import os

from section01_processes import (
    LcmError,
    SyscallError,
    action,
    change_directory,
    exec_program,
    find_program,
    set_dumpable,
)

from . import _syscalls
from .errors import explained
from .idmaps import write_id_maps

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from section01_processes import Child

    from .mapping import Maps

_MS_REC_PRIVATE = 1 << 18 | 0x4000
_MS_NOSUID_NODEV_NOEXEC = 0x2 | 0x4 | 0x8
EPERM, EINVAL = 1, 22


@action("mount_namespaces(7)")
def keep_mounts_here() -> None:
    """Make every mount private: what is mounted from now on does not travel to the host (LCM-NS-01)."""
    _syscalls.mount(None, b"/", None, _MS_REC_PRIVATE, None)


@action("mount(2)")
def mount_proc() -> None:
    """Mount a proc of this pid namespace over /proc. Raises SyscallError (LCM-NS-05 in a masked container)."""
    try:
        _syscalls.mount(b"proc", b"/proc", b"proc", _MS_NOSUID_NODEV_NOEXEC, None)
    except SyscallError as error:
        if error.errno != EPERM:
            raise
        raise explained(error, "parts of the visible /proc are masked", "LCM-NS-05", about="mount proc") from None


@action("setresuid(2)")
def take_ids(uid: int | None, gid: int | None) -> None:
    """Be ``uid`` and ``gid`` of the namespace just mapped; None: stay who we are."""
    _become(uid, gid)
    set_dumpable(1)  # the change took /proc/self/… away from us


def _become(uid: int | None, gid: int | None) -> None:
    """Change the ids, which makes us undumpable (see PR_SET_DUMPABLE(2const))."""
    if gid is not None:
        try:
            os.setgroups([])
        except PermissionError:
            pass  # denied for ever in this namespace: the groups stay, unmapped
        os.setresgid(gid, gid, gid)
    if uid is not None:
        os.setresuid(uid, uid, uid)


@action("setresuid(2)")
def become_root_inside() -> None:
    """Be root of the user namespace that was just joined, where it has one; else stay who we are. And undumpable."""
    try:
        _become(0, 0)
    except OSError as error:
        if error.errno != EINVAL:  # 0 is not mapped
            raise


@action("user_namespaces(7)")
def map_child(child: Child, maps: Maps) -> None:
    """Write the maps of the child's new user namespace. Raises IdMapError."""
    write_id_maps(child.pid, maps.users, maps.groups)


@action("capabilities(7)")
def keep_capabilities() -> None:
    """Make every capability that we have ambient: only so it outlives the execve of one who is not root inside."""
    _, permitted, _ = _syscalls.get_capabilities()
    _syscalls.set_capabilities(permitted, permitted, permitted)
    for number in range(64):
        if permitted >> number & 1:
            _syscalls.raise_ambient(number)


@action("chdir(2)")
def return_to(path: str) -> None:
    """Change to the folder of the same name in the mount namespace that was joined; to / where there is none."""
    try:
        change_directory(path)
    except LcmError:
        change_directory("/")


@action("execve(2)")
def execute(argv: Sequence[str]) -> None:
    """Become the program ``argv[0]``, searched for here and now along PATH. 127: not found, 126: not executable."""
    path = find_program(argv[0], os.environ.get("PATH", os.defpath), "")
    exec_program([path, *argv[1:]], [name + b"=" + value for name, value in os.environb.items()], argv0=argv[0])
