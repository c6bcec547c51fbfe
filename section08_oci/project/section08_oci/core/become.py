"""The last stretch of the init: from a prepared root file system to the program, in the one right order.

    descriptors 0–2 → seccomp (only without no_new_privs: loading it needs CAP_SYS_ADMIN, which is about to go)
    → bounding set → groups, gid, uid (keeping capabilities over the change) → the five capability sets
    → cwd, *verified* → death signal → program looked up → (gate) → seccomp with no_new_privs → execve

Each arrow has a reason: dropping from the bounding set needs CAP_SETPCAP, which a change of uid would take away;
setgroups needs CAP_SETGID, so groups go before the uid; setuid(2) clears the parent-death signal, so that comes after;
and whoever looks up the program must be the user who will run it.

What belongs here: the plan that ``create`` and ``exec`` share, after the root file system. What does not: mounts,
namespaces, the gate; session, descriptors and user are section 1's actions, capabilities and filters section 7's.
"""

from __future__ import annotations

import os

from section01_processes import (
    LcmError,
    Slot,
    Step,
    action,
    become_user,
    change_directory,
    exec_error,
    find_program,
    last_mile,
    prepare_execve,
)
from section07_security import (
    CapabilitySets,
    drop_bounding,
    keep_capabilities,
    prepare_seccomp,
    set_ambient,
    set_capabilities,
    set_no_new_privileges,
)

from ..errors import OciError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

FILTER: Any = Slot("filter", "the seccomp filter, ready to load")
PROGRAM: Any = Slot("program", "the program's path in the container")
EXECUTE: Any = Slot("execute", "execve, ready to call")


def plan_become(process: dict[str, Any], seccomp: bytes, flags: int, may_set_groups: bool, held: int) -> list[Step]:
    """Return the steps to user, capabilities, cwd and program; everything is prepared for ``plan_execute``.

    ``held``: the mask of capabilities that the runtime itself has, and can give.
    """
    cwd, path, name = process["cwd"], path_of(process.get("env", ())), process["args"][0]
    nnp = process.get("noNewPrivileges", False)
    steps = [Step(enter_cwd, cwd, True, about=f"working directory {cwd}")]
    if seccomp:
        steps.append(Step(prepare_filter, seccomp, flags, about=f"{len(seccomp) // 8} instructions", out=FILTER))
    if seccomp and not nnp:
        steps.append(Step(load_filter, FILTER, about="while we have CAP_SYS_ADMIN"))
    steps += plan_user(process, may_set_groups, held)
    if nnp:
        steps.append(Step(set_no_new_privileges, about="no setuid program helps from here on"))
    return [
        *steps,
        Step(enter_cwd, cwd, False, about=f"working directory {cwd}, verified, as the user"),
        Step(look_up_program, name, path, cwd, about=f"{name} along PATH={path}", out=PROGRAM),
    ]


def plan_user(process: dict[str, Any], may_set_groups: bool, held: int) -> list[Step]:
    """Return the change from root to the user, with the capabilities that he shall have."""
    sets = CapabilitySets.from_oci(process.get("capabilities") or {}).limited(held)
    eff, prm, inh, user = sets.effective, sets.permitted, sets.inheritable, process.get("user", {})
    uid, gid, groups = user.get("uid", 0), user.get("gid", 0), user.get("additionalGids", [])
    return [
        Step(keep_capabilities, about="over the change of uid"),
        Step(become_user, uid, gid, groups, may_set_groups, about=f"user {uid}:{gid}"),
        Step(set_capabilities, eff, prm, inh, about="effective, permitted, inheritable"),
        Step(set_ambient, sets.ambient, about="what a program without file capabilities keeps"),
    ]


def plan_bounding(process: dict[str, Any]) -> list[Step]:
    """Return the step that gives up, for ever, what the bounding set leaves out; what we hold stays usable until then.

    It comes while the host's /proc is still there: how many capabilities there are is read from it, and a container
    must not be the one to say.
    """
    sets = CapabilitySets.from_oci(process.get("capabilities") or {})
    return [Step(drop_bounding, sets.bounding, about="capabilities that nothing here can ever get")]


def plan_execute(process: dict[str, Any], seccomp: bytes, become: Callable[..., Any] | None = None) -> list[Step]:
    """Return the very last steps, behind the gate. ``become(program, argv, env)`` stands in for execve (``--init``)."""
    umask = process.get("user", {}).get("umask", 0o022)
    argv, env = [os.fsencode(a) for a in process["args"]], [os.fsencode(e) for e in process.get("env", ())]
    late = bool(seccomp) and process.get("noNewPrivileges", False)
    load = [Step(load_filter, FILTER, about="last of all: under no_new_privs it takes no capability")] if late else []
    if become is not None:
        return [*load, Step(hand_to, become, PROGRAM, argv, env, about="our own init takes over")]
    return [
        Step(prepare, PROGRAM, argv, env, about="nothing is left to be built after the filter", out=EXECUTE),
        Step(leave_nothing, umask, about=f"signals, mask, descriptors, umask {umask:03o}"),
        *load,
        Step(execute, EXECUTE, PROGRAM, about="the program"),
    ]


def path_of(env: Any) -> str:
    """Return the value of PATH in ``env`` (``K=V`` strings); the last one counts, "" if there is none."""
    found = [pair[5:] for pair in env if pair.startswith("PATH=")]
    return found[-1] if found else ""


@action("chdir(2)")
def enter_cwd(path: str, tolerant: bool) -> None:
    """Change to the working directory and verify that it is inside of the container (CVE-2024-21626).

    A cwd such as ``/proc/self/fd/7`` would lead through a leaked descriptor to the host: getcwd(2) then says
    "(unreachable)". ``tolerant``: the first try, as root; EACCES then is left to the user's own try.
    """
    try:
        change_directory(path)
    except LcmError as error:
        if not (tolerant and isinstance(error.__cause__, PermissionError)):
            raise OciError(error.message, hint=error.hint, explain=error.explain) from None


@action("execve(2)")
def look_up_program(name: str, path: str, cwd: str) -> str:
    """Return the program's path in the container. Raises with 127 (not found) or 126 (not executable)."""
    return find_program(name, path, cwd)


@action("seccomp(2)")
def prepare_filter(program: bytes, flags: int) -> Callable[[], None]:
    """Build everything seccomp(2) needs."""
    return prepare_seccomp(program, flags)


@action("seccomp(2)")
def load_filter(load: Callable[[], None]) -> None:
    """Load the filter: from here on it judges our own system calls too."""
    load()


@action("execve(2)")
def leave_nothing(umask: int) -> None:
    """Take back what a Python process would leave to the program, and set the umask."""
    last_mile()
    os.umask(umask)


@action("execve(2)")
def prepare(program: str, argv: list[bytes], env: list[bytes]) -> Callable[[], int]:
    """Build everything execve(2) needs."""
    return prepare_execve(program, argv, env)


@action("execve(2)")
def execute(call: Callable[[], int], program: str) -> None:
    """Become the program; only a failure returns (raised: 127, 126)."""
    raise exec_error(call(), program)


@action("init(1)")
def hand_to(become: Callable[..., Any], program: str, argv: list[bytes], env: list[bytes]) -> None:
    """Call what stands in for execve; it does not return."""
    become(program, argv, env)
