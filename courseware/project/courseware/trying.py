"""A learner tries an answer: check, watch, hints, run.

What belongs here: what happens around one check (the look at the files, the note in the progress, what is printed).
What does not: judging (``exercises.check``), the learner's files (``exercises/workplace.py``).
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from typing import TYPE_CHECKING

import click

from . import rendering
from .exercises.verdicts import TODO_STATUS
from .exercises.workplace import answer
from .progress import change_progress
from .relay import Relay
from .screen import filled

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from .exercises import Exercise, Report
    from .exercises.place import Process

#: The seed of a learner's check: the same inputs every time, so that a fix can be told from luck.
SEED = 1
POLL = 0.3


def try_answer(
    clone: str, exercise: Exercise, *, seed: int | None = None, hidden: bool = False, sandbox: bool | None = None
) -> Report:
    """Judge ``work/ID`` and note it in the progress. Raises ExerciseError."""
    from .exercises import check

    folder = answer(clone, exercise)
    report = check(exercise, folder, seed=SEED if seed is None else seed, hidden=hidden, sandbox=sandbox)
    with change_progress(clone) as progress:
        # What counts for the learner are the tests that the learner can run: passed means full points in these.
        progress.note_try(exercise.id, report.points, rendering.open_points(report), full=rendering.is_full(report))
    return report


def say(clone: str, exercise: Exercise, report: Report) -> int:
    """Print the report and what to do next; return 0 on full points, else 1."""
    click.echo(rendering.render_report(clone, exercise, report))
    if not rendering.is_full(report):
        return 1
    if (exercise.folder / "debrief.md").is_file():
        click.echo(f"why it is so: {os.path.relpath(exercise.folder / 'debrief.md', clone)}")
    click.echo("go on: ./course next")
    return 0


# ---- watching -------------------------------------------------------------------------------------------------------


def signature(folder: Path, files: Sequence[str]) -> tuple[object, ...]:
    """Return what changes when one of the files does: inode, size, time of change; None for one that is not there."""

    def look(name: str) -> object:
        try:
            found = os.stat(folder / name)
        except OSError:
            return None
        return found.st_ino, found.st_size, found.st_mtime_ns

    return tuple(look(name) for name in files)


def watch(clone: str, exercise: Exercise, *, plain: bool, sandbox: bool | None = None) -> int:
    """Check, and again after every change, until full points (0) or Ctrl-C (130)."""
    from .exercises import ExerciseError

    folder = answer(clone, exercise)
    names = ", ".join(exercise.files)
    hello = f"watching {names}: the first check runs now, and one after each save; it stops by itself at full points"
    try:
        while True:
            seen = signature(folder, exercise.files)
            if not plain:
                click.clear()
            if hello:
                click.echo(filled(f"{hello} (Ctrl-C ends it)"))
                hello = ""
            try:
                full = say(clone, exercise, try_answer(clone, exercise, sandbox=sandbox)) == 0
            except ExerciseError as error:  # a file was removed, or is just being replaced: the next change may heal it
                click.echo(f"course: {error}")
                full = False
            if full:
                click.echo("full points: no longer watching")
                return 0
            click.echo(f"waiting for a change of {names} (Ctrl-C ends)")
            while signature(folder, exercise.files) == seen:
                time.sleep(POLL)
    except KeyboardInterrupt:
        click.echo("\nstopped watching")
        return 130


# ---- hints ----------------------------------------------------------------------------------------------------------


def hint(clone: str, exercise: Exercise, *, only_opened: bool = False) -> str:
    """Open the next hint and return its text; when all are open, or with ``only_opened``, those opened before."""
    files = exercise.hints
    if not files:
        return f"{exercise.id} has no hints"
    with change_progress(clone) as progress:
        record = progress.of(exercise.id)
        opened = min(int(record["hints"]), len(files))
        if only_opened or opened == len(files):
            shown = range(opened)
            head = f"all {opened} hints of {exercise.id} are open" if opened == len(files) else f"{opened} opened"
        else:
            shown = range(opened, opened + 1)
            record["hints"] = opened + 1
            head = f"hint {opened + 1} of {len(files)}"
    texts = [files[number].read_text(encoding="utf-8").strip() for number in shown]
    return "\n\n".join([head, *texts])


# ---- running --------------------------------------------------------------------------------------------------------


def run(clone: str, exercise: Exercise, arguments: Sequence[str], *, sandbox: bool | None = None) -> int:
    """Run the answer's program in the place in which ``check`` would; return its exit status (128 + n: signal n).

    Interpreter, environment, limits and namespaces are those of a check; only wall clock and output have no limit, and
    its input and output are the caller's, as are, without sandbox, the other descriptors that the caller's shell has
    opened for it. Its files bear the learner's path in what it writes to standard error: tracebacks. Ctrl-C ends it
    with everything that it started. Raises ExerciseError.
    """
    from .exercises import ExerciseError
    from .exercises.place import environment, interpreter
    from .exercises.plain import PlainPlace
    from .exercises.plugin import place_of

    if exercise.function:
        hint = f"./course ex check {exercise.id} calls it"
        raise ExerciseError(f"{exercise.id} asks for a function, {exercise.entry}, not for a program", hint=hint)
    theirs = inherited()
    place = place_of(exercise, answer(clone, exercise), sandbox=bool(sandbox))
    lead = "" if isinstance(place, PlainPlace) else '"'  # the sandbox's path is short: only as Python quotes it
    relay = Relay(2, f"{lead}{place.submission}/".encode(), f"{lead}work/{exercise.id}/".encode())
    argv = [interpreter(), "-s", "-B", f"{place.submission}/{exercise.file}", *arguments]
    try:
        keep = {"keep": theirs} if isinstance(place, PlainPlace) else {}
        process = place.launch(argv, environment(place), 0, 1, relay.end, **keep)
        relay.close_end()
        return _outcome(process, exercise, relay)
    except KeyboardInterrupt:
        return 130
    finally:
        try:
            place.close()
        finally:
            relay.drain()


def inherited() -> list[int]:
    """Return the descriptors, besides 0 to 2, that the caller has left open for us; none that we opened ourselves.

    Python opens each of its own close-on-exec (PEP 446); a shell's ``7</dev/null`` is not.
    """
    found = []
    for fd in map(int, os.listdir("/proc/self/fd")):
        with contextlib.suppress(OSError):  # the listing's own has gone
            if fd > 2 and os.get_inheritable(fd):
                found.append(fd)
    return sorted(found)


def _outcome(process: Process, exercise: Exercise, relay: Relay) -> int:
    """Wait for the program's end, or for a broken limit; say what a check would call it."""
    from section01_processes import exit_code

    broken = ""
    while (status := process.wait(0)) is None:
        broken = broken or process.broken()
        if broken:
            signal.pidfd_send_signal(process.pidfd, signal.SIGKILL)
        relay.pump(POLL, process.pidfd)
    broken = broken or process.broken()
    relay.drain()
    code = exit_code(status)
    if broken:
        click.echo(f"course: a limit of {exercise.id} was broken: {broken}", err=True)
    elif code == TODO_STATUS:
        click.echo(f"course: exit status {code}: a check says TODO", err=True)
    return code
