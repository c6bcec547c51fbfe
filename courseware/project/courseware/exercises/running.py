"""One start of a submission: its descriptors, its bytes, its end.

What belongs here: the handle that ``box.start`` gives. What does not: bytes (``streams.py``), and limits in time and
number, which need to know all starts (``box.py``).
"""

from __future__ import annotations

import json
import os
import select
import signal as signals
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from section01_processes import ProcessStat, exit_code, signal_name

from . import descendants, whereabouts
from .streams import CHUNK, Stream, half_close, poll
from .verdicts import TODO_STATUS

DUMP_PATIENCE = 2.0  # seconds: how long Python may take to say where it is

if TYPE_CHECKING:
    from .box import Box
    from .place import Process


class SubmissionEnded(Exception):
    """The submission's doing ends the test: a broken limit, or no answer. ``running``: which start it was."""

    def __init__(self, verdict: str, message: str, running: Running | None = None) -> None:
        super().__init__(message)
        self.verdict, self.message, self.running = verdict, message, running


@dataclass(frozen=True, slots=True)
class Ran:
    """How a submission ended and what it wrote. ``code``: 0..255, or 128 + ``signal`` when that ended it."""

    code: int
    out: bytes
    err: bytes
    signal: int

    @property
    def how(self) -> str:
        """The end in words: ``exit status 3``, ``SIGTERM``."""
        return signal_name(self.signal) if self.signal else f"exit status {self.code}"

    @property
    def text(self) -> str:
        """Standard output as text. AssertionError if it is not UTF-8."""
        try:
            return self.out.decode()
        except UnicodeDecodeError as error:
            raise AssertionError(f"standard output is not UTF-8 (byte {error.start})") from None

    def json(self) -> Any:
        """Return the one JSON value on standard output. AssertionError if there is none."""
        try:
            return json.loads(self.text)
        except (ValueError, RecursionError):
            raise AssertionError("standard output is not one JSON value") from None


