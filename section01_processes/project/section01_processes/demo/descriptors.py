"""Demonstration: signals and processes as descriptors: signalfd and pidfd."""

from __future__ import annotations

import os
import select
import signal
import struct
from typing import TYPE_CHECKING

from .._syscalls import open_signalfd
from ..signals import signal_name, signal_set
from .stage import PATIENCE, Actor, Line

if TYPE_CHECKING:
    from .stage import Stage

USR1 = signal.SIGUSR1
#: struct signalfd_siginfo { uint32_t ssi_signo; int32_t ssi_errno; int32_t ssi_code; uint32_t ssi_pid; … } of 128 bytes
SIGINFO = struct.Struct("=IiiI112x")


def descriptors(stage: Stage) -> None:
    """Show a signal that is read from a descriptor, and a process that is held by one."""
    with Actor(_part) as child:
        stage.do("a child blocks SIGUSR1 and opens a signalfd for it")
        fd = child.line.hear()
        mask = int(fdinfo(child.pid, fd)["sigmask"], 16)
        stage.fact("signalfd takes", signal_set(mask), f"/proc/{child.pid}/fdinfo/{fd}")

        stage.do("we send SIGUSR1; the descriptor becomes readable, and the child reads the signal as data")
        child.child.signal(USR1)
        number, sender = child.line.ask()
        stage.fact("child read", signal_name(number), "struct signalfd_siginfo in the child")
        stage.fact("sent by us", sender == os.getpid(), "ssi_pid in it")
        stage.masks("child", child.pid, "shared", only=(USR1,))

        stage.do("our handle of the child is a pidfd: a descriptor of this one process")
        ours = child.child.pidfd
        stage.fact("pidfd is of the child", int(fdinfo(os.getpid(), ours)["Pid"]) == child.pid, "/proc/self/fdinfo")
        stage.fact("pidfd is readable", _readable(ours, 0), "poll(2)")

        stage.do("the child ends: its pidfd becomes readable, and there is nothing to race with")
        child.line.say()
        stage.fact("pidfd is readable", _readable(ours, PATIENCE), "poll(2)")
        stage.state("child", child.pid)

        stage.do("it is waited for, by the pidfd: waitid(P_PIDFD); the pid may now come to mean somebody else")
        stage.ending("child", child.child)
        stage.fact("pid behind the pidfd", int(fdinfo(os.getpid(), ours)["Pid"]), "/proc/self/fdinfo")
        stage.fact("a signal by the pidfd", "sent" if child.child.signal(USR1) else "ESRCH", "pidfd_send_signal(2)")


def fdinfo(pid: int, fd: int) -> dict[str, str]:
    """Return what /proc/PID/fdinfo/FD says, by name; see proc_pid_fdinfo(5)."""
    with open(f"/proc/{pid}/fdinfo/{fd}", encoding="ascii") as file:
        pairs = (line.partition(":") for line in file)
        return {name: value.strip() for name, _, value in pairs}


def _readable(fd: int, seconds: float) -> bool:
    return bool(select.select([fd], [], [], seconds)[0])


def _part(line: Line) -> None:
    signal.pthread_sigmask(signal.SIG_BLOCK, {USR1})
    fd = open_signalfd([USR1])
    line.say(fd)
    line.hear()
    select.select([fd], [], [], PATIENCE)
    number, _, _, sender = SIGINFO.unpack(os.read(fd, SIGINFO.size))
    line.say([number, sender])
    line.hear()
