"""Start a Python program of ours so that nobody can write to the interpreter it runs on (CVE-2019-5736).

What belongs here: where the executable lies, and the new process's stdio, session and parent; how a tool moves to such
an interpreter. What does not: what it runs.

A process that can exec into a container can be made to exec /proc/self/exe; the container's program then holds the
host's interpreter open and waits for the moment in which it may write to it. On a detached read-only mount that moment
never comes. An ordinary user cannot make one before entering a user namespace; a sealed memfd does the same for him,
and costs a copy.
"""

from __future__ import annotations

import fcntl
import os
import sys

from ._syscalls import clone_readonly, prepare_execve, set_name
from .core.exec import exec_error, last_mile
from .core.spawn import Child, spawn
from .errors import LcmError
from .messages import recv_message, send_message, socket_pair

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import NoReturn

NULL = -1  # stdin=NULL: /dev/null
MARK = "protected"  # python -X protected: this interpreter cannot be written to
F_ADD_SEALS = 1033
SEALS = 0x1 | 0x2 | 0x4 | 0x8  # F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE, fcntl(2)
MFD_EXEC = 0x10  # Linux 6.3; without it the sysctl vm.memfd_noexec may forbid to execute the copy
EPERM, EACCES, EINVAL, ENOSYS = 1, 13, 22, 38


def start_interpreter(
    argv: Sequence[str | bytes],
    *,
    readonly: bool = True,
    stdin: int | None = None,
    stdout: int | None = None,
    stderr: int | None = None,
    inherit: Sequence[int] = (),
    env: Sequence[str | bytes] | None = None,
    cwd: str = "",
    new_session: bool = False,
    double_fork: bool = False,
    executable: str = "",
) -> Child:
    """Start ``python -I -S argv…`` (a script and its arguments, or ``-c CODE …``); return when it has been exec'd.

    ``stdin`` …: a descriptor, None to share ours, NULL for /dev/null; ``inherit``: descriptors that keep their
    numbers; ``env``: ``K=V`` (default: ours). With ``double_fork`` it is nobody's child (init adopts it): the handle
    can be polled and signalled, not waited for. The caller must have one thread only. Raises ChildFailed, LcmError.
    """
    python = os.path.realpath(executable or sys.executable)
    program = protected_copy(python) if readonly else os.open(python, os.O_PATH | os.O_CLOEXEC)
    words = [os.fsencode(word) for word in (executable or sys.executable, "-I", "-S", *argv)]
    given = [os.fsencode(pair) for pair in env] if env is not None else _own_environment()
    ours, theirs = socket_pair() if double_fork else (-1, -1)

    def run() -> int:
        if new_session:
            os.setsid()
        if double_fork:
            if os.fork():
                os._exit(0)
            send_message(theirs, b"pidfd", [own := os.pidfd_open(os.getpid())])
            os.close(own)
        if cwd:
            os.chdir(cwd)
        _place_stdio((stdin, stdout, stderr))
        execute = prepare_execve(python, words, given, fd=program)
        last_mile(inherit)
        raise exec_error(execute(), python)

    try:
        child = spawn(run, report=True)
        return _adopted(child, ours) if double_fork else child
    finally:
        for fd in (program, ours, theirs):
            if fd >= 0:
                os.close(fd)


def protect_interpreter(name: str, exit_code: int = 125) -> None:
    """Execute this very command again on an interpreter that cannot be written to; return when it is on one already.

    For a tool called ``name`` that is going to enter a container or a jail: its first act, since what is imported
    before is imported twice. The tool moves as a whole: a child that is only forked shares its parent's executable. In
    place: pid, parent, terminal, standard input and ignored signals stay. Ends the process with ``exit_code``, and a
    line, if that cannot be.
    """
    if MARK in sys._xoptions:  # noqa: SLF001 (documented, however it is spelled)
        set_name(name)  # a program that is executed by descriptor is named after the descriptor
        return
    python = os.path.realpath(sys.executable)
    argv = [os.fsencode(word) for word in (sys.executable, "-X", MARK, *sys.orig_argv[1:])]
    try:
        raise exec_error(prepare_execve(python, argv, _own_environment(), fd=protected_copy(python))(), python)
    except (LcmError, OSError) as error:
        os.write(2, f"{name}: error: cannot protect the interpreter: {error}\n".encode(errors="surrogateescape"))
        sys.exit(exit_code)


def execute_again(arguments: Sequence[str], keep: Sequence[int] = ()) -> NoReturn:
    """Execute this very program anew, with ``arguments`` after those that it was started with. Raises OSError.

    It is the same process: pid, parent, working directory stay. ``keep``: descriptors that stay open, too.
    """
    for fd in keep:
        os.set_inheritable(fd, True)
    os.execv("/proc/self/exe", [*sys.orig_argv, *arguments])


def _adopted(middle: Child, sock: int) -> Child:
    """Return the handle of the grandchild, whose pidfd waits in ``sock``; the middle process is waited for."""
    with middle:
        middle.wait()
    _, fds = recv_message(sock)
    return Child(pid_of(fds[0]), fds[0])


def pid_of(pidfd: int) -> int:
    """Return the pid behind a pidfd, from /proc/self/fdinfo; -1 when it has ended."""
    with open(f"/proc/self/fdinfo/{pidfd}", "rb") as file:
        for line in file:
            if line.startswith(b"Pid:"):
                return int(line[4:])
    raise LcmError(f"descriptor {pidfd} is not a pidfd")


def protected_copy(path: str) -> int:
    """Return a descriptor of ``path`` to execute that cannot lead anyone to a writable file.

    A detached read-only mount, or where that is not permitted (or seccomp hides the call) a sealed memfd.
    """
    try:
        return clone_readonly(path)
    except OSError as error:
        if error.errno not in (EPERM, ENOSYS):
            raise
    return sealed_copy(path)


def sealed_copy(path: str) -> int:
    """Return a descriptor of a copy of ``path`` in memory that nobody can change any more. memfd_create(2).

    Raises LcmError where no memory may be executed, OSError.
    """
    flags = os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING
    try:
        target = os.memfd_create(os.path.basename(path), flags | MFD_EXEC)
    except OSError as error:
        if error.errno == EACCES:
            hint = "the sysctl vm.memfd_noexec is 2; root needs no such copy"
            raise LcmError("may not make a program in memory, which nobody could write to", hint=hint) from None
        if error.errno != EINVAL:
            raise
        target = os.memfd_create(os.path.basename(path), flags)
    try:
        with open(path, "rb", buffering=0) as source:
            while os.sendfile(target, source.fileno(), None, 1 << 30):
                pass
        os.fchmod(target, 0o555)
        fcntl.fcntl(target, F_ADD_SEALS, SEALS)
    except BaseException:
        os.close(target)
        raise
    return target


def _own_environment() -> list[bytes]:
    """Return our environment as ``K=V``."""
    return [name + b"=" + value for name, value in os.environb.items()]


def _place_stdio(wanted: Sequence[int | None]) -> None:
    """Put the wanted descriptors at 0, 1, 2; first out of each other's way."""
    null = os.open("/dev/null", os.O_RDWR | os.O_CLOEXEC) if NULL in wanted else NULL
    moved = [None if fd is None else fcntl.fcntl(null if fd == NULL else fd, fcntl.F_DUPFD_CLOEXEC, 3) for fd in wanted]
    for place, fd in enumerate(moved):
        if fd is not None:
            os.dup2(fd, place, inheritable=True)
            os.close(fd)
    if null > 2:
        os.close(null)
