"""Make a child and wait for it: fork(2), pidfd_open(2), waitid(2).

What belongs here: the fork, the child's way out, and the handle that the parent keeps. What does not: what the child
does (its ``run``), and the last steps before execve (``core/exec.py``).

A pid is a number that the kernel gives to somebody else later; a *pidfd* is a descriptor of this one process. It can
be waited for, polled and signalled without ever meeting a stranger, so the handle of a child is its pidfd.
"""

from __future__ import annotations

import _thread
import os
import sys

from section01_processes.errors import ChildFailed, LcmError

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal as _signal
    from collections.abc import Callable
else:
    import _signal


class Child:
    """A process and its pidfd. The owner of a Child owns the descriptor: ``close`` it, or use ``with``."""

    __slots__ = ("_status", "pid", "pidfd")

    def __init__(self, pid: int, pidfd: int) -> None:
        self.pid, self.pidfd = pid, pidfd
        self._status: int | None = None

    def wait(self) -> int:
        """Wait until it ends; return 0..255, or 128 + n when signal n killed it. ChildProcessError: not our child."""
        self._collect(0)
        return exit_code(self.status())

    def poll(self) -> int | None:
        """Return what ``wait`` would, or None while it runs."""
        self._collect(os.WNOHANG)
        return None if self._status is None else exit_code(self._status)

    def status(self) -> int:
        """Return the wait status, as of waitpid(2); the child must have been waited for."""
        if self._status is None:
            raise LcmError(f"process {self.pid} has not been waited for")
        return self._status

    def signal(self, number: int) -> bool:
        """Send it signal ``number``; False when it is gone already. pidfd_send_signal(2)."""
        try:
            _signal.pidfd_send_signal(self.pidfd, number)
        except ProcessLookupError:
            return False
        return True

    def fileno(self) -> int:
        """Return the pidfd; it polls readable when the process has ended."""
        return self.pidfd

    def close(self) -> None:
        """Close the pidfd. The process goes on; it can no longer be waited for by this handle."""
        if self.pidfd >= 0:
            os.close(self.pidfd)
            self.pidfd = -1

    def __enter__(self) -> Child:  # noqa: PYI034 - Self would need typing
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _collect(self, flags: int) -> None:
        """Fetch the status by waitid(2) if it is not known yet."""
        if self._status is None:
            answer = os.waitid(os.P_PIDFD, self.pidfd, os.WEXITED | flags)
            if answer is not None:
                how = answer.si_code  # CLD_EXITED: si_status is the exit code; else it is the signal
                self._status = (
                    answer.si_status << 8 if how == os.CLD_EXITED else answer.si_status | (how == os.CLD_DUMPED) << 7
                )


def exit_code(status: int) -> int:
    """Return the exit code that a shell would show for wait status ``status``: 0..255, or 128 + signal."""
    return status >> 8 & 0xFF if status & 0x7F == 0 else 128 + (status & 0x7F)


def spawn(run: Callable[[], int | None], *, report: bool = False) -> Child:
    """Fork a child that calls ``run`` and then ``_exit``s with its value (None: 0); return its handle.

    The caller must have one thread only: a lock that another thread held would stay locked in the child for ever
    (LCM-PROC-05). The child never returns into the caller, flushes no buffer it inherited (LCM-PROC-03), and has none
    of the caller's Python signal handlers.

    With ``report`` the call waits until the child has exec'd or ended, and an error before that is raised here, as
    ChildFailed. Without, the child prints it to its standard error and exits with its code.
    """
    assert_single_thread()
    reader, writer = os.pipe2(os.O_CLOEXEC) if report else (-1, -1)
    # No handler of ours may run in the child, not even between fork and its first line.
    mask = _signal.pthread_sigmask(_signal.SIG_BLOCK, _signal.valid_signals())
    pid = -1
    try:
        pid = os.fork()
        if pid == 0:
            os._exit(_run_child(run, mask, reader, writer))
        child = Child(pid, os.pidfd_open(pid))
    except OSError:  # EAGAIN: too many processes; ENOMEM (also: the pid namespace's PID 1 is gone, LCM-NS-02); EMFILE
        if pid > 0:  # without a handle nobody could end it, or wait for it
            os.kill(pid, _signal.SIGKILL)
            os.waitpid(pid, 0)
        _close(reader)
        raise
    finally:
        _signal.pthread_sigmask(_signal.SIG_SETMASK, mask)
        _close(writer)
    if report:
        _raise_reported(child, reader)
    return child


def _close(fd: int) -> None:
    """Close ``fd`` unless it is -1."""
    if fd >= 0:
        os.close(fd)


def _run_child(run: Callable[[], int | None], mask: set[int], reader: int, writer: int) -> int:
    """Do the child's part; return its exit code. Nothing may escape from here: the caller's stack lies above."""
    try:
        _forget_handlers()
        _signal.pthread_sigmask(_signal.SIG_SETMASK, mask)
        _close(reader)
        return run() or 0
    except SystemExit as leave:
        return leave.code if isinstance(leave.code, int) else bool(leave.code)
    except BaseException as error:
        code: int = getattr(error, "exit_code", 125)
        _tell(error, code, writer)
        return code


def _tell(error: BaseException, code: int, writer: int) -> None:
    """Send the error to the parent as ``errno code message``, or print it when nobody reads reports."""
    try:
        text = str(error) if isinstance(error, (LcmError, OSError)) else f"{type(error).__name__}: {error}"
        if writer >= 0:
            os.write(writer, f"{getattr(error, 'errno', 0) or 0} {code} {text}".encode(errors="surrogateescape")[:4096])
        elif isinstance(error, LcmError):
            os.write(2, f"error: {text}\n".encode(errors="surrogateescape"))
        else:
            sys.excepthook(type(error), error, error.__traceback__)
    except OSError:
        pass  # standard error may be closed; the exit code still tells


def _raise_reported(child: Child, reader: int) -> None:
    """Read the report pipe to its end; raise ChildFailed, the child waited for, if there was an error in it."""
    with open(reader, "rb", buffering=0) as pipe:
        errno, _, rest = (pipe.readall() or b"").partition(b" ")
    if errno:
        child.wait()
        child.close()
        code, _, text = rest.partition(b" ")
        raise ChildFailed(text.decode(errors="surrogateescape"), errno=int(errno), exit_code=int(code))


def _forget_handlers() -> None:
    """Set signals that the parent handled in Python to their default; ignored ones stay ignored until the last mile."""
    _signal.set_wakeup_fd(-1)
    for number in _signal.valid_signals():
        if callable(_signal.getsignal(number)):
            _signal.signal(number, _signal.SIG_DFL)


def assert_single_thread() -> None:
    """Raise LcmError if this process has more than one thread."""
    try:
        threads = len(os.listdir("/proc/self/task"))
    except OSError:  # no /proc here
        threads = 1 + _thread._count()  # noqa: SLF001 - Python's own count of further threads
    if threads != 1:
        raise LcmError(f"cannot fork a process of {threads} threads", hint="fork first", explain="LCM-PROC-05")
