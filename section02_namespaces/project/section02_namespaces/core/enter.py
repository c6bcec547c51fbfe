"""Join the namespaces of a running process, as ``exec`` into a container does.

A pidfd stands for one process, for ever; one setns(2) with it joins all its namespaces or none, and the kernel takes
them in the right order by itself. So nothing can change, or go, between the first and the last.

What belongs here: which of them, and the step. What does not: namespace files, whose process may be gone
(``create.py``), the command that is run inside.
"""

from __future__ import annotations

from section01_processes import Slot, Step, SyscallError, action
from section02_namespaces import _syscalls
from section02_namespaces.errors import explain_setns

from . import kinds as k

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable


@action("setns(2)", flags="k.CLONE_")
def setns_pidfd(pidfd: int, flags: int) -> None:
    """Join all namespaces of the kinds in ``flags`` of the process behind ``pidfd``, all or none (Linux 5.8).

    ``pidfd`` stays open. Raises SyscallError (ESRCH: the process has ended; EINVAL: the user namespace is the caller's
    own; EPERM: needs CAP_SYS_ADMIN in the user namespaces that own the target's).
    """
    try:
        _syscalls.setns(pidfd, flags)
    except SyscallError as error:
        raise explain_setns(error, flags) from None


def differing_kinds(pid: int) -> tuple[str, ...]:
    """Return the kinds in which process ``pid`` is somewhere else than the caller, in the order of joining.

    Raises OSError when ``pid`` is gone or belongs to somebody else.
    """
    own, theirs = k.namespaces_of("self"), k.namespaces_of(pid)
    return tuple(kind.name for kind in k.KINDS if kind.name in theirs and theirs[kind.name] != own.get(kind.name))


def plan_enter(pidfd: int | Slot, kinds: Iterable[str]) -> list[Step]:
    """Return the step that brings the caller into the namespaces of the process behind ``pidfd``; none for no kinds.

    Leave ``user`` out of ``kinds`` when it is the caller's own (see :func:`differing_kinds`). The pid namespace takes
    the next child: fork afterwards.
    """
    flags = k.flags_of(kinds)
    names = ", ".join(kind.name for kind in k.KINDS if kind.flag & flags)
    about = f"join the process's namespaces: {names}"
    return [Step(setns_pidfd, pidfd, flags, about=about)] if flags else []
