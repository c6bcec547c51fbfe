"""Small settings of a process and of the kernel that a config may ask for: one action each.

What belongs here: oom_score_adj, rlimits, sysctls, keyring, cgroup where it may fail, ids in a user namespace. What
does not: the order in which they are made (``plans.py``).
"""

from __future__ import annotations

import os

from section01_processes import LcmError, Step, action, become_user, set_keyring, warn
from section02_namespaces import IdMap, write_id_maps

from .bundle import sysctl_path
from .errors import SpecError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from section01_processes import Child


@action("ociman(1)")
def attempt(act: Callable[..., Any], *args: Any) -> Any:
    """Do ``act(*args)``; a refusal is a warning. For what a rootless runtime may not have, and can do without."""
    try:
        return act(*args)
    except (OSError, LcmError) as error:
        warn(str(error))
        return None


def tolerated(steps: Sequence[Step]) -> list[Step]:
    """Return ``steps`` so that a failure of one is a warning."""
    return [Step(attempt, step.act, *step.args, about=step.about, out=step.out) for step in steps]


@action("proc_pid_oom_score_adj(5)")
def adjust_oom_score(score: int) -> None:
    """Set our oom_score_adj; lowering it takes CAP_SYS_RESOURCE: without, a warning."""
    try:
        _write("/proc/self/oom_score_adj", str(score))
    except PermissionError:
        warn(f"oom_score_adj {score} cannot be set: it would be lower than ours (CAP_SYS_RESOURCE is missing)")


@action("sysctl(8)")
def write_sysctl(name: str, value: str) -> None:
    """Set sysctl ``name`` through the host's /proc: which namespace's value it is depends on who writes."""
    try:
        _write(f"/proc/sys/{sysctl_path(name)}", value)
    except OSError as error:
        raise SpecError(f"cannot set sysctl {name} to {value!r}: {error.strerror}") from error


@action("setrlimit(2)")
def set_rlimit(resource: int, name: str, soft: int, hard: int) -> None:
    """Set one resource limit; raising the hard one takes CAP_SYS_RESOURCE: without, a warning."""
    from resource import setrlimit  # loaded when the plan was made: no file is opened here

    try:
        setrlimit(resource, (soft, hard))
    except (PermissionError, ValueError) as error:
        warn(f"{name} stays as it is: {error}")


def plan_rlimits(process: dict[str, Any]) -> tuple[list[Step], list[Step]]:
    """Return the steps for ``process.rlimits``, early ones and late ones; raises SpecError for an unknown name.

    Early: before descriptors 0 to 2 are the container's, so that a warning goes to the runtime's log. Late, right
    before execve: a limit that leaves us too few descriptors ourselves (it lowers, and so cannot be refused).
    """
    if not process.get("rlimits"):
        return [], []
    import resource

    early: list[Step] = []
    late: list[Step] = []
    for limit in process["rlimits"]:
        name = limit["type"]
        number = getattr(resource, name, None)
        if not name.startswith("RLIMIT_") or number is None:
            raise SpecError(f"no resource limit is called {name!r}")
        soft, hard = (_signed(limit[key]) for key in ("soft", "hard"))
        step = Step(set_rlimit, number, name, soft, hard, about=f"{name} {limit['soft']}:{limit['hard']}")
        (late if name == "RLIMIT_NOFILE" and 0 <= soft < 64 else early).append(step)
    return early, late


def _signed(value: int) -> int:
    """Return a limit as setrlimit takes it: RLIM_INFINITY is -1 in Python and 2^64-1 in JSON."""
    return -1 if value >= 1 << 63 else value


@action("keyctl(2)")
def new_keyring() -> None:
    """Join a session keyring of our own, so that the caller's keys stay with the caller; a full quota is a warning."""
    try:
        set_keyring()
    except OSError as error:
        if error.errno not in (1, 13, 38, 122):  # EPERM, EACCES, ENOSYS (seccomp around us), EDQUOT
            raise
        warn(f"the container shares the caller's session keyring: {error.strerror}")


@action("user_namespaces(7)")
def map_child(child: Child, uid_maps: list[IdMap], gid_maps: list[IdMap]) -> None:
    """Write both id maps of the child's new user namespace."""
    write_id_maps(child.pid, uid_maps, gid_maps)


@action("setresuid(2)")
def become_root_inside() -> None:
    """Be root of the user namespace that was just mapped, or joined; before this we are nobody in it."""
    try:
        become_user(0, 0, ())
    except PermissionError:  # setgroups(2), the first call: denied for ever in this namespace; they stay, unmapped
        become_user(0, 0, (), may_set_groups=False)


def id_maps(entries: list[dict[str, int]]) -> list[IdMap]:
    """Return the maps that ``linux.uidMappings`` or ``gidMappings`` describe."""
    return [IdMap(e["containerID"], e["hostID"], e["size"]) for e in entries]


def _write(path: str, text: str) -> None:
    """Write ``text`` to a file of /proc with one write(2)."""
    fd = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(fd, text.encode())
    finally:
        os.close(fd)
