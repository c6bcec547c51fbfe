"""Demonstration: a handler interrupts a system call that waits; what happens then is the caller's choice."""

from __future__ import annotations

import errno
import os
import signal
from typing import TYPE_CHECKING, Any

from .._syscalls import poll_once, read_once
from ..core.stat import ProcessStat
from .stage import Actor, Line, read_masks, wait_state, wait_until

if TYPE_CHECKING:
    from collections.abc import Callable

    from .stage import Stage

USR1 = signal.SIGUSR1


def eintr(stage: Stage) -> None:
    """Show EINTR: without SA_RESTART a waiting call fails; with it, some calls go on; Python repeats by itself."""
    reader, writer = os.pipe2(os.O_CLOEXEC)
    with Actor(lambda line: _part(line, reader)) as child:
        stage.do("a child with a handler, set without SA_RESTART, waits in read(2) on a pipe; we send SIGUSR1")
        _asleep(child, "read plain")
        stage.state("child", child.pid)
        stage.masks("child", child.pid, "caught", only=(USR1,))
        child.child.signal(USR1)
        _tell(stage, child, "read(2)")

        stage.do("the same with SA_RESTART: the kernel makes the call again; then we write a byte")
        _asleep(child, "read restarting")
        _interrupt(child)
        os.write(writer, b"x")
        _tell(stage, child, "read(2)")

        stage.do("poll(2) is never made again, SA_RESTART or not (signal(7))")
        _asleep(child, "poll restarting")
        child.child.signal(USR1)
        _tell(stage, child, "poll(2)")

        stage.do("Python's os.read, without SA_RESTART: Python runs the handler and calls again (PEP 475); a byte")
        _asleep(child, "os.read plain")
        _interrupt(child)
        os.write(writer, b"y")
        _tell(stage, child, "os.read")
    os.close(reader)
    os.close(writer)


def _asleep(child: Actor, what: str) -> None:
    """Tell the child what to call; return when it sleeps in it."""
    child.line.say(what)
    child.line.hear()
    wait_state(child.pid, "S")


def _interrupt(child: Actor) -> None:
    """Send SIGUSR1; return when it has been delivered and the child sleeps again."""
    before = _switches(child.pid)
    child.child.signal(USR1)
    wait_until(lambda: "SIGUSR1" not in read_masks(child.pid)["shared"], "the signal is delivered")
    wait_until(lambda: _switches(child.pid) > before and ProcessStat.of(child.pid).state == "S", "it sleeps again")


def _switches(pid: int) -> int:
    """Return how often ``pid`` gave up the CPU of its own will: once more each time it goes to sleep."""
    with open(f"/proc/{pid}/status", encoding="utf-8") as file:
        return int(file.read().partition("\nvoluntary_ctxt_switches:")[2].split()[0])


def _tell(stage: Stage, child: Actor, call: str) -> None:
    """Record what the call gave back, and that the handler ran."""
    answer = child.line.hear()
    stage.fact(f"{call} gave", answer["gave"], f"{call} in the child")
    stage.fact("handler ran", answer["handled"], "the handler itself")


def _part(line: Line, reader: int) -> None:
    handled = []
    signal.signal(USR1, lambda number, _: handled.append(number))
    calls: dict[str, Callable[[], Any]] = {
        "read": lambda: read_once(reader).decode(),
        "poll": lambda: poll_once(60_000),
        "os.read": lambda: os.read(reader, 1).decode(),
    }
    while True:
        name, _, how = line.hear().partition(" ")
        signal.siginterrupt(USR1, how == "plain")  # sets or clears SA_RESTART
        handled.clear()
        line.say()
        try:
            gave = calls[name]()
        except OSError as error:
            gave = errno.errorcode[error.errno or 0]
        line.say({"gave": gave, "handled": len(handled)})
