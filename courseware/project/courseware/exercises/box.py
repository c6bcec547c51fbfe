"""The box: a test's only way to the submission. Starts it, feeds it, looks at it, and holds it to its limits.

What belongs here: descriptors, time, output, and the values that a test asserts on. What does not: where a submission
runs (``place.py``), what an outcome means (``judge.py``).

There is no thread. Whenever a test asks the box for something, the box *pumps*: it moves bytes, looks whether somebody
has ended, and enforces the limits. A submission that writes while nobody pumps fills a pipe and waits.
"""

from __future__ import annotations

import json
import os
import signal as signals
import socket
import time
from collections.abc import Callable
from pathlib import Path
from subprocess import PIPE
from typing import Any, NoReturn

from section01_processes import ProcessStat

from . import descendants, whereabouts
from .model import Exercise
from .place import Place, environment, interpreter
from .running import Ran, Running, SubmissionEnded
from .streams import last_line, poll
from .verdicts import CRASH, KILLED, OOM, OUTPUT_LIMIT, TIMEOUT, TODO, TODO_STATUS

CALLING = Path(__file__).with_name("calling.py")
PATIENCE, GRACE = 20.0, 2.0  # seconds
#: How a submission's Python is started; with faulthandler it tells at SIGABRT at which line it is (``whereabouts.py``).
PYTHON = (interpreter(), "-s", "-B", "-X", "faulthandler")


