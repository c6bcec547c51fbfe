"""What must hold of a section's exercises together: requirements, steps of difficulty, minutes, points without root.

What belongs here: arithmetic on ``exercise.toml``; pure, but for the reading times. What does not: single exercises.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from courseware.reading import reading_order
from courseware.sections import sections
from courseware.tables import needs_no_root

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from .model import Exercise

#: How many days of six hours a section takes at the least.
DAYS = {1: 1, 2: 2, 3: 2, 4: 1, 5: 2, 6: 2, 7: 2, 8: 2, 9: 2, 10: 1}
DAY = 360
ROLES = {"warm-up": 1, "core": 2, "thread": 1, "stretch": 1}
SHARE_WITHOUT_ROOT = 0.4


def check_together(clone: str, exercises: Sequence[Exercise]) -> list[str]:
    """Return what is wrong with the ``exercises`` of a whole clone, in the catalogue's order."""
    problems = list(requirements(exercises))
    for number in sorted({e.section for e in exercises}):
        mine = [e for e in exercises if e.section == number]
        problems += [
            *difficulty(mine),
            *roles(number, mine),
            *minutes(clone, number, mine),
            *without_root(number, mine),
        ]
    return problems


def requirements(exercises: Sequence[Exercise]) -> Iterator[str]:
    """Yield what an exercise requires that is not there, or does not come before it."""
    place = {e.id: number for number, e in enumerate(exercises)}
    for number, exercise in enumerate(exercises):
        for name in exercise.requires:
            if name not in place:
                yield f"{exercise.id}: requires {name}, which does not exist"
            elif place[name] >= number:
                yield f"{exercise.id}: requires {name}, which comes later"
    for before, after in pairwise(e for e in exercises if e.role == "thread"):
        gone = sorted(set(before.files) - set(after.files))
        if gone:
            yield f"{after.id}: the thread's {', '.join(gone)} of {before.id} is not among its files"


def difficulty(mine: Sequence[Exercise]) -> Iterator[str]:
    """Yield where difficulty rises by more than one between two required exercises."""
    for before, after in pairwise(e for e in mine if e.role != "stretch"):
        if after.difficulty > before.difficulty + 1:
            steps = f"{before.difficulty} ({before.id}) to {after.difficulty}"
            yield f"{after.id}: difficulty rises from {steps}: one step at a time"


def roles(number: int, mine: Sequence[Exercise]) -> Iterator[str]:
    """Yield where a section has more of a role than it may."""
    for role, most in ROLES.items():
        names = [e.id for e in mine if e.role == role]
        if len(names) > most and number != 11:
            yield f"section {number}: {len(names)} exercises are {role} ({', '.join(names)}), {most} at most"


def minutes(clone: str, number: int, mine: Sequence[Exercise]) -> Iterator[str]:
    """Yield where reading and the required exercises do not fit the section's days."""
    reading = sum(r.minutes for one in sections(clone) if one.number == number for r in reading_order(one))
    total = reading + sum(e.minutes for e in mine if e.role != "stretch")
    most = DAYS.get(number, 10) * DAY
    if total > most:
        yield f"section {number}: reading and required exercises take {total} minutes, {most} at most"


def without_root(number: int, mine: Sequence[Exercise]) -> Iterator[str]:
    """Yield where less than two fifths of the points can be had without root."""
    total = sum(e.points for e in mine)
    free = sum(e.points for e in mine if needs_no_root(e.needs))
    if free < SHARE_WITHOUT_ROOT * total:
        yield f"section {number}: {free} of {total} points need no root, at least 40 % are wanted"
