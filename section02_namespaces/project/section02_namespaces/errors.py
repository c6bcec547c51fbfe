"""The errors of section 2, and what the kernel's short answers most likely mean.

LcmError
└── NamespaceError             a namespace that cannot be: unknown kind, gone, not ours
    └── IdMapError             an id map that the kernel refuses, or that we may not write

A failed unshare or setns stays a SyscallError (an OSError), with hint and stumbling block added by
:func:`explain_unshare` and :func:`explain_setns`. What belongs here: the tree and these explanations.
"""

from __future__ import annotations

import errno as _errno
import os

from section01_processes import LcmError, SyscallError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

_NEWUSER = 0x10000000
_APPARMOR_KNOB = "/proc/sys/kernel/apparmor_restrict_unprivileged_userns"


class NamespaceError(LcmError):
    """A namespace that cannot be: unknown kind, vanished, not ours."""


def unknown_kind(name: str, known: Iterable[str]) -> NamespaceError:
    """Return the error for a kind ``name`` that is not among the ``known``."""
    return NamespaceError(f"no kind of namespace is called {name!r}", hint=f"there are: {' '.join(known)}")


class IdMapError(NamespaceError):
    """An id map that the kernel refuses, or that we may not write."""

    def __init__(
        self, message: str, *, hint: str = "", explain: str = "LCM-US-01", exit_code: int | None = None
    ) -> None:
        super().__init__(message, hint=hint, explain=explain, exit_code=exit_code)


def explained(error: SyscallError, hint: str, explain: str, about: str = "") -> SyscallError:
    """Return a copy of ``error`` with ``hint`` and the stumbling block ``explain``."""
    code = error.errno or 0
    return SyscallError(code, error.call, error.arguments, about=about or error.about, hint=hint, explain=explain)


def explain_unshare(error: SyscallError, flags: int, about: str = "") -> SyscallError:
    """Return ``error`` of unshare(``flags``) with its likely cause; ``about``: which kinds those flags are."""
    error = SyscallError(error.errno or 0, error.call, error.arguments, about=about)
    if error.errno == _errno.EINVAL and thread_count() > 1:
        hint = f"this process has {thread_count()} threads; fork first and unshare in the single-threaded child"
        return explained(error, hint, "LCM-NS-04")
    if error.errno in (_errno.ENOSPC, _errno.EUSERS):
        return explained(error, _explain_limit(), "LCM-US-03")
    if error.errno == _errno.EPERM and flags & _NEWUSER:
        return _explain_user_namespace(error)
    if error.errno == _errno.EPERM:
        hint = "needs root or CAP_SYS_ADMIN, or a new user namespace as well: nsman run --map-root"
        return explained(error, hint, "")
    return error


def _explain_limit() -> str:
    """Return which limit of user_namespaces(7) and namespaces(7) was met, as far as we can see it."""
    folder = "/proc/sys/user"
    names = sorted(os.listdir(folder)) if os.path.isdir(folder) else []
    zero = [f"user.{n} is 0" for n in names if n.endswith("_namespaces") and read_number(f"{folder}/{n}", 1) == 0]
    if zero:
        return f"{', '.join(zero)} (sysctl)"
    return "a limit in /proc/sys/user/max_*_namespaces is reached, here or in a parent; or 32 levels of nesting"


def _explain_user_namespace(error: SyscallError) -> SyscallError:
    if apparmor_restricts():
        return explained(error, "AppArmor lets only profiled programs make user namespaces", "LCM-US-02")
    if read_number("/proc/sys/kernel/unprivileged_userns_clone", 1) == 0:
        return explained(error, "kernel.unprivileged_userns_clone is 0", "LCM-US-02")
    return explained(error, "inside a chroot, or with ids that are not mapped, no user namespace can be made", "")


def explain_setns(error: SyscallError, flags: int) -> SyscallError:
    """Return ``error`` of setns(fd, ``flags``) with its likely cause."""
    if error.errno == _errno.EINVAL and thread_count() > 1:
        return explained(error, "a process with several threads cannot join; fork first", "LCM-NS-04")
    if error.errno == _errno.EINVAL and flags & _NEWUSER:
        return explained(error, "one cannot join the user namespace that one is in already", "")
    if error.errno == _errno.EPERM:
        return explained(error, "needs CAP_SYS_ADMIN in the user namespace that owns the target", "LCM-NS-07")
    if error.errno == _errno.ESRCH:
        return explained(error, "the process has ended meanwhile", "")
    return error


def explain_fork(error: SyscallError) -> SyscallError:
    """Return ``error`` of a fork with its likely cause."""
    if error.errno == _errno.ENOMEM:
        return explained(error, "the first process of the pid namespace has ended; its PID 1 is gone", "LCM-NS-02")
    if error.errno == _errno.EINVAL:
        return explained(error, "PID 1 of a pid namespace cannot make siblings; after unshare --pid, fork first", "")
    return error


def refuse_threads(what: str) -> None:
    """Raise NamespaceError when this process has several threads: one alone must not do ``what``."""
    if (count := thread_count()) > 1:
        text = f"a process with {count} threads must not {what}"
        raise NamespaceError(text, hint="fork first, and do it in the child", explain="LCM-NS-04")


def apparmor_restricts() -> bool:
    """Return whether AppArmor keeps unprofiled programs of ordinary users from using user namespaces (Ubuntu)."""
    return os.geteuid() != 0 and read_number(_APPARMOR_KNOB, 0) == 1


def read_number(path: str, default: int) -> int:
    """Return the number in file ``path``, or ``default`` when there is no such file."""
    try:
        with open(path, "rb") as file:
            return int(file.read())
    except (OSError, ValueError):
        return default


def thread_count() -> int:
    """Return how many threads this process has; 1 when /proc cannot tell."""
    try:
        return len(os.listdir("/proc/self/task"))
    except OSError:
        return 1
