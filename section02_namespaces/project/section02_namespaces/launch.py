"""The launcher behind ``nsman run``: a command in new namespaces.

What belongs here: the two children and their plans. What does not: a container's root (section 4) and runtime
(section 8).
"""

from __future__ import annotations

import os

from section01_processes import Plan, Step, SyscallError, action, exec_program, find_program, spawn

from . import _syscalls
from .core.create import plan_namespaces, sethostname
from .core.idmaps import IdMap
from .core.kinds import CLONE_NEWNS, CLONE_NEWPID, CLONE_NEWUSER, CLONE_NEWUTS
from .errors import NamespaceError, explained
from .idmaps import write_id_maps

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

_MS_REC_PRIVATE = 1 << 18 | 0x4000
_MS_NOSUID_NODEV_NOEXEC = 0x2 | 0x4 | 0x8


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
        if error.errno != 1:
            raise
        raise explained(error, "parts of the visible /proc are masked", "LCM-NS-05", about="mount proc") from None


def plan_run(flags: int, *, map_root: bool = False, hostname: str = "", proc: bool = False) -> tuple[Plan, Plan]:
    """Return the plans of the child, which makes the namespaces, and of its child, which is in all of them.

    ``map_root``: the caller's user and group are root inside a new user namespace. ``hostname`` needs a UTS, ``proc``
    a mount and a pid namespace. Raises NamespaceError.
    """
    if hostname and not flags & CLONE_NEWUTS:
        raise NamespaceError("a host name of its own needs a uts namespace", hint="add --uts")
    if proc and flags & (CLONE_NEWNS | CLONE_NEWPID) != CLONE_NEWNS | CLONE_NEWPID:
        raise NamespaceError(
            "a proc of its own needs pid and mount namespaces", hint="add --pid --mount", explain="LCM-NS-03"
        )
    flags |= CLONE_NEWUSER if map_root else 0
    steps = plan_namespaces(flags)
    if map_root:
        uid, gid = os.geteuid(), os.getegid()
        about = f"user {uid} and group {gid} are root inside"
        steps.insert(1, Step(write_id_maps, 0, [IdMap(0, uid, 1)], [IdMap(0, gid, 1)], about=about))
    if flags & CLONE_NEWNS:
        steps.append(Step(keep_mounts_here, about="mounts stay in here"))
    inside = [Step(sethostname, hostname, about=f"host name {hostname}")] if hostname else []
    if proc:
        inside.append(Step(mount_proc, about="ps sees only what is in here"))
    return Plan("child", steps), Plan("init", inside)


def run(outside: Plan, inside: Plan, argv: Sequence[str]) -> int:
    """Run ``argv`` after the two plans, in a child of a child; return its exit code."""

    def become_the_command() -> int:
        inside.run({})
        environment = [f"{key}={value}" for key, value in os.environ.items()]
        path = find_program(argv[0], os.environ.get("PATH", os.defpath), "")
        exec_program([path, *argv[1:]], environment, argv0=argv[0])

    def make_the_namespaces() -> int:
        outside.run({})
        with spawn(become_the_command) as child:
            return child.wait()

    with spawn(make_the_namespaces) as child:
        return child.wait()
