"""Demonstrations: a signal to a process group, and what a terminal sends."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

from ..core.spawn import Child, exit_code
from ..core.stat import ProcessStat
from ..pty import make_controlling_terminal, open_pty
from ..signals import signal_name
from .stage import Actor, Line

if TYPE_CHECKING:
    from io import RawIOBase

    from .stage import Stage

TERM = signal.SIGTERM


def group(stage: Stage) -> None:
    """Show that kill(2) with a negative pid reaches every member of a process group, and nobody else."""
    with Actor(_member) as first, Actor(_member) as second, Actor(_member) as third:
        stage.do("three children: the first leads a process group, the second joins it, the third leads its own")
        for child, leader in ((first, first), (second, first), (third, third)):
            child.line.ask(leader.pid)
        for name, child in (("first", first), ("second", second), ("third", third)):
            stat = ProcessStat.of(child.pid)
            role = {first.pid: "the first's", third.pid: "the third's"}.get(stat.pgrp, "another")
            stage.fact(f"{name} is in group", role, f"/proc/{child.pid}/stat")

        stage.do(f"kill(-{first.pid}, SIGTERM): a negative pid means the group")
        os.kill(-first.pid, TERM)
        stage.ending("first", first.child)
        stage.ending("second", second.child)
        stage.state("third", third.pid, within="SZ")
        stage.masks("third", third.pid, "shared")

        stage.do(f"kill(-{first.pid}, 0) asks whether the group has members: both are gone and waited for")
        stage.fact("the group", "exists" if _exists(first.pid) else "ESRCH", "kill(2)")


def _exists(pgid: int) -> bool:
    try:
        os.kill(-pgid, 0)
    except ProcessLookupError:
        return False
    return True


def _member(line: Line) -> None:
    os.setpgid(0, line.hear())
    line.say()
    while True:
        signal.pause()


def terminal(stage: Stage) -> None:
    """Show that Ctrl-C goes to the terminal's foreground group, and a hang-up to the session's leader."""
    ends = open_pty()
    with (
        open(ends[0], "wb", buffering=0) as master,
        open(ends[1], "wb", buffering=0) as slave,
        Actor(lambda line: _leader(line, master, slave)) as leader,
    ):
        stage.do("a session with a pseudo-terminal of its own: a leader, a foreground and a background group")
        slave.close()
        foreground, background = leader.line.hear()
        with Child(background, os.pidfd_open(background)) as kept:
            try:
                _play(stage, leader, foreground, background, master)
            finally:
                kept.signal(signal.SIGKILL)


def _play(stage: Stage, leader: Actor, foreground: int, background: int, master: RawIOBase) -> None:
    stat = ProcessStat.of(leader.pid)
    stage.fact("leader leads the session", stat.session == leader.pid, f"/proc/{leader.pid}/stat")
    stage.fact("foreground group is the first child's", stat.foreground == foreground, f"/proc/{leader.pid}/stat")

    stage.do("somebody types Ctrl-C: the terminal sends SIGINT to its foreground group, and to nobody else")
    master.write(b"\x03")
    status = leader.line.ask()
    how = signal_name(status & 0x7F) if status & 0x7F else f"exit code {exit_code(status)}"
    stage.fact("foreground process ended", f"killed by {how}", "wait status in the leader")
    stage.state("background process", background, within="SZ")
    stage.state("leader", leader.pid, within="SZ")

    stage.do("the terminal hangs up (its master is closed): SIGHUP to the session's leader")
    master.close()
    stage.ending("leader", leader.child)
    stage.state("background process", background, within="SZ")
    stage.fact("background process has a terminal", bool(ProcessStat.of(background).tty), f"/proc/{background}/stat")


def _leader(line: Line, master: RawIOBase, slave: RawIOBase) -> None:
    master.close()
    os.setsid()
    make_controlling_terminal(slave.fileno())
    foreground, background = (sleeper() for _ in range(2))
    signal.signal(signal.SIGTTOU, signal.SIG_IGN)
    os.tcsetpgrp(slave.fileno(), foreground)
    line.say([foreground, background])
    line.hear()
    _, status = os.waitpid(foreground, 0)
    os.tcsetpgrp(slave.fileno(), os.getpgrp())
    line.say(status)
    while True:
        signal.pause()


def sleeper() -> int:
    """Return the pid of a child in a process group of its own that sleeps; ten minutes at most, if all else fails."""
    reader, writer = os.pipe2(os.O_CLOEXEC)
    pid = os.fork()
    if pid == 0:
        os.setpgid(0, 0)
        signal.alarm(600)
        os.close(reader)
        os.close(writer)
        while True:
            signal.pause()
    os.close(writer)
    os.read(reader, 1)  # the end of the pipe: it is where it should be
    os.close(reader)
    return pid
