"""Make new namespaces and join existing ones; name the machine that the inside sees.

What belongs here: the calls and the plan of a container's child. What does not: id maps (``idmaps.py``), joining a
running process (``enter.py``), the fork that enters a new pid namespace (``fork.py``).
"""

from __future__ import annotations

import os

from section01_processes import Slot, Step, SyscallError, action
from section02_namespaces import _syscalls
from section02_namespaces.errors import explain_setns, explain_unshare

from . import kinds as k

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable


@action("unshare(2)", flags="k.CLONE_")
def unshare(flags: int) -> None:
    """Move the *calling* process to new namespaces of the kinds in ``flags`` (CLONE_NEW*).

    A new pid or time namespace takes the next child, not the caller. Raises SyscallError; with the likely cause and
    the stumbling block where the kernel's word misleads (EINVAL, ENOSPC, EPERM).
    """
    try:
        _syscalls.unshare(flags)
    except SyscallError as error:
        raise explain_unshare(error, flags, f"new namespaces {_names(flags)}") from None


@action("namespaces(7)")
def open_namespace(path: str) -> int:
    """Open the namespace file ``path`` (``/proc/PID/ns/net``, or one pinned by a bind mount); return a descriptor."""
    return os.open(path, os.O_RDONLY | os.O_CLOEXEC)


@action("setns(2)", flags="kind:k.CLONE_")
def setns(fd: int, kind: int) -> None:
    """Join the namespace behind ``fd``, which must be of ``kind`` (a CLONE_NEW* flag; 0: any), and close ``fd``."""
    try:
        _syscalls.setns(fd, kind)
    except SyscallError as error:
        raise explain_setns(error, kind) from None
    finally:
        os.close(fd)


@action("sethostname(2)")
def sethostname(name: str) -> None:
    """Set the host name of the caller's UTS namespace. Raises SyscallError (EINVAL: longer than 64 bytes)."""
    encoded = os.fsencode(name)
    _syscalls.sethostname(encoded, len(encoded))


@action("setdomainname(2)")
def setdomainname(name: str) -> None:
    """Set the NIS domain name of the caller's UTS namespace. Raises SyscallError (EINVAL: longer than 64 bytes)."""
    encoded = os.fsencode(name)
    _syscalls.setdomainname(encoded, len(encoded))


def plan_namespaces(new: int, joined: Iterable[tuple[str, str]] = ()) -> list[Step]:
    """Return the steps that bring the caller into ``new`` (CLONE_NEW* flags) and ``joined`` (kind, path) namespaces.

    The order is treacherous, so it is fixed here:

    1. open every file to join while the paths still mean what the caller meant;
    2. join, user namespace first: it gives the rights to join what belongs to it;
    3. unshare the user namespace alone: whoever wants its ids mapped before the rest (or before it becomes root
       inside) continues after this step, and the others then belong to a mapped root;
    4. unshare everything else with one call. A new pid namespace waits for the next fork.
    """
    wanted = {k.kind_named(name).name: path for name, path in joined}
    order = [kind for kind in k.KINDS if kind.name in wanted]
    slots = {kind.name: Slot(f"ns:{kind.name}", f"{kind.name} namespace {wanted[kind.name]}") for kind in order}
    steps = [
        Step(open_namespace, wanted[kind.name], about=f"open {wanted[kind.name]}", out=slots[kind.name])
        for kind in order
    ]
    steps += [Step(setns, slots[kind.name], kind.flag, about=f"join the {kind.name} namespace") for kind in order]
    if new & k.CLONE_NEWUSER:
        steps.append(Step(unshare, k.CLONE_NEWUSER, about="new user namespace: its ids are not mapped yet"))
    if rest := new & ~k.CLONE_NEWUSER:
        steps.append(Step(unshare, rest, about=f"new namespaces: {_names(rest)}"))
    return steps


def _names(flags: int) -> str:
    return ", ".join(kind.name for kind in k.KINDS if kind.flag & flags)
