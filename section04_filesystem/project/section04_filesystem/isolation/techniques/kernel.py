"""Ways by files that the kernel obeys, for the whole machine. They are opened for writing, and never written.

Whoever writes a program's path to them has it executed by the kernel, as root, outside of every jail: core_pattern(5),
cgroups(7) "release_agent". That such a file was open for writing is proof enough.
"""

from __future__ import annotations

import os

from section04_filesystem import _syscalls
from section04_filesystem.core import flags as k

from ..model import OPENED, Stopped, trying
from .roots import first_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..inside import Inside

_PROC_SUPER_MAGIC, _CGROUP_SUPER_MAGIC = 0x9FA0, 0x27E0EB


def _open_for_writing(path: str, magic: int) -> str:
    """Open ``path`` for writing and close it; it must be on the kernel's own file system (statfs(2))."""
    with trying("open", about=f"kernel file {path}"):
        fd = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        if _syscalls.filesystem_type(fd) != magic:
            raise Stopped("open", 0, about="covered")  # a mask: another file stands in its place
        return OPENED
    finally:
        os.close(fd)


def _in_a_mount_of_our_own(inside: Inside, fstype: str, data: str, path: str, magic: int) -> str:
    """Mount ``fstype`` in the jail and open ``path`` in it for writing: a mask covers one mount only."""
    target = f"{inside.work}/{fstype}"
    os.makedirs(target, exist_ok=True)
    with trying("mount", "CAP_SYS_ADMIN"):
        _syscalls.mount(fstype.encode(), os.fsencode(target), fstype.encode(), 0, data.encode() or None)
    try:
        return _open_for_writing(f"{target}/{path}", magic)
    finally:
        _syscalls.umount2(os.fsencode(target), k.MNT_DETACH)


def core_pattern(inside: Inside) -> str:
    """Open the kernel's core_pattern for writing.

    /proc/sys/kernel/core_pattern may begin with `|`: then the kernel starts that program, as root and in the host's
    namespaces, for every crash on the machine. The sysctl belongs to the machine, not to a namespace: only its
    owner (root, not a user namespace's) may open it, unless /proc/sys is mounted read-only.
    """
    path = "sys/kernel/core_pattern"
    return first_of(
        lambda: _open_for_writing(f"/proc/{path}", _PROC_SUPER_MAGIC),
        lambda: _in_a_mount_of_our_own(inside, "proc", "", path, _PROC_SUPER_MAGIC),
    )


def sysrq_trigger(inside: Inside) -> str:
    """Open /proc/sysrq-trigger for writing.

    A letter written to /proc/sysrq-trigger reboots the machine, kills every process, remounts all disks read-only.
    As with core_pattern, its owner may, unless it is read-only here.
    """
    return first_of(
        lambda: _open_for_writing("/proc/sysrq-trigger", _PROC_SUPER_MAGIC),
        lambda: _in_a_mount_of_our_own(inside, "proc", "", "sysrq-trigger", _PROC_SUPER_MAGIC),
    )


def release_agent(inside: Inside) -> str:
    """Open a cgroup v1 hierarchy's release_agent for writing.

    The root of a cgroup v1 hierarchy has a file release_agent: the kernel starts the program it names, as root,
    when a cgroup empties. Who may mount that hierarchy has the file (CVE-2022-0492 found that a user namespace's
    CAP_SYS_ADMIN was enough). cgroup v2 has nothing of the kind.
    """
    controllers = inside.world["hierarchy"]
    return _in_a_mount_of_our_own(inside, "cgroup", controllers, "release_agent", _CGROUP_SUPER_MAGIC)
