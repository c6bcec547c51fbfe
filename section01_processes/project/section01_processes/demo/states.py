"""A process in each state that a process can be brought into, one by one.

What belongs here: how to provoke a state, and the demonstration that does. What does not: the table of states
(``states.py`` of the package). ``in_state("D")`` is a ``with`` block in which there is such a process.

R, S, D, T, t, Z are children of ours. I belongs to kernel threads: one is looked for, none can be made. X lasts from
one instruction of the kernel to the next, after the wait and before the entry in /proc goes: nobody is shown here, as
nothing holds a process in it.
"""

from __future__ import annotations

import os
import signal
from contextlib import contextmanager
from typing import TYPE_CHECKING

from .._syscalls import fork_and_wait, set_death_signal, trace_me
from ..core.spawn import Child, spawn
from ..core.stat import ProcessStat
from ..core.tree import ProcessTree
from ..errors import LcmError
from ..states import MEANING
from .stage import wait_state

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .stage import Stage


def _run() -> None:
    while True:
        pass


def _sleep() -> None:
    while True:
        signal.pause()


def _wait_for_vfork() -> None:
    mine = os.getpid()

    def sleep_as_child() -> None:
        set_death_signal(signal.SIGKILL)  # who kills the one in state D ends this one, too
        if os.getppid() == mine:  # it lived when the line above took effect
            _sleep()

    fork_and_wait(sleep_as_child)  # state D until that one execs or ends


def _stop() -> None:
    os.kill(os.getpid(), signal.SIGSTOP)


def _stop_for_tracer() -> None:
    trace_me()
    os.kill(os.getpid(), signal.SIGSTOP)


#: letter → what the child does, and how that comes to the state
PARTS: dict[str, tuple[Callable[[], None], str]] = {
    "R": (_run, "a child computes, for ever"),
    "S": (_sleep, "a child waits for a signal: pause(2)"),
    "D": (_wait_for_vfork, "a child calls vfork, and the child of that neither execs nor ends"),
    "T": (_stop, "a child sends itself SIGSTOP"),
    "t": (_stop_for_tracer, "a child lets us trace it (ptrace(2)), then gets a signal: it stops for us first"),
    "Z": (lambda: None, "a child ends, and we do not wait for it"),
}


@contextmanager
def in_state(letter: str) -> Iterator[int]:
    """Hold a process in the state ``letter`` (of STATES) while the block runs; yield its pid.

    The caller must have one thread. Raises LcmError for X and P, which cannot be held, and for I where no kernel
    thread is in sight (in a container).
    """
    if letter == "I":
        yield _idle_thread()
        return
    if letter not in PARTS:
        raise LcmError(f"nothing holds a process in state {letter}: {MEANING.get(letter, 'there is no such state')}")
    part = PARTS[letter][0]

    def run() -> None:
        set_death_signal(signal.SIGKILL)
        part()

    with spawn(run) as child:
        try:
            wait_state(child.pid, letter)
            yield child.pid
        finally:
            _end(child)


def _end(child: Child) -> None:
    """Kill and reap; the child of the one in state D dies of its parent's death."""
    child.signal(signal.SIGKILL)  # a process in D wakes of this one signal, if it waits "killable", as here
    child.wait()


def _idle_thread() -> int:
    """Return the pid of a kernel thread that is idle. Raises LcmError."""
    for stat in ProcessTree.read().processes.values():
        if stat.state == "I":
            return stat.pid
    raise LcmError("no kernel thread is in sight", hint="in a container there are none: look on the machine itself")


def _waits_in(pid: int) -> str:
    """Return the kernel's function in which ``pid`` waits; a dash where there is none or it is secret."""
    try:
        with open(f"/proc/{pid}/wchan", encoding="ascii") as file:
            return file.read().strip("0\n") or "-"
    except OSError:
        return "-"


def states(stage: Stage) -> None:
    """Show a process in each state that can be provoked."""
    for letter, (_, how) in PARTS.items():
        stage.do(f"{letter}: {how}")
        with in_state(letter) as pid:
            stage.fact("letter", ProcessStat.of(pid).state, f"/proc/{pid}/stat")
            stage.fact("waits in (kernel function)", _waits_in(pid), f"/proc/{pid}/wchan")
    stage.do("I: no child of ours; kernel threads that wait")
    stage.fact(
        "kernel threads in it", sum(s.state == "I" for s in ProcessTree.read().processes.values()), "/proc/*/stat"
    )
