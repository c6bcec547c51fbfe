"""The stage of a demonstration: what is done is announced, what the kernel says is recorded.

What belongs here: telling, recording, the actors (child processes that play a part), reading the kernel. What does
not: the demonstrations themselves, printing (``teller.py``). Other sections play on this stage, too. A fact's value
always comes from the kernel: from /proc, from a wait status, or from what a system call gave back to the process that
made it; ``source`` says which.
"""

from __future__ import annotations

import json
import os
import select
import signal
import time
from typing import TYPE_CHECKING, Any

from .._syscalls import reset_signals, set_death_signal
from ..core.spawn import Child, spawn
from ..core.stat import ProcessStat
from ..errors import LcmError
from ..messages import recv_message, send_message, socket_pair
from ..signals import signal_name
from ..states import state_name
from ..status import parse_status, signal_masks

if TYPE_CHECKING:
    from collections.abc import Callable

#: signal set → what it is called on the stage, and the field of /proc/PID/status (proc_pid_status(5))
MASKS = {
    "pending": ("pending, thread", "SigPnd"),
    "shared": ("pending, process", "ShdPnd"),
    "blocked": ("blocked", "SigBlk"),
    "ignored": ("ignored", "SigIgn"),
    "caught": ("caught", "SigCgt"),
}
PATIENCE = 30.0  # seconds until we say that something did not happen


class Fact:
    """One thing that the kernel said. ``value`` is plain data: a word, a number, a list of names."""

    __slots__ = ("name", "source", "value")

    def __init__(self, name: str, value: Any, source: str) -> None:
        self.name = name
        self.value = value
        self.source = source


class Stage:
    """Where a demonstration plays.

    ``steps`` collects ``{"do": text, "facts": {name: value}, "sources": {name: source}}`` as it goes.
    """

    def __init__(self, announce: Callable[[str], None], tell: Callable[[Fact], None]) -> None:
        """``announce`` is called before each step, ``tell`` for each fact."""
        self._announce = announce
        self._tell = tell
        self.steps: list[dict[str, Any]] = []

    def do(self, text: str) -> None:
        """Begin a step: say what will be done. The next lines of the demonstration do it."""
        self._announce(text)
        self.steps.append({"do": text, "facts": {}, "sources": {}})

    def fact(self, name: str, value: Any, source: str) -> None:
        """Record what the kernel says. Raises LcmError for a name that the step has told already."""
        if not self.steps or name in self.steps[-1]["facts"]:
            raise LcmError(f"a demonstration tells {name!r} twice in a step, or before its first")
        self.steps[-1]["facts"][name] = value
        self.steps[-1]["sources"][name] = source
        self._tell(Fact(name, value, source))

    def masks(self, who: str, pid: int, *words: str, only: tuple[int, ...] = ()) -> None:
        """Record signal sets of a process (``words``: of MASKS), of ``only`` these signals."""
        wanted = [signal_name(number) for number in only]
        for word, names in read_masks(pid).items():
            if word in words:
                shown = [name for name in names if name in wanted] if wanted else names
                label, field = MASKS[word]
                self.fact(f"{who} {label}", shown, f"{field} of /proc/{pid}/status")

    def state(self, who: str, pid: int, *, within: str = "") -> None:
        """Record the state of a process; ``within``: wait first until it is one of these letters."""
        if within:
            wait_state(pid, within)
        self.fact(f"{who} state", state_name(ProcessStat.of(pid).state), f"/proc/{pid}/stat")

    def ending(self, who: str, child: Child) -> None:
        """Wait for a child and record how it ended."""
        wait_until(lambda: child.poll() is not None, f"{who} ends")
        status = child.status()
        how = f"killed by {signal_name(status & 0x7F)}" if status & 0x7F else f"exit code {status >> 8}"
        self.fact(f"{who} ended", how, f"wait status {status:#06x}")


class Actor:
    """A child process that plays a part, and the line to it. Used in a ``with``: at its end nobody is left."""

    def __init__(self, part: Callable[[Line], int | None]) -> None:
        """``part`` is called in the child with its end of the line; its return value is the exit code.

        Raises SyscallError where there can be no further process.
        """
        ours, theirs = socket_pair()

        def run() -> int | None:
            os.close(ours)
            set_death_signal(9)  # if we are killed, it does not stay
            reset_signals()  # who started us may have had signals ignored: nohup does, and a shell's ``&``
            signal.pthread_sigmask(signal.SIG_SETMASK, ())
            return part(Line(theirs, actor=True))

        try:
            self.child = spawn(run)
        except BaseException:
            os.close(ours)
            raise
        finally:
            os.close(theirs)
        self.line = Line(ours)

    @property
    def pid(self) -> int:
        """Its pid."""
        return self.child.pid

    def __enter__(self) -> Actor:  # noqa: PYI034
        return self

    def __exit__(self, *_: object) -> None:
        self.leave()

    def leave(self) -> None:
        """End the actor, if it has not ended by itself; does nothing when it has been called before."""
        if self.child.pidfd < 0:
            return
        if self.child.poll() is None:
            self.child.signal(9)
            self.child.wait()
        self.child.close()
        self.line.close()


class Line:
    """One end of the line between the stage and an actor: small JSON values, in order."""

    def __init__(self, fd: int, *, actor: bool = False) -> None:
        """``actor``: it is the actor's end."""
        self._fd = fd
        self._actor = actor

    def say(self, value: Any = None) -> None:
        """Send a value. Raises BrokenPipeError when the other end has gone."""
        send_message(self._fd, json.dumps(value).encode())

    def hear(self) -> Any:
        """Wait for a value. Raises LcmError when the other end has gone, or says nothing for half a minute.

        An actor waits as long as it takes, for its audience may read slowly; without a stage it ends (SystemExit).
        """
        if not select.select([self._fd], [], [], None if self._actor else PATIENCE)[0]:
            raise LcmError("the other process of the demonstration says nothing")
        data, _ = recv_message(self._fd)
        if not data and self._actor:
            raise SystemExit(0)
        if not data:
            raise LcmError("the other process of the demonstration has ended early")
        return json.loads(data)

    def ask(self, value: Any = None) -> Any:
        """Send a value and wait for the answer. Raises what ``say`` and ``hear`` raise."""
        self.say(value)
        return self.hear()

    def close(self) -> None:
        """Close this end; does nothing when it is closed."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


def read_status(pid: int | str) -> dict[str, str]:
    """Return the fields of /proc/PID/status."""
    with open(f"/proc/{pid}/status", encoding="utf-8", errors="surrogateescape") as file:
        return parse_status(file.read())


def read_masks(pid: int | str) -> dict[str, list[str]]:
    """Return the signal sets of a process, by names."""
    return signal_masks(read_status(pid))


def wait_until(condition: Callable[[], bool], what: str) -> None:
    """Wait until ``condition`` holds; raise LcmError after half a minute. ``what`` completes "waited in vain: …"."""
    until = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > until:
            raise LcmError(f"waited in vain: {what}")
        time.sleep(0.002)


def wait_state(pid: int, letters: str) -> None:
    """Wait until process ``pid`` is in one of the states ``letters``."""
    wait_until(lambda: ProcessStat.of(pid).state in letters, f"process {pid} comes to state {' or '.join(letters)}")
