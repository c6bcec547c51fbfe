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

_NEWUSER = 0x10000000
_APPARMOR_KNOB = "/proc/sys/kernel/apparmor_restrict_unprivileged_userns"


class NamespaceError(LcmError):
    """A namespace that cannot be: unknown kind, vanished, not ours."""


class IdMapError(NamespaceError):
    """An id map that the kernel refuses, or that we may not write."""

    def __init__(self, message: str, *, hint: str = "", explain: str = "LCM-US-01") -> None:
        super().__init__(message, hint=hint, explain=explain)


def explained(error: SyscallError, hint: str, explain: str, about: str = "") -> SyscallError:
    """Return a copy of ``error`` with ``hint`` and the stumbling block ``explain``."""
    code = error.errno or 0
    return SyscallError(code, error.call, error.arguments, about=about or error.about, hint=hint, explain=explain)


def explain_unshare(error: SyscallError, flags: int) -> SyscallError:
    """Return ``error`` of unshare(``flags``) with its likely cause."""
    if error.errno == _errno.EINVAL and thread_count() > 1:
        hint = f"this process has {thread_count()} threads; fork first and unshare in the single-threaded child"
        return explained(error, hint, "LCM-NS-04")
    if error.errno in (_errno.ENOSPC, _errno.EUSERS):
        return explained(error, "a limit in /proc/sys/user/max_*_namespaces is reached, or 32 levels", "LCM-US-03")
    if error.errno == _errno.EPERM and flags & _NEWUSER:
        return _explain_user_namespace(error)
    if error.errno == _errno.EPERM:
        return explained(error, "needs root or CAP_SYS_ADMIN, or a new user namespace as well", "")
    return error


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
        return explained(error, "needs CAP_SYS_ADMIN in the user namespace that owns the target", "")
    return error


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
