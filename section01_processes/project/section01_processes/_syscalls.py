"""The calling convention of the whole project: one libc handle, one error check, one table of call numbers.

What belongs here: how to call the kernel from Python, and section 1's own prototypes. What does not: anything that
decides. Other sections' ``_syscalls.py`` declare their few prototypes with :func:`prototype` and :func:`syscall`.

A failed call raises :class:`SyscallError`; no wrapper returns -1.
"""

from __future__ import annotations

import ctypes
import os

from .errors import SyscallError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

libc = ctypes.CDLL(None, use_errno=True)

# Call numbers that glibc has no wrapper for, or not everywhere; from the kernel's syscall tables. Calls from 424 on
# have one number on all architectures.
SYSCALLS: dict[str, dict[str, int]] = {
    "x86_64": {"pivot_root": 155, "keyctl": 250, "seccomp": 317, "clone": 56, "ioprio_set": 251, "bpf": 321},
    "aarch64": {"pivot_root": 41, "keyctl": 219, "seccomp": 277, "clone": 220, "ioprio_set": 30, "bpf": 280},
}
SYSCALLS_EVERYWHERE = {
    "pidfd_send_signal": 424,
    "open_tree": 428,
    "move_mount": 429,
    "fsopen": 430,
    "fsconfig": 431,
    "fsmount": 432,
    "fspick": 433,
    "pidfd_open": 434,
    "clone3": 435,
    "close_range": 436,
    "openat2": 437,
    "pidfd_getfd": 438,
    "mount_setattr": 442,
    "landlock_create_ruleset": 444,
    "landlock_add_rule": 445,
    "landlock_restrict_self": 446,
}


def syscall_number(name: str, machine: str = "") -> int:
    """Return the number of system call ``name`` on ``machine`` (default: this one). Raises SyscallError ENOSYS."""
    machine = machine or os.uname().machine
    number = SYSCALLS_EVERYWHERE.get(name)
    if number is None:
        number = SYSCALLS.get(machine, {}).get(name)
    if number is None:
        raise SyscallError(38, name, (), about=f"no number is known for {name} on {machine}")
    return number


def _check(result: int, function: Any, arguments: tuple[Any, ...]) -> int:
    """Raise SyscallError if libc answered -1; otherwise return the answer (ctypes errcheck protocol)."""
    if result == -1:
        raise SyscallError(ctypes.get_errno(), function.__name__, tuple(_plain(a) for a in arguments))
    return result


def _plain(argument: Any) -> object:
    """Return the Python value behind a ctypes argument, for the error's text."""
    return getattr(argument, "value", argument)


def prototype(name: str, *argtypes: Any) -> Callable[..., int]:
    """Return libc's function ``name`` taking ``argtypes``, returning int, raising SyscallError on -1."""
    function: Any = libc[name]  # a new object each time: two sections may declare the same call differently
    function.argtypes = argtypes
    function.restype = ctypes.c_int
    function.errcheck = _check
    function.__name__ = name
    return function  # type: ignore[no-any-return]


_raw_syscall: Any = libc["syscall"]
_raw_syscall.restype = ctypes.c_long


def syscall(name: str, *argtypes: Any) -> Callable[..., int]:
    """Return a function that makes the raw system call ``name`` with ``argtypes``; see syscall(2).

    Raises SyscallError when the call fails, with ENOSYS at once when the machine has no number for it.
    """
    number = ctypes.c_long(syscall_number(name))

    def call(*arguments: Any) -> int:
        converted = [kind(a) if isinstance(a, int) else a for kind, a in zip(argtypes, arguments, strict=True)]
        result: int = _raw_syscall(number, *converted)
        if result == -1:
            raise SyscallError(ctypes.get_errno(), name, tuple(_plain(a) for a in arguments))
        return result

    call.__name__ = name
    return call
