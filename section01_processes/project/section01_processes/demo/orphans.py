"""Demonstration: a process group whose last tie to its session is cut while it is stopped."""

from __future__ import annotations

import json
import os
import signal
import time
from typing import TYPE_CHECKING

from .._syscalls import set_subreaper
from ..core.spawn import Child
from ..core.stat import ProcessStat
from ..signals import signal_name
from .groups import sleeper
from .stage import Actor, Line, read_masks, wait_until

if TYPE_CHECKING:
    from .stage import Stage

HUP, CONT = signal.SIGHUP, signal.SIGCONT
SI_KERNEL = 0x80  # sigaction(2): sent by the kernel


def orphan_group(stage: Stage) -> None:
    """Show what the kernel does when a process group with stopped members loses its last tie to the session."""
    with Actor(_director) as director:
        stage.do(
            "a director (our helper: it will adopt the orphans, as a subreaper does) has a child that leads a session; "
            "that leader has two children, each in a process group of its own; both are stopped"
        )
        leader, plain, careful = director.line.hear()
        pidfds = [Child(pid, os.pidfd_open(pid)) for pid in (plain, careful)]
        try:
            _play(stage, director, leader, plain, careful)
        finally:
            for child in pidfds:
                child.signal(signal.SIGKILL)
                child.close()


def _play(stage: Stage, director: Actor, leader: int, plain: int, careful: int) -> None:
    for name, pid in (("plain", plain), ("careful", careful)):
        os.kill(pid, signal.SIGSTOP)
        wait_until(lambda pid=pid: ProcessStat.of(pid).state == "T", "a child stops")  # type: ignore[misc]
        stage.state(name, pid)
    stat = ProcessStat.of(plain)
    stage.fact("plain's parent is the leader", stat.ppid == leader, f"/proc/{plain}/stat")
    stage.masks("careful", careful, "blocked", only=(HUP, CONT))

    stage.do("the leader ends, the director is the new parent; no member has a parent in the session any more: "
             "the groups are orphaned; the kernel sends SIGHUP, then SIGCONT")  # fmt: skip
    answer = director.line.ask()
    stage.fact("plain ended", f"killed by {signal_name(answer['plain'])}", "wait status in the director")
    stage.fact("careful took", [signal_name(n) for n in answer["taken"]], "sigtimedwait in careful")
    stage.fact("sent by the kernel", answer["from_kernel"], "si_code SI_KERNEL of each")
    stage.state("careful", careful, within="SZ")

    stage.do("SIGTSTP to careful: in an orphaned group nobody could continue it, so the kernel drops the signal")
    os.kill(careful, signal.SIGTSTP)
    wait_until(lambda: "SIGTSTP" not in read_masks(careful)["shared"], "careful has got the signal")
    stage.masks("careful", careful, "shared", only=(signal.SIGTSTP,))
    stage.state("careful", careful, within="STZ")

    stage.do("SIGSTOP stops it all the same")
    os.kill(careful, signal.SIGSTOP)
    wait_until(lambda: ProcessStat.of(careful).state == "T", "careful stops")
    stage.state("careful", careful)


def _director(line: Line) -> None:
    """Adopt what the leader leaves behind, and tell what becomes of it."""
    set_subreaper()
    start, go = os.pipe2(os.O_CLOEXEC)
    reader, writer = os.pipe2(os.O_CLOEXEC)
    leader = os.fork()
    if leader == 0:
        os.close(go)
        _leader(start, writer)
    os.close(writer)
    with open(reader, encoding="ascii") as told:
        plain, careful = json.loads(told.readline())
        line.say([leader, plain, careful])
        line.hear()
        os.close(go)
        os.waitpid(leader, 0)
        _, status = os.waitpid(plain, 0)
        line.say({"plain": status & 0x7F, **json.loads(told.readline())})
        signal.pause()


def _leader(start: int, writer: int) -> None:
    """Lead a session, have the two children, end when told."""
    os.setsid()
    plain = sleeper()
    careful = os.fork()
    if careful == 0:
        os.close(start)
        _careful(writer)
    while ProcessStat.of(careful).pgrp != careful:
        time.sleep(0.002)
    os.write(writer, f"{json.dumps([plain, careful])}\n".encode())
    os.read(start, 1)  # the end of the pipe
    os._exit(0)


def _careful(writer: int) -> None:
    """Block SIGHUP and SIGCONT, tell which of them came, and go on."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {HUP, CONT})
    os.setpgid(0, 0)
    signal.alarm(600)
    taken: list[signal.struct_siginfo] = []
    while len(taken) < 2:
        # Not with a timeout: while sigtimedwait waits, the kernel unblocks what it waits for.
        found = signal.sigtimedwait({HUP, CONT}, 0)
        taken += [found] if found else []
        time.sleep(0 if found else 0.01)
    answer = {"taken": [i.si_signo for i in taken], "from_kernel": all(i.si_code == SI_KERNEL for i in taken)}
    os.write(writer, f"{json.dumps(answer)}\n".encode())
    while True:
        signal.pause()
