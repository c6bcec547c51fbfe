"""The commands about exercises: ``ex list | start | check | watch | hint | next | reset | solution | run``.

What belongs here: parsing and printing. What does not: the work, which each command's module does.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from ..exercises import Exercise

#: The number that an exercise of MiniDocker bears.
CAPSTONE = 11
ID = click.argument("word", metavar="ID")


@click.group()
def ex() -> None:
    """Exercises: list, start, check, hints, and what to do when stuck."""


def _find(clone: str, word: str) -> Exercise:
    from ..exercises.workplace import resolve

    return resolve(clone, word)


@ex.command("list")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@click.option("--section", type=int, metavar="N", help="Only those of section N.")
@click.pass_obj
def list_(clone: str, as_json: bool, section: int | None) -> None:
    """List all exercises, in the order in which they are met."""
    import json

    from .. import rendering
    from ..exercises import catalogue
    from ..progress import read_progress
    from ..sections import section as section_named

    if section is not None and section != CAPSTONE:
        section_named(clone, section)
    exercises = [e for e in catalogue(clone) if section in (None, e.section)]
    entries = rendering.rows(clone, exercises, read_progress(clone))
    if as_json:
        click.echo(json.dumps(entries, indent=2))
    elif entries:
        click.echo(rendering.table(entries))
    else:
        capstone = ", the capstone" if section == CAPSTONE else ""
        click.echo("no exercises yet" + (f" in section {section}" if section else "") + capstone)


@ex.command()
@ID
@click.option("--from", "origin", type=click.Choice(["reference"]), help="A step of the thread: not from my answer.")
@click.pass_obj
def start(clone: str, word: str, origin: str | None) -> None:
    """Copy the starter (the thread: your last answer) to work/ID."""
    from ..exercises import workplace

    exercise = _find(clone, word)
    _say_started(clone, exercise, workplace.start(clone, exercise, from_reference=origin is not None))


def _say_started(clone: str, exercise: Exercise, started: object) -> None:
    from ..exercises.workplace import Started, previous_step

    assert isinstance(started, Started)
    here = os.path.relpath(started.folder, clone)
    if started.written:
        click.echo(f"{here}/: {', '.join(started.written)} from {started.source}")
    if started.kept:
        click.echo(f"{here}/: {', '.join(started.kept)} was there already, and stays as it is")
    if previous_step(clone, exercise):
        click.echo(f"what is new in this step: {os.path.relpath(exercise.starter, clone)}/")
    click.echo(f"what to build: {os.path.relpath(exercise.folder / 'README.md', clone)}")
    click.echo(f"then: ./course ex check {exercise.id}")


@ex.command()
@ID
@click.option("--sandbox", is_flag=True, help="In namespaces, even if the exercise needs none.")
@click.option("--seed", type=int, default=None, help="Where the tests' inputs come from; default: the same every time.")
@click.option("--hidden", is_flag=True, help="Also the hidden tests (the author's copy has them).")
@click.pass_obj
def check(clone: str, word: str, sandbox: bool, seed: int | None, hidden: bool) -> None:
    """Judge work/ID. Exit status 0 only on full points."""
    from .. import trying

    exercise = _find(clone, word)
    report = trying.try_answer(clone, exercise, seed=seed, hidden=hidden, sandbox=sandbox or None)
    sys.exit(trying.say(clone, exercise, report))


@ex.command()
@ID
@click.option("--plain", is_flag=True, help="Do not clear the screen between two checks.")
@click.option("--sandbox", is_flag=True, help="In namespaces, even if the exercise needs none.")
@click.pass_obj
def watch(clone: str, word: str, plain: bool, sandbox: bool) -> None:
    """Check work/ID, and again whenever one of its files changes; ends on full points or Ctrl-C."""
    from .. import trying

    sys.exit(trying.watch(clone, _find(clone, word), plain=plain, sandbox=sandbox or None))


@ex.command()
@ID
@click.option("--opened", is_flag=True, help="Print those opened before; open no other.")
@click.pass_obj
def hint(clone: str, word: str, opened: bool) -> None:
    """Open the next hint: a nudge, a pointer, almost the answer."""
    from .. import trying

    click.echo(trying.hint(clone, _find(clone, word), only_opened=opened))


@ex.command("next")
@click.pass_obj
def next_(clone: str) -> None:
    """Say which exercise is next, and one command to type."""
    from .. import path

    click.echo(path.render(clone, exercises_only=True))


@ex.command()
@ID
@click.option("--from", "origin", type=click.Choice(["reference"]), help="A step of the thread: not from my answer.")
@click.pass_obj
def reset(clone: str, word: str, origin: str | None) -> None:
    """Start ID anew; what you have is kept in work/backups."""
    from ..exercises import workplace
    from ..progress import change_progress

    exercise = _find(clone, word)
    backup, started = workplace.reset(clone, exercise, from_reference=origin is not None)
    with change_progress(clone) as progress:
        progress.note_reset(exercise.id)
    kept = os.path.relpath(backup, clone)
    click.echo(f"your answer is kept: {kept}/")
    click.echo(f"to get it back:  cp -r {kept}/. work/{exercise.id}/")
    _say_started(clone, exercise, started)


@ex.command()
@ID
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_obj
def solution(clone: str, word: str, yes: bool) -> None:
    """Print the reference solution, after a pass or when you insist."""
    from ..exercises.workplace import solution_text
    from ..progress import change_progress, read_progress

    exercise = _find(clone, word)
    text = solution_text(exercise)
    if not yes and not read_progress(clone).passed(exercise.id):
        hints = len(exercise.hints) - read_progress(clone).of(exercise.id)["hints"]
        left = f", and {hints} hints are not opened (./course ex hint {exercise.id})" if hints > 0 else ""
        click.confirm(f"{exercise.id} has not passed yet{left}. Show the solution?", abort=True, err=True)
    with change_progress(clone) as progress:
        progress.of(exercise.id)["solution"] = True
    click.echo(text, nl=False)


@ex.command(context_settings={"ignore_unknown_options": True})
@ID
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED, metavar="[-- ARGS ...]")
@click.option("--sandbox", is_flag=True, help="In namespaces, even if the exercise needs none.")
@click.pass_obj
def run(clone: str, word: str, arguments: tuple[str, ...], sandbox: bool) -> None:
    """Run your program as `check` would: same interpreter, environment, limits, place."""
    from .. import trying

    sys.exit(trying.run(clone, _find(clone, word), arguments, sandbox=sandbox or None))


COMMANDS = (ex,)
