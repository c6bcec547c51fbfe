"""Demonstration: what a fork copies and an execve keeps of handlers, masks and pending signals."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

from ..core.exec import exec_program
from ..happenings import read_name
from ..programs import find_program
from .stage import Actor, Line, wait_until

if TYPE_CHECKING:
    from .stage import Stage

CAUGHT, IGNORED, BLOCKED = signal.SIGUSR1, signal.SIGUSR2, signal.SIGHUP
SHOWN = (CAUGHT, IGNORED, BLOCKED)
WORDS = ("shared", "blocked", "ignored", "caught")
PATH = os.environ.get("PATH", os.defpath)


def exec_keeps(stage: Stage) -> None:
    """Show that fork copies dispositions and mask but not what is pending, and that exec resets handlers only."""
    with Actor(_part) as child:
        stage.do("a child catches SIGUSR1, ignores SIGUSR2, blocks SIGHUP; we send SIGHUP, which waits")
        child.line.hear()
        child.child.signal(BLOCKED)
        stage.masks("child", child.pid, *WORDS, only=SHOWN)

        stage.do("the child forks: nothing is pending in the new process, the rest is a copy")
        stage.masks("grandchild", child.line.ask(), *WORDS, only=SHOWN)

        stage.do("the child executes sleep(1): its handler is gone with its memory, all else is kept")
        child.line.say()
        _wait_for_sleep(child)
        stage.masks("sleep", child.pid, *WORDS, only=SHOWN)

    with Actor(_clean_part) as child:
        stage.do("another, set the same way, executes sleep after the last mile (core/exec.py): nothing is kept")
        child.line.hear()
        child.line.say()
        _wait_for_sleep(child)
        stage.masks("sleep", child.pid, *WORDS, only=SHOWN)


def _wait_for_sleep(child: Actor) -> None:
    wait_until(lambda: read_name(child.pid) == "sleep", "the child becomes sleep")


def _set_up() -> None:
    signal.signal(CAUGHT, lambda *_: None)
    signal.signal(IGNORED, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_BLOCK, {BLOCKED})


def _part(line: Line) -> None:
    _set_up()
    line.say()
    line.hear()
    pid = os.fork()
    if pid == 0:
        signal.alarm(600)
        while True:
            signal.pause()
    try:
        line.say(pid)
        line.hear()
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
    path = find_program("sleep", PATH)
    os.execv(path, [path, "600"])  # nothing is reset before: that is the point


def _clean_part(line: Line) -> None:
    _set_up()
    line.say()
    line.hear()
    exec_program([find_program("sleep", PATH), "600"], [])