class Running:
    """A started submission. As a context manager it is killed at the end of the block, if it still runs."""

    def __init__(self, box: Box, process: Process, fds: tuple[int, int, int], seconds: float, *, answers: bool) -> None:
        self._box, self.process, self.seconds = box, process, seconds
        self.pid = process.pid
        self._deadline = time.monotonic() + seconds
        limit = box.limits.output
        self._stdin, self._pending, self._last = fds[0], bytearray(), False
        os.set_blocking(self._stdin, False)
        self._answer = Stream(os.dup(fds[0]), limit) if answers else None
        self.out, self.err = Stream(fds[1], limit), Stream(fds[2], limit)
        self._taken = 0  # bytes of out that read_line has given
        self._ended = False
        self._ran: Ran | None = None
        self.sent: set[int] = set()

    # --- what a test asks

    def read_line(self, seconds: float = 20) -> bytes:
        """Return the next line of standard output, newline included; b"" at its end. AssertionError: none came."""

        def ready() -> bool:
            return self.out.data.find(b"\n", self._taken) >= 0 or self.out.fd < 0 or self._drained()

        if not self._until(ready, seconds):
            raise AssertionError(f"waited {seconds:g} s for a line on standard output; none came")
        rest = bytes(self.out.data[self._taken :])
        line = rest[: rest.find(b"\n") + 1] or rest
        self._taken += len(line)
        return line

    def write(self, data: bytes, seconds: float = 20) -> None:
        """Write ``data`` to its standard input. AssertionError if it does not take them all."""
        self.feed(data)
        taken = self._until(lambda: not self._pending or self._stdin < 0, seconds)
        if not taken or self._pending:
            raise AssertionError(f"{len(data)} bytes were written to standard input; the submission did not read them")

    def close_stdin(self) -> None:
        """Let it see the end of its standard input, after all that was written."""
        self.feed(b"", last=True)

    def signal(self, number: int) -> None:
        """Send it signal ``number``. AssertionError if it has ended."""
        self.sent.add(int(number))
        try:
            signals.pidfd_send_signal(self.process.pidfd, number)
        except ProcessLookupError:
            raise AssertionError(f"{signal_name(number)} was to be sent; the submission had ended") from None

    def wait(self, seconds: float = 20) -> Ran:
        """Wait for its end; AssertionError after ``seconds``. What its children write afterwards is not waited for."""
        if self._ran is None:
            if not self._until(self._drained, seconds):
                raise AssertionError(f"waited {seconds:g} s for the submission to end; it still runs")
            status = self.process.wait(10)
            if status is None:
                raise RuntimeError("the place gives no status of a process that has ended")
            number = status & 0x7F
            self._ran = Ran(exit_code(status), bytes(self.out.data), bytes(self.err.data), number)
            self._box.has_ended(self, self._ran)
        return self._ran

    def where(self, *, below: bool = True) -> str:
        """End it by SIGABRT, and return where it was: the kernel's word and, if Python can still tell, its line.

        For a test that fails: ``asleep in wait4, waiting for a child to end (<submission>/x.py, line 7, in reap); below
        it: …``; "" when it had ended. ``below``: tell of its descendants, too.
        """
        if self.ended():
            return ""
        words = whereabouts.kernel_words(self.pid)
        others = whereabouts.below_words(descendants.below([self.pid])) if below else ""
        self.sent.add(signals.SIGABRT)
        signals.pidfd_send_signal(self.process.pidfd, signals.SIGABRT)
        end = time.monotonic() + DUMP_PATIENCE
        while not self._drained() and time.monotonic() < end:
            poll(self.wanted(), 0.05)
            self.move()
        line = whereabouts.python_line(whereabouts.cut_dump(self.err.data), self._box.place.submission)
        return words + (f" ({line})" if line else "") + (f"; below it: {others}" if others else "")

    def sleeps_in(self) -> str:
        """Return the system call that it is asleep in now, as the kernel shows it: ``wait4``; "" if it runs."""
        return whereabouts.sleeps_in(self.pid)

    def descendants(self) -> list[ProcessStat]:
        """Return the living descendants of this process, zombies too; orphans are no longer among them."""
        self._box.pump(0)
        found = descendants.below([self.pid])
        self._box.seen.update(stat.pid for stat in found)
        return found

    def host_pid(self, inside: int) -> int:
        """Return the host's number for a pid that the submission has told. AssertionError if it has no such process."""
        level = len(namespace_pids(self.pid))
        for pid in (self.pid, *(stat.pid for stat in self._box.processes())):
            known = namespace_pids(pid)
            if level and len(known) >= level and known[level - 1] == inside:
                return pid
        raise AssertionError(f"the submission told the pid {inside}; none of its processes has it")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if not self.ended():
            self.sent.add(signals.SIGKILL)
            signals.pidfd_send_signal(self.process.pidfd, signals.SIGKILL)  # a zombie takes it, too
        self.wait()

    # --- what the box asks

    def feed(self, data: bytes, *, last: bool = False) -> None:
        """Queue ``data`` for its standard input; ``last``: the end follows."""
        self._pending += data
        self._last = self._last or last
        self.move()

    def ended(self) -> bool:
        """Whether the process has ended. It stays a zombie until ``wait``."""
        self._ended = self._ended or bool(poll({self.process.pidfd: select.POLLIN}, 0))
        return self._ended

    def said_todo(self) -> bool:
        """Whether it has ended with ``lab.TODO_STATUS``. It stays a zombie: see proc_pid_stat(5), exit_code."""
        try:
            with open(f"/proc/{self.pid}/stat", encoding="utf-8", errors="replace") as file:
                status = int(file.read().rsplit(maxsplit=1)[1])
        except OSError:  # waited for already
            return self._ran is not None and self._ran.code == TODO_STATUS
        return self.ended() and exit_code(status) == TODO_STATUS

    def late(self) -> bool:
        """Whether it has run longer than it may."""
        return time.monotonic() > self._deadline and not self.ended()

    @property
    def cut(self) -> bool:
        """Whether it has written more than it may."""
        return self.out.cut or self.err.cut or bool(self._answer and self._answer.cut)

    @property
    def answer(self) -> bytes:
        """What a called function has answered."""
        return bytes(self._answer.data) if self._answer else b""

    def wanted(self) -> dict[int, int]:
        """Return the descriptors to be polled, and for what."""
        streams = [s for s in (self.out, self.err, self._answer) if s and s.fd >= 0 and not s.cut]
        wanted = {stream.fd: select.POLLIN for stream in streams}
        if not self._ended:
            wanted[self.process.pidfd] = select.POLLIN
        if self._stdin >= 0 and self._pending:
            wanted[self._stdin] = select.POLLOUT
        return wanted

    def move(self) -> None:
        """Move what can be moved now, in and out."""
        try:
            while self._stdin >= 0 and self._pending:
                del self._pending[: os.write(self._stdin, self._pending[:CHUNK])]
        except BlockingIOError:
            pass
        except OSError:  # EPIPE: it has closed its standard input
            self._close_stdin()
        if self._last and not self._pending:
            self._close_stdin()
        for stream in (self.out, self.err, self._answer):
            if stream:
                stream.move()

    def _close_stdin(self) -> None:
        if self._stdin >= 0:
            if self._answer and self._answer.fd >= 0:
                half_close(self._stdin)
            os.close(self._stdin)
            self._stdin = -1

    def _drained(self) -> bool:
        """Whether it has ended, and what it wrote before is read."""
        if not self.ended():
            return False
        self.move()  # all that was written before the end is in the pipes by now
        return True

    def _until(self, condition: Callable[[], bool], seconds: float) -> bool:
        end = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > end:
                return False
            self._box.pump(min(0.05, max(0.0, end - time.monotonic())))
        return True

    def close(self) -> None:
        """Close our descriptors. The process is the place's."""
        self._close_stdin()
        for stream in (self.out, self.err, self._answer):
            if stream:
                stream.close()


def namespace_pids(pid: int) -> list[int]:
    """Return the pids that ``pid`` has, from the host's on down; see NSpid in proc_pid_status(5). Gone: []."""
    try:
        with open(f"/proc/{pid}/status", encoding="utf-8", errors="replace") as file:
            words = next((line.split()[1:] for line in file if line.startswith("NSpid:")), [])
    except OSError:
        return []
    return [int(word) for word in words]
