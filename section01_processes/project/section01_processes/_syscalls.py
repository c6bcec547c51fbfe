"""The calling convention of the whole project: one libc handle, one error check, one table of call numbers.

What belongs here: how to call the kernel from Python, and section 1's own prototypes. What does not: anything that
decides. Other sections' ``_syscalls.py`` declare their few prototypes with :func:`prototype` and :func:`syscall`.

A failed call raises :class:`SyscallError`; no wrapper returns -1.
"""

from __future__ import annotations

import ctypes
import os
import sys

from .errors import SyscallError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

libc = ctypes.CDLL(None, use_errno=True)

# Call numbers that glibc has no wrapper for, or not everywhere; from the kernel's syscall tables. Calls from 424 on
# have one number on all architectures.
SYSCALLS: dict[str, dict[str, int]] = {
    "x86_64": {
        "rt_sigaction": 13,
        "clone": 56,
        "getcwd": 79,
        "pivot_root": 155,
        "keyctl": 250,
        "ioprio_set": 251,
        "seccomp": 317,
        "bpf": 321,
        "execveat": 322,
    },
    "aarch64": {
        "getcwd": 17,
        "ioprio_set": 30,
        "pivot_root": 41,
        "rt_sigaction": 134,
        "keyctl": 219,
        "clone": 220,
        "seccomp": 277,
        "bpf": 280,
        "execveat": 281,
    },
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


def syscall(name: str, *argtypes: Any) -> Callable[..., int]:
    """Return a function that makes the raw system call ``name`` with arguments of ``argtypes``.

    Raises SyscallError when the call fails, with ENOSYS at once when the machine has no number for it. Each call has
    its manual page; the way in is syscall(2).
    """
    number = syscall_number(name)
    function: Any = libc["syscall"]
    function.argtypes = (ctypes.c_long, *argtypes)
    function.restype = ctypes.c_long

    def call(*arguments: Any) -> int:
        result: int = function(number, *arguments)
        if result == -1:
            raise SyscallError(ctypes.get_errno(), name, tuple(_plain(a) for a in arguments))
        return result

    call.__name__ = name
    return call


# --- section 1's own calls

PR_SET_PDEATHSIG, PR_GET_DUMPABLE, PR_SET_DUMPABLE, PR_SET_NAME, PR_SET_CHILD_SUBREAPER = 1, 3, 4, 15, 36
CLOSE_RANGE_CLOEXEC = 4
KEYCTL_JOIN_SESSION_KEYRING = 1
AT_FDCWD, AT_EMPTY_PATH = -100, 0x1000
OPEN_TREE_CLONE, OPEN_TREE_CLOEXEC = 1, 0o2000000
MOUNT_ATTR_RDONLY = 1
SIGKILL, SIGSTOP, LAST_SIGNAL = 9, 19, 64

_ulong = ctypes.c_ulong
_prctl = prototype("prctl", ctypes.c_int, _ulong, _ulong, _ulong, _ulong)
_close_range = syscall("close_range", ctypes.c_uint, ctypes.c_uint, ctypes.c_int)
_keyctl = syscall("keyctl", ctypes.c_int, ctypes.c_char_p)
_getcwd = syscall("getcwd", ctypes.c_char_p, _ulong)
_rt_sigaction = syscall("rt_sigaction", ctypes.c_int, ctypes.c_char_p, ctypes.c_void_p, ctypes.c_size_t)
_open_tree = syscall("open_tree", ctypes.c_int, ctypes.c_char_p, ctypes.c_uint)
_mount_setattr = syscall(
    "mount_setattr", ctypes.c_int, ctypes.c_char_p, ctypes.c_uint, ctypes.POINTER(ctypes.c_uint64), ctypes.c_size_t
)


def set_death_signal(signal: int) -> None:
    """Ask for ``signal`` when the parent *thread* dies; setuid clears it. PR_SET_PDEATHSIG(2const)."""
    _prctl(PR_SET_PDEATHSIG, signal, 0, 0, 0)


def set_dumpable(dumpable: int) -> None:
    """0: no core dump, no ptrace by our own user, /proc/PID belongs to root; 1: the usual. PR_SET_DUMPABLE(2const)."""
    _prctl(PR_SET_DUMPABLE, dumpable, 0, 0, 0)


def set_subreaper() -> None:
    """Make orphaned descendants our children instead of PID 1's. PR_SET_CHILD_SUBREAPER(2const)."""
    _prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def set_name(name: str) -> None:
    """Set the thread's name (15 bytes; ``comm`` in /proc). PR_SET_NAME(2const)."""
    buffer = ctypes.create_string_buffer(os.fsencode(name)[:15], 16)
    _prctl(PR_SET_NAME, ctypes.addressof(buffer), 0, 0, 0)


def open_signalfd(signals: Sequence[int]) -> int:
    """Return a descriptor that becomes readable when one of ``signals`` is pending; block them first. signalfd(2).

    Close-on-exec and non-blocking; each read gives 128 bytes (struct signalfd_siginfo), the first four the number.
    """
    mask = sum(1 << number - 1 for number in signals).to_bytes(128, sys.byteorder)  # sigset_t of glibc and musl
    return prototype("signalfd", ctypes.c_int, ctypes.c_char_p, ctypes.c_int)(-1, mask, os.O_CLOEXEC | os.O_NONBLOCK)


def open_inotify(path: str, events: int) -> int:
    """Return a descriptor that becomes readable at ``events`` (IN_*) in ``path``; non-blocking. inotify(7)."""
    fd = prototype("inotify_init1", ctypes.c_int)(os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        add = prototype("inotify_add_watch", ctypes.c_int, ctypes.c_char_p, ctypes.c_uint32)
        add(fd, os.fsencode(path), events)
    except OSError:
        os.close(fd)
        raise
    return fd


def set_keyring() -> int:
    """Join a new anonymous session keyring, so that the caller's keys are out of reach. Return its id. keyctl(2)."""
    return _keyctl(KEYCTL_JOIN_SESSION_KEYRING, None)


def raw_getcwd() -> bytes:
    """Return the kernel's own answer: ``(unreachable)/x`` for a folder outside the root. getcwd(2)."""
    buffer = ctypes.create_string_buffer(4096)
    _getcwd(buffer, 4096)
    return buffer.value


def reset_signals() -> None:
    """Set every signal's action to SIG_DFL, real-time ones and libc's own two included. rt_sigaction(2)."""
    default = bytes(32)  # struct kernel_sigaction, all zero: SIG_DFL, no flags, on x86_64 and aarch64 alike
    for number in range(1, LAST_SIGNAL + 1):
        if number not in (SIGKILL, SIGSTOP):
            _rt_sigaction(number, default, None, 8)


def close_from(first: int, keep: Sequence[int] = (), *, at_exec: bool = False) -> None:
    """Close every descriptor from ``first`` on, except those in ``keep``; with ``at_exec`` mark them close-on-exec.

    close_range(2); where a seccomp filter refuses that, one by one by /proc/self/fd.
    """
    flags = CLOSE_RANGE_CLOEXEC if at_exec else 0
    kept = sorted({fd for fd in keep if fd >= first})
    try:
        for low, high in zip([first, *(fd + 1 for fd in kept)], [*(fd - 1 for fd in kept), 0xFFFFFFFF], strict=True):
            if low <= high:
                _close_range(low, high, flags)
    except OSError:
        _close_one_by_one(first, kept, at_exec)


def _close_one_by_one(first: int, keep: Sequence[int], at_exec: bool) -> None:
    """Do close_from's work without close_range: walk /proc/self/fd."""
    for fd in map(int, os.listdir("/proc/self/fd")):
        if fd >= first and fd not in keep:
            try:
                os.set_inheritable(fd, False) if at_exec else os.close(fd)
            except OSError:
                continue  # the listing's own descriptor, closed by now


def clone_readonly(path: str) -> int:
    """Return a descriptor of ``path`` on a detached mount of its own that is read-only. open_tree(2), mount_setattr(2).

    Needs CAP_SYS_ADMIN over the mount namespace: EPERM without. The mount goes away with its last user.
    """
    fd = _open_tree(AT_FDCWD, os.fsencode(path), OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC)
    attributes = (ctypes.c_uint64 * 4)(MOUNT_ATTR_RDONLY, 0, 0, 0)  # struct mount_attr: set, clear, propagation, userns
    try:
        _mount_setattr(fd, b"", AT_EMPTY_PATH, attributes, 32)
    except OSError:
        os.close(fd)
        raise
    return fd


def prepare_execve(
    path: str | bytes, argv: Sequence[bytes], env: Sequence[bytes], *, fd: int = -1
) -> Callable[[], int]:
    """Return a function that makes the raw execve(2) and nothing else; it returns only on failure, with the errno.

    Everything is built here and now, so that the call can be made under a seccomp filter that allows nothing but
    execve. With ``fd`` the program is that descriptor (execveat(2), AT_EMPTY_PATH) and ``path`` is not used.
    """
    words = (ctypes.c_char_p * (len(argv) + 1))(*argv, None)
    environment = (ctypes.c_char_p * (len(env) + 1))(*env, None)
    function: Any = libc["execve"] if fd < 0 else libc["syscall"]
    number = ctypes.c_long(syscall_number("execveat"))
    target: tuple[Any, ...] = (ctypes.c_char_p(os.fsencode(path)), words, environment)
    if fd >= 0:
        target = (number, ctypes.c_long(fd), ctypes.c_char_p(b""), words, environment, ctypes.c_long(AT_EMPTY_PATH))
    errno_of = ctypes.get_errno

    def execute() -> int:
        function(*target)
        return errno_of()

    return execute


# --- for the demonstrations and tests: what Python's own functions hide


def unshare(flags: int) -> None:
    """Leave the namespaces of ``flags`` for new ones; CLONE_NEWPID means our next children.

    See its page in section 2 of the manual.
    """
    prototype("unshare", ctypes.c_int)(flags)


def read_once(fd: int, size: int = 1) -> bytes:
    """Read by one read(2): Python's would call it again after EINTR (PEP 475). Raises SyscallError."""
    buffer = ctypes.create_string_buffer(size)
    done = prototype("read", ctypes.c_int, ctypes.c_void_p, ctypes.c_size_t)(fd, buffer, size)
    return buffer.raw[:done]


def poll_once(milliseconds: int) -> int:
    """Wait by one poll(2) on nothing; EINTR always ends it, even with SA_RESTART (signal(7)). Raises SyscallError."""
    return prototype("poll", ctypes.c_void_p, ctypes.c_ulong, ctypes.c_int)(None, 0, milliseconds)


def trace_me() -> None:
    """Let our parent trace us: from now on every signal but SIGKILL stops us first. PTRACE_TRACEME, ptrace(2)."""
    prototype("ptrace", ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p)(0, 0, None, None)


def fork_and_wait(run: Callable[[], object]) -> int:
    """Fork a child that calls ``run`` and ends; return its pid only when it has ended or exec'd, as vfork does.

    CLONE_VFORK of clone(2) without CLONE_VM: the child has its own copy of memory, so that it may do anything. Until
    then the caller sleeps in state D. The caller must have one thread.
    """
    flags = 0x4000 | 17  # CLONE_VFORK, SIGCHLD
    pid = syscall("clone", *[ctypes.c_ulong] * 5)(flags, 0, 0, 0, 0)
    if pid == 0:
        try:
            run()
        finally:
            os._exit(0)
    return pid
