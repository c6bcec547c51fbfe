"""Run the proofs and print them: ``./course verify [ID …] [--changed] [--all]``.

What belongs here: which exercises, the lines, the exit status. What does not: what is proven (``exercises/proof.py``).
"""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

import click

from section01_processes import UsageError

from .exercises import catalogue
from .exercises.checking import unmet
from .exercises.proof import judge_mutant, prove
from .exercises.together import check_together
from .exercises.workplace import resolve
from .rendering import render_report

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .exercises import Exercise

#: A change below these is a change of every exercise.
SHARED = ("courseware/project/courseware/exercises/", "courseware/project/lab")


def choose(clone: str, words: Sequence[str], *, everything: bool = False, changed: bool = False) -> list[Exercise]:
    """Return the exercises meant, in the catalogue's order. Raises ExerciseError, UsageError."""
    exercises = catalogue(clone)
    if everything:
        return exercises
    wanted = {resolve(clone, word).id for word in words}
    if changed:
        files = changed_files(clone)
        if any(name.startswith(SHARED) for name in files):
            return exercises
        for exercise in exercises:
            folder = os.path.relpath(exercise.folder, clone) + "/"
            if any(name.startswith(folder) for name in files):
                wanted.add(exercise.id)
    return [exercise for exercise in exercises if exercise.id in wanted]


def changed_files(clone: str) -> list[str]:
    """Return the files that differ from the last commit or are new, relative to ``clone``. Raises UsageError."""
    command = ["git", "-C", clone, "status", "--porcelain", "-z", "--no-renames", "--untracked-files=all", "."]
    try:
        done = subprocess.run(command, capture_output=True, check=False)
    except FileNotFoundError:
        raise UsageError("--changed asks git, which is not installed", hint="name the exercises, or --all") from None
    if done.returncode:
        reason = os.fsdecode(done.stderr).strip().splitlines()
        raise UsageError(f"--changed: git says: {reason[-1] if reason else 'nothing'}", hint="name the exercises")
    return [os.fsdecode(entry[3:]) for entry in done.stdout.split(b"\0") if entry]


def run(clone: str, exercises: Sequence[Exercise]) -> int:
    """Prove each of ``exercises`` and what must hold of all together; print; return 0, or 1 when anything is wrong.

    An exercise that needs what this machine has not is listed; in CI that is a failure.
    """
    wrong: list[str] = []
    away: list[str] = []
    proven = 0
    for exercise in exercises:
        click.echo(f"{exercise.id}")
        reasons = unmet(exercise)
        count = 0
        for finding in prove(exercise):
            nowhere = bool(reasons) and finding.text.startswith("no test ran")
            count += not finding.ok and not nowhere
            click.echo(f"  {'ok  ' if finding.ok else 'away' if nowhere else 'FAIL'}  {finding.text}")
        if count:
            wrong.append(exercise.id)
        elif reasons:
            away.append(exercise.id)
        else:
            proven += 1
    together = check_together(clone, catalogue(clone))
    for problem in together:
        click.echo(f"FAIL  {problem}")
    click.echo(_last_line(len(exercises), proven, wrong, away, len(together)))
    return 1 if wrong or together or (away and os.environ.get("CI")) else 0


def show_mutant(clone: str, exercise: Exercise, name: str) -> None:
    """Print what a learner with the mistake of mutant ``name`` would read. Raises UsageError, ExerciseError."""
    try:
        mutant = next(one for one in exercise.mutants if one.name == name)
    except StopIteration:
        known = ", ".join(one.name for one in exercise.mutants)
        raise UsageError(f"{exercise.id} has no mutant {name!r}", hint=f"it has {known}", exit_code=2) from None
    click.echo(render_report(clone, exercise, judge_mutant(exercise, mutant)))


def _last_line(total: int, proven: int, wrong: list[str], away: list[str], together: int) -> str:
    parts = [f"{proven} of {total} exercises proven"]
    if wrong:
        parts.append(f"wrong: {', '.join(wrong)}")
    if away:
        parts.append(f"not runnable here: {', '.join(away)}")
    if together:
        parts.append(f"{together} problems of exercises together")
    return "; ".join(parts)
