"""Join the namespaces of a running process, as ``exec`` into a container does.

What belongs here: which of them, and the steps. What does not: the order of several single setns calls, which is that
of ``core.kinds.KINDS``.
"""

from __future__ import annotations

import os

from section01_processes import Slot, Step, SyscallError, action

from . import _syscalls
from .core import kinds as k
from .core.create import setns
from .errors import explain_setns

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


@action("setns(2)", flags="k.CLONE_")
def setns_pidfd(pidfd: int, flags: int) -> None:
    """Join all namespaces of the kinds in ``flags`` of the process behind ``pidfd``, all or none (Linux 5.8).

    The kernel checks and switches in the right order by itself (user first). ``pidfd`` stays open. Raises SyscallError
    (ESRCH: the process has ended; EINVAL: the user namespace is the caller's own).
    """
    try:
        _syscalls.setns(pidfd, flags)
    except SyscallError as error:
        raise explain_setns(error, flags) from None


@action("setns(2)", flags="kind:k.CLONE_")
def setns_duplicate(fd: int, kind: int) -> None:
    """Join the namespace behind ``fd``, of ``kind``; ``fd`` stays open."""
    setns(os.dup(fd), kind)


def differing_kinds(pid: int) -> tuple[str, ...]:
    """Return the kinds in which process ``pid`` is somewhere else than the caller, in the order of joining."""
    own, theirs = k.namespaces_of("self"), k.namespaces_of(pid)
    return tuple(kind.name for kind in k.KINDS if kind.name in theirs and theirs[kind.name] != own.get(kind.name))


def plan_enter(target: int | Slot | Mapping[str, int | Slot], kinds: Iterable[str]) -> list[Step]:
    """Return the steps that bring the caller into the namespaces of another process.

    ``target`` is a pidfd (or its slot): one call joins everything; or a mapping kind → descriptor of a namespace file:
    one call each, user namespace first. ``kinds`` names what to join; leave out ``user`` when it is the caller's own
    (see :func:`differing_kinds`). The pid namespace takes effect at the next fork, so fork after these steps.
    """
    wanted = {k.kind_named(name).name for name in kinds}
    order = [kind for kind in k.KINDS if kind.name in wanted]
    if not order:
        return []
    if not isinstance(target, int | Slot):
        return [
            Step(setns_duplicate, target[kind.name], kind.flag, about=f"join the {kind.name} namespace")
            for kind in order
        ]
    about = "join the process's namespaces: " + ", ".join(kind.name for kind in order)
    return [Step(setns_pidfd, target, k.flags_of(wanted), about=about)]
