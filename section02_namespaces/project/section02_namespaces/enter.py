"""What ``nsman enter`` means by TARGET: a process, a namespace file, or a name under which namespaces are pinned.

What belongs here: finding it and saying what is wrong with it. What does not: the plans (``launch.py``).
"""

from __future__ import annotations

import os
from select import POLLIN, poll

from section01_processes import UsageError

from .core.enter import differing_kinds
from .core.kinds import KINDS, namespaces_of
from .errors import NamespaceError
from .launch import plan_enter_command, plan_enter_files
from .namespace import Namespace
from .place import files_of, is_pin, state_folder
from .targets import resolve_target

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from section01_processes import Plan


def find_files(target: str) -> dict[str, str]:
    """Return kind → path of the namespace files that ``target`` names; none when it means a process.

    A text with a slash is one file, another may be the name of a pin. Raises NamespaceError: no namespace behind it.
    """
    if "/" in target:
        return {Namespace.at(target).kind.name: os.path.abspath(target)}
    if target.isdigit() or target == "self":
        return {}
    try:
        return {kind: path for kind, path in files_of(state_folder(), target).items() if is_pin(path)}
    except UsageError:  # an ordinary user without a place for pins has none
        return {}


def look_at(pid: int) -> tuple[int, tuple[str, ...]]:
    """Return a pidfd of process ``pid`` (the caller's to close) and the kinds in which it is elsewhere than we are.

    Raises NamespaceError: it has ended, or belongs to somebody else.
    """
    try:
        pidfd = os.pidfd_open(pid)
    except OSError as error:
        raise NamespaceError(f"cannot enter process {pid}: {error.strerror}", hint="it has ended") from error
    try:
        kinds = differing_kinds(pid)
    except PermissionError:
        os.close(pidfd)
        raise _foreign(pid) from None
    except OSError:
        kinds = ()
    if _ended(pidfd):  # and the number may have been given to another one before we looked
        os.close(pidfd)
        raise NamespaceError(f"cannot enter process {pid}: it has ended")
    return pidfd, kinds


def _ended(pidfd: int) -> bool:
    """Whether the process has ended: then its pidfd polls readable."""
    waiter = poll()
    waiter.register(pidfd, POLLIN)
    return bool(waiter.poll(0))


def _foreign(pid: int) -> NamespaceError:
    """Return the error for a process of another user."""
    try:
        owner = f"it belongs to user {os.stat(f'/proc/{pid}').st_uid}"
    except OSError:
        owner = "it belongs to somebody else"
    hint = "needs root (CAP_SYS_PTRACE), or to be its user"
    return NamespaceError(f"may not look at the namespaces of process {pid}: {owner}", hint=hint, explain="LCM-NS-07")


def current_folder() -> str:
    """Return the path of the working directory; / when it has been deleted or lies out of reach, so has no path."""
    try:
        return os.getcwd()
    except FileNotFoundError:
        return "/"


def plan_target(target: str, names: Sequence[str], argv: Sequence[str]) -> dict[str, Plan]:
    """Return the plans that run ``argv`` in the namespaces of ``target``; ``names``: only these kinds.

    The plans hold a pidfd, which is this process's until it ends. Raises NamespaceError, LcmError.
    """
    cwd = current_folder()
    files = find_files(target)
    if files:
        own = namespaces_of("self")
        missing = [name for name in names if name not in files]
        if missing:
            raise NamespaceError(f"{target} is no {missing[0]} namespace", hint=f"it is: {' '.join(files)}")
        joined = [
            (kind.name, files[kind.name])
            for kind in KINDS
            if kind.name in (names or files) and os.stat(files[kind.name]).st_ino != own.get(kind.name)
        ]
        return plan_enter_files(joined, argv, cwd=cwd)
    pidfd, differing = look_at(resolve_target(target))
    kinds = [kind for kind in differing if not names or kind in names]
    return plan_enter_command(pidfd, kinds, argv, cwd=cwd)
