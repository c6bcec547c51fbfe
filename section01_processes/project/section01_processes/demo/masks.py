"""Demonstrations: blocked signals wait, and equal ones become one."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING, Any

from .stage import Actor, Line, wait_until

if TYPE_CHECKING:
    from .stage import Stage

USR1, USR2, RTMIN = signal.SIGUSR1, signal.SIGUSR2, signal.SIGRTMIN


def mask(stage: Stage) -> None:
    """Show that a blocked signal waits, for the process or for one thread, until it is taken or unblocked."""
    with Actor(_mask_part) as child:
        stage.do("a child blocks SIGUSR1 and SIGUSR2, and asks for SIGKILL and SIGSTOP to be blocked, too")
        child.line.hear()
        stage.masks("child", child.pid, "blocked")

        stage.do("we send SIGUSR1 to the process: pidfd_send_signal(2)")
        child.child.signal(USR1)
        stage.masks("child", child.pid, "pending", "shared")
        stage.state("child", child.pid, within="SZ")

        stage.do("the child sends SIGUSR2 to its own thread: tgkill(2)")
        child.line.ask()
        stage.masks("child", child.pid, "pending", "shared")

        stage.do("the child takes SIGUSR2 without any handler: sigtimedwait(2)")
        stage.fact("child took", signal.Signals(child.line.ask()).name, "sigtimedwait in the child")
        stage.masks("child", child.pid, "pending", "shared")

        stage.do("the child unblocks both: what is pending arrives at once, and its default action is to terminate")
        child.line.say()
        stage.ending("child", child.child)


def _mask_part(line: Line) -> None:
    signal.pthread_sigmask(signal.SIG_BLOCK, {USR1, USR2, signal.SIGKILL, signal.SIGSTOP})
    line.say()
    line.hear()
    signal.raise_signal(USR2)
    line.say()
    line.hear()
    taken = signal.sigtimedwait({USR2}, 10)
    line.say(taken and taken.si_signo)
    line.hear()
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {USR1, USR2})


def coalesce(stage: Stage) -> None:
    """Show that equal ordinary signals become one while they wait, and real-time signals queue."""
    with Actor(_coalesce_part) as child:
        stage.do("a child blocks SIGUSR1, SIGRTMIN and SIGCHLD; we send it five SIGUSR1 and five SIGRTMIN")
        child.line.hear()
        for number in (USR1, RTMIN) * 5:
            child.child.signal(number)
        stage.masks("child", child.pid, "shared")

        stage.do("the child takes what waits, one by one: sigtimedwait(2) until it says EAGAIN")
        taken = child.line.ask()
        stage.fact("SIGUSR1 taken", taken.count(USR1), "sigtimedwait in the child")
        stage.fact("SIGRTMIN taken", taken.count(RTMIN), "sigtimedwait in the child")

        stage.do("three children of the child end: three SIGCHLD")
        stage.fact("zombies", child.line.ask(), "waitid(2) with WNOWAIT in the child")
        stage.masks("child", child.pid, "shared")

        stage.do("the child takes them, then waits in a loop (LCM-PROC-02)")
        answer = child.line.ask()
        stage.fact("SIGCHLD taken", answer["taken"], "sigtimedwait in the child")
        stage.fact("children reaped", answer["reaped"], "waitid(2) in the child, until ECHILD")
        stage.ending("child", child.child)


def _coalesce_part(line: Line) -> None:
    signal.pthread_sigmask(signal.SIG_BLOCK, {USR1, RTMIN, signal.SIGCHLD})
    line.say()
    line.hear()
    line.say(_take({USR1, RTMIN}))
    line.hear()
    pids = [_ended_child() for _ in range(3)]
    line.say(len(pids))
    line.hear()
    taken, reaped = len(_take({signal.SIGCHLD})), 0
    while _reap():
        reaped += 1
    line.say({"taken": taken, "reaped": reaped})


def _take(signals: set[Any]) -> list[int]:
    """Take pending signals until there are no more; return their numbers."""
    found = []
    while taken := signal.sigtimedwait(signals, 0):
        found.append(taken.si_signo)
    return found


def _ended_child() -> int:
    """Return the pid of a child that has ended and that nobody has waited for."""
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    wait_until(lambda: os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None, "a child ends")
    return pid


def _reap() -> bool:
    """Wait for any child that has ended; False when there is none left."""
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED)
    except ChildProcessError:
        return False
    return True
