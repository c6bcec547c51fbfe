"""Demonstration: PID 1 of a pid namespace, for which the default action of a signal is to do nothing."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

from .._syscalls import unshare
from ..core.spawn import spawn
from ..errors import LcmError
from ..signals import signal_name
from .stage import Actor, Line, read_status

if TYPE_CHECKING:
    from .stage import Stage

TERM = signal.SIGTERM
CLONE_NEWUSER, CLONE_NEWPID = 0x10000000, 0x20000000
SHOWN = (TERM, signal.SIGKILL)


def pid1(stage: Stage) -> None:
    """Show that PID 1 gets only the signals that it has a handler for, but for SIGKILL and SIGSTOP from outside."""
    with Actor(_parent) as parent:
        stage.do("a child in a new pid namespace: there it is PID 1 (namespaces come in section 2)")
        answer = parent.line.hear()
        if "error" in answer:
            raise LcmError(f"no new pid namespace: {answer['error']}", hint="try sudo", explain="LCM-US-02")
        pid = answer["pid"]
        parent.line.ask("are you there?")  # it was born with every signal blocked; who answers has its own mask
        stage.fact("its pid inside", int(read_status(pid)["NSpid"].split()[-1]), f"NSpid of /proc/{pid}/status")
        stage.masks("PID 1", pid, "blocked", "ignored", "caught", only=SHOWN)

        stage.do("it sends itself SIGTERM and SIGKILL; anybody in the namespace could")
        stage.fact("kill gave", parent.line.ask("kill"), "kill(2) in PID 1")
        stage.masks("PID 1", pid, "pending", "shared", only=SHOWN)
        stage.state("PID 1", pid, within="SZ")

        stage.do("we send SIGTERM from outside: dropped as well, as its action is the default one")
        os.kill(pid, TERM)
        stage.masks("PID 1", pid, "shared", only=SHOWN)
        stage.state("PID 1", pid, within="SZ")

        stage.do("it sets a handler for SIGTERM; we send it again")
        parent.line.ask("handle")
        stage.masks("PID 1", pid, "caught", only=SHOWN)
        os.kill(pid, TERM)
        stage.fact("handler took", signal.Signals(parent.line.hear()).name, "the handler in PID 1")
        stage.state("PID 1", pid, within="SZ")

        stage.do("SIGKILL from outside, from its parent's namespace, always works")
        os.kill(pid, signal.SIGKILL)
        status = parent.line.hear()
        stage.fact("PID 1 ended", f"killed by {signal_name(status & 0x7F)}", f"wait status {status:#06x} in its parent")


def _parent(line: Line) -> None:
    """Make the namespace, have the child that is PID 1 in it, and tell how that one ends."""
    try:
        unshare(CLONE_NEWPID | (0 if os.geteuid() == 0 else CLONE_NEWUSER))
        child = spawn(lambda: _init(line))
    except OSError as error:
        line.say({"error": str(error)})
        return
    line.say({"pid": child.pid})
    child.wait()
    line.say(child.status())


def _init(line: Line) -> None:
    """Be PID 1: do as we are told."""
    while True:
        order = line.hear()
        if order == "kill":
            os.kill(os.getpid(), TERM)
            os.kill(os.getpid(), signal.SIGKILL)
            line.say(0)
            continue
        if order == "handle":
            signal.signal(TERM, lambda number, _: line.say(number))
        line.say()