class Box:
    """What the fixture ``box`` gives: one place, and all that a test has started in it."""

    def __init__(self, exercise: Exercise, make_place: Callable[[], Place]) -> None:
        self._strangers = frozenset(descendants.children_of(os.getpid()))
        self.exercise, self.limits = exercise, exercise.limits
        self.place = make_place()
        self.started: list[Running] = []
        self.seen: set[int] = set()
        self.broken: SubmissionEnded | None = None

    @property
    def folder(self) -> Path:
        """The scratch folder, the submission's working directory, as the test sees it."""
        return self.place.folder

    def run(
        self, *args: str, stdin: bytes = b"", env: dict[str, str] | None = None, seconds: float | None = None
    ) -> Ran:
        """Start the entry with ``args``, feed it ``stdin``, wait for its end. ``seconds``: instead of the limit's."""
        running = self.start(*args, stdin=stdin, env=env, seconds=seconds)
        return running.wait(seconds=float("inf"))

    def start(
        self, *args: str, stdin: int | bytes = PIPE, env: dict[str, str] | None = None, seconds: float | None = None
    ) -> Running:
        """Start the entry and return at once. ``stdin``: PIPE (see ``Running.write``), or all that it will read."""
        if self.exercise.function:
            raise TypeError(f"the entry of {self.exercise.id} is a function: use box.call")
        program = f"{self.place.submission}/{self.exercise.file}"
        running = self._launch([*PYTHON, program, *args], env, os.pipe2(os.O_CLOEXEC), seconds)
        if not isinstance(stdin, int):
            running.feed(stdin, last=True)
        return running

    def call(self, function: str, *args: object) -> Any:
        """Call ``function`` of the entry's file with ``args`` in a fresh process; JSON in, JSON out."""
        ours, theirs = socket.socketpair()
        program = f"{self.place.submission}/{self.exercise.file}"
        argv = [*PYTHON, "-c", CALLING.read_text(encoding="utf-8"), program]
        running = self._launch(argv, None, (theirs.detach(), ours.detach()), None, answers=True)
        running.feed(json.dumps([function, args]).encode(), last=True)
        ran = running.wait(seconds=float("inf"))
        if ran.code == TODO_STATUS:
            raise SubmissionEnded(TODO, last_line(ran.err))
        if ran.code or ran.signal:
            raise SubmissionEnded(CRASH, f"{function} did not return: {last_line(ran.err) or f'exit {ran.code}'}")
        try:
            return json.loads(running.answer)["value"]
        except (ValueError, RecursionError, TypeError, KeyError):
            raise SubmissionEnded(CRASH, f"{function} gave no answer") from None

    def _launch(
        self,
        argv: list[str],
        env: dict[str, str] | None,
        stdin: tuple[int, int],
        seconds: float | None,
        *,
        answers: bool = False,
    ) -> Running:
        """Start ``argv``; ``stdin``: their end, our end. The environment is ours, with ``env`` laid over it."""
        out, err = os.pipe2(os.O_CLOEXEC), os.pipe2(os.O_CLOEXEC)
        theirs = (stdin[0], out[1], err[1])
        try:
            process = self.place.launch(argv, environment(self.place) | (env or {}), *theirs)
        except BaseException:
            for fd in (stdin[1], out[0], err[0]):
                os.close(fd)
            raise
        finally:
            for fd in theirs:
                os.close(fd)
        running = Running(self, process, (stdin[1], out[0], err[0]), seconds or self.limits.seconds, answers=answers)
        self.started.append(running)
        self.seen.add(process.pid)
        return running

    def probe(self, name: str, source: str) -> str:
        """Write an executable Python program into the scratch folder; return the submission's path for it."""
        path = self.folder / name
        path.write_text(f"#!{interpreter()} -IB\n{source}", encoding="utf-8")
        path.chmod(0o755)
        return f"{self.place.inside}/{name}"

    def wait_for(
        self, condition: Callable[[], object], seconds: float = PATIENCE, what: str = "the condition holds"
    ) -> None:
        """Call ``condition`` until it is true. AssertionError after ``seconds``, or when nobody is left to act."""
        end, over = time.monotonic() + seconds, False
        while not condition():
            if not over and self.started and all(r.ended() for r in self.started) and not self.processes():
                over = True  # nobody is left to act; only the kernel may still clean up behind them
                todo = any(r.said_todo() for r in self.started)  # none is waited for: the condition may look at it
                end = min(end, time.monotonic() + (0 if todo else GRACE))
            if time.monotonic() > end:
                how = ", ".join(r.wait().how for r in self.started) if over else f"{seconds:g} s passed"
                raise AssertionError(f"waited until {what}; it did not happen ({how})")
            self.pump(0.02)

    def processes(self) -> list[ProcessStat]:
        """Return the living descendants of the submission, zombies and orphans too; not the started ones themselves."""
        self.pump(0)
        mains = {running.pid for running in self.started}
        keepers = self.place.keepers()
        found = [s for s in descendants.below([os.getpid()], self._strangers) if s.pid not in mains | keepers]
        self.seen.update(stat.pid for stat in found)
        return found

    def pump(self, seconds: float) -> None:
        """Move bytes for at most ``seconds``, adopt and bury orphans, enforce the limits. Raises SubmissionEnded."""
        poll({fd: events for running in self.started for fd, events in running.wanted().items()}, seconds)
        for running in self.started:
            running.move()
        keep = self._strangers | self.place.keepers() | {running.pid for running in self.started}
        descendants.reap(descendants.orphans(keep))
        self._enforce()

    def _enforce(self) -> None:
        """End the test, with the limit's verdict, if a limit is broken."""
        if self.broken:
            raise self.broken
        for running in self.started:
            verdict = running.process.broken()
            if verdict:
                self._break(running, verdict, self._reason(verdict))
            if running.cut:
                most = size_text(self.limits.output)
                self._break(running, OUTPUT_LIMIT, f"wrote more than {most} to one stream; the rest was cut off")
            if running.late():
                self._break(running, TIMEOUT, f"still ran after {running.seconds:g} s; it was killed")

    def _reason(self, verdict: str) -> str:
        if verdict == OOM:
            return f"used more memory than {size_text(self.limits.memory)}; it was killed"
        if verdict.startswith(KILLED):
            return f"had more than {self.limits.processes} processes; all were killed"
        return "was ended by the place it ran in"

    def has_ended(self, running: Running, ran: Ran) -> None:
        """Look once more at the limits of a start that has ended; a MemoryError that nobody caught is a broken one."""
        if verdict := running.process.broken():
            self._break(running, verdict, self._reason(verdict))
        if ran.code == 1 and last_line(ran.err).startswith("MemoryError"):
            line = whereabouts.raised_at(ran.err, self.place.submission)
            where = f": MemoryError at {line}" if line else ""
            self._break(running, OOM, f"wanted more memory than {size_text(self.limits.memory)}{where}")

    def _break(self, running: Running, verdict: str, reason: str) -> NoReturn:
        """Note the broken limit, which nothing can undo, and raise it."""
        where = f"; it was {found}" if verdict == TIMEOUT and (found := running.where()) else ""
        self.broken = SubmissionEnded(verdict, f"the submission {reason}{where}", running)
        try:
            signals.pidfd_send_signal(running.process.pidfd, signals.SIGKILL)
        except OSError:
            pass
        raise self.broken

    def close(self) -> None:
        """End everything and remove the place. Idempotent."""
        for running in self.started:
            running.close()
        self.place.close()


def size_text(size: int) -> str:
    """Return a number of bytes as exercise.toml writes it: ``256M``."""
    for unit, factor in (("G", 1024**3), ("M", 1024**2), ("K", 1024)):
        if size % factor == 0:
            return f"{size // factor}{unit}"
    return str(size)
