"""PID 1: start the program, pass signals on, wait for every orphan, end as the program ended.

What belongs here: the loop of an init. What does not: restarting (``policy.py``), health (``health.py``).

Three things make PID 1 special, see pid_namespaces(7). Orphans become its children, and stay zombies until it waits
for them. A signal that it has no handler for does nothing: SIGTERM to a plain program as PID 1 is lost, and `stop`
takes its full ten seconds (LCM-INIT-01). And when it ends, the kernel kills everything else in the namespace. So a
program that was not written to be PID 1 gets an init above it, and is an ordinary process again.
"""

from __future__ import annotations

import os

from section01_processes import (
    close_from,
    exec_error,
    exit_code,
    last_mile,
    prepare_execve,
    reset_signals,
    set_dumpable,
    set_name,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal as _signal
    from collections.abc import Collection, Sequence
    from typing import NoReturn
else:
    import _signal

#: The kernel's answer to a fault of our own; blocked, they would kill us without a word.
FAULTS = {
    _signal.SIGILL,
    _signal.SIGTRAP,
    _signal.SIGABRT,
    _signal.SIGBUS,
    _signal.SIGFPE,
    _signal.SIGSEGV,
    _signal.SIGSYS,
}
#: Not passed on: the first is for us, the others tell a *background* reader of the terminal to stop.
OURS = {_signal.SIGCHLD, _signal.SIGTTIN, _signal.SIGTTOU}


def run_init(path: str | bytes, argv: Sequence[bytes], env: Sequence[bytes], *, keep: Sequence[int] = ()) -> NoReturn:
    """Be the init for program ``path``: fork it, and never return; exit with its code, or 128 + signal.

    Takes the place of execve, after all privileges are gone: no descriptor of the caller stays open (but 0 to 2; the
    program also gets ``keep``), and our memory is closed to the container (not dumpable). Raises ProgramNotFound or
    ProgramNotExecutable when the program could not be executed; nothing is left running then.
    """
    reset_signals()  # an ignored SIGCHLD would let the kernel reap in our place, and tell nobody
    signals = _signal.valid_signals() - FAULTS
    _signal.pthread_sigmask(_signal.SIG_SETMASK, signals)  # from here on none is lost: the loop fetches them
    set_dumpable(0)
    main = _start(path, argv, env, keep)
    close_from(3)  # whoever waits for our execve by a close-on-exec pipe sees it now
    set_name("init")
    os._exit(serve(main, signals))


def serve(main: int, signals: Collection[int]) -> int:
    """Do an init's work until process ``main`` ends; return its exit code. ``signals`` are blocked, all of them.

    One signal may stand for many dead children, as equal signals do not queue (LCM-PROC-02): reap until none is left.
    """
    while True:
        number = _signal.sigwait(signals)
        if number == _signal.SIGCHLD:
            for pid, status in reap():
                if pid == main:
                    return exit_code(status)
        elif number not in OURS:
            try:
                os.kill(main, number)
            except PermissionError:
                pass  # it has become another user; we have no right over it any more


def reap() -> list[tuple[int, int]]:
    """Wait for all children that have ended, without blocking; return their pids and wait statuses. waitpid(2)."""
    ended: list[tuple[int, int]] = []
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return ended
        if pid == 0:
            return ended
        ended.append((pid, status))


def _start(path: str | bytes, argv: Sequence[bytes], env: Sequence[bytes], keep: Sequence[int]) -> int:
    """Fork and execute the program, as leader of a group of its own; return its pid once it has been executed."""
    execute = prepare_execve(path, argv, env)
    reader, writer = os.pipe2(os.O_CLOEXEC)
    pid = os.fork()
    if pid == 0:
        try:
            _lead_foreground_group()
            last_mile(keep)
            os.write(writer, bytes([execute()]))
        finally:
            os._exit(127)
    os.close(writer)
    failed = os.read(reader, 1)  # nothing: the pipe was closed by the execve
    os.close(reader)
    if failed:
        os.waitpid(pid, 0)
        raise exec_error(failed[0], os.fsdecode(path))
    return pid


def _lead_foreground_group() -> None:
    """Become a process group, and the terminal's foreground one if there is a terminal: Ctrl-C goes to the program."""
    os.setpgid(0, 0)
    try:
        os.tcsetpgrp(0, os.getpgrp())  # we are in the background: SIGTTOU, which this raises, is blocked
    except OSError:
        pass  # standard input is no terminal, or not our session's
