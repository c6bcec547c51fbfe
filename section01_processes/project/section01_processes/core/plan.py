"""Plan and Step: say what will be done before doing it.

A Step is data: which action, with which arguments, about what. A Plan is the list of steps of one process. Printing a
plan is a dry run; running it with a Recorder is an explanation, step by step, with times; killing the process at each
boundary between two steps is the crash test. One device serves all three (design.md §4).

What belongs here: the data and the loop. What does not: how a step reads in English (section01's ``explain``), which
steps there are (each section's ``plan_…`` functions), and undo: that is ``release(id)``, one function, not a stack of
closures that a SIGKILL would erase.
"""

from __future__ import annotations

import os
from _struct import Struct
from time import monotonic_ns

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

#: The processes that take part in a container's life; a record bears the index of its process.
PROCESSES = ("cli", "shim", "child", "init", "release", "exec")

#: One record: process, step number, errno, start and duration in nanoseconds of CLOCK_MONOTONIC. 24 bytes: a write of
#: up to PIPE_BUF bytes to a pipe is atomic, so that processes can share one pipe (pipe(7)).
RECORD = Struct("<HHiqq")


def action(man: str, flags: str = "") -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Mark a module-level function as something a Step can do, described by manual page ``man``: ``mount(2)``.

    ``flags="MS_"``: an explanation shows the argument named ``flags`` by the constants of the function's module that
    begin so; ``flags="mode:S_ flags:O_"`` says it for several arguments, ``flags="k.MS_"`` that the constants are
    in the module that the function's module has imported as ``k``.
    """

    def mark(function: Callable[..., Any]) -> Callable[..., Any]:
        function.man = man  # type: ignore[attr-defined]
        function.flags = flags  # type: ignore[attr-defined]
        return function

    return mark


class Slot:
    """A value that one step makes and a later step uses; a dry run prints ``text`` in its place."""

    __slots__ = ("name", "text")

    def __init__(self, name: str, text: str = "") -> None:
        self.name = name
        self.text = text or name

    def __repr__(self) -> str:
        return f"<{self.text}>"


class Step:
    """One change to the system: ``act(*args)``, what it is about, and the slot that its value goes to."""

    __slots__ = ("about", "act", "args", "out")

    def __init__(self, act: Callable[..., Any], *args: Any, about: str = "", out: Slot | None = None) -> None:
        self.act = act
        self.args = args
        self.about = about
        self.out = out

    def apply(self, slots: dict[str, Any]) -> None:
        """Do it: fill in the slots, call the action, keep its value. Raises whatever the action raises."""
        args = [slots[a.name] if a.__class__ is Slot else a for a in self.args]
        value = self.act(*args)
        if self.out is not None:
            slots[self.out.name] = value


class Recorder:
    """Writes one record per step to a pipe, and dies at a boundary when the crash test says so."""

    __slots__ = ("crash", "fd", "process")

    def __init__(self, fd: int, process: str, crash: str = "") -> None:
        """``fd``: the pipe's write end, or -1 for none; ``crash``: ``process:number``, as the crash test sets it."""
        self.fd = fd
        self.process = PROCESSES.index(process)
        name, _, number = crash.partition(":")
        self.crash = int(number) if name == process else -1

    def __call__(self, number: int, errno: int, began: int) -> None:
        """Record step ``number``, begun at ``began`` ns; ``errno`` is 0 when it succeeded."""
        if number == self.crash:
            os.kill(os.getpid(), 9)
            os._exit(137)  # still here: process 1 of a pid namespace, which no signal of its own kills
        if self.fd >= 0:
            try:
                os.write(self.fd, RECORD.pack(self.process, number, errno, began, monotonic_ns() - began))
            except BrokenPipeError:  # nobody listens any more; that must not stop the container
                self.fd = -1


class Plan:
    """The steps of one process, in order."""

    __slots__ = ("process", "steps")

    def __init__(self, process: str, steps: Iterable[Step] = ()) -> None:
        self.process = process
        self.steps = list(steps)

    def run(self, slots: dict[str, Any], record: Recorder | None = None) -> dict[str, Any]:
        """Apply every step and return ``slots``, filled. The first error ends it, noted with the step it struck."""
        for number, step in enumerate(self.steps):
            began = monotonic_ns() if record else 0
            try:
                step.apply(slots)
            except Exception as error:
                if record:
                    record(number, getattr(error, "errno", None) or -1, began)
                error.add_note(f"while {self.process} did step {number}: {step.about or step.act.__name__}")
                raise
            if record:
                record(number, 0, began)
        return slots
