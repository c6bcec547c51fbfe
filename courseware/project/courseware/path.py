"""Where a learner is, and what comes next: ``./course next``.

What belongs here: the order of parts and exercises, and one command to type. What does not: the lessons and exercises.

A lesson's parts are its README's headings ``## Part 1 · …``. An exercise that a part names (``./course ex start ID``)
comes after that part, all others after the last part. A lesson without such headings is one part, with the number 0. A
part counts as done when the learner says so (``--done``) or has passed an exercise that comes after it.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, NamedTuple

from .exercises import catalogue
from .exercises.workplace import answer_folder
from .progress import Progress, change_progress, read_progress
from .screen import filled
from .sections import Section, read_text, sections

if TYPE_CHECKING:
    from .exercises import Exercise

HEADING = re.compile(r"^## +Part (\d+)\b[ ·:.–-]*(.*)$", re.MULTILINE)
START = re.compile(r"ex start ([\w-]+)")
INDENT = " " * len("next: ")


class Part(NamedTuple):
    """One part of a lesson; number 0: all of a lesson that has no parts."""

    section: Section
    number: int
    title: str


class Stop(NamedTuple):
    """A place on the way: a part of a lesson, or an exercise."""

    part: Part | None = None
    exercise: Exercise | None = None

    @property
    def section(self) -> int:
        """The number of the section that it belongs to."""
        return self.part.section.number if self.part else self.exercise.section if self.exercise else 0


def way(clone: str) -> list[Stop]:
    """Return every stop, in order; stretch exercises are no stops."""
    stops: list[Stop] = []
    exercises = catalogue(clone)
    for one in sections(clone):
        waiting = [e for e in exercises if e.section == one.number and e.role != "stretch"]
        whole = [(Part(one, 0, ""), set[str]())] if os.path.isfile(os.path.join(one.folder, "README.md")) else []
        for part, named in lesson_parts(one) or whole:
            stops.append(Stop(part=part))
            here = [e for e in waiting if e.id in named]
            stops += [Stop(exercise=e) for e in here]
            waiting = [e for e in waiting if e not in here]
        stops += [Stop(exercise=e) for e in waiting]
    return stops


def lesson_parts(one: Section) -> list[tuple[Part, set[str]]]:
    """Return the parts of the lesson, each with the ids of the exercises that it sends the reader to."""
    text = read_text(os.path.join(one.folder, "README.md"))
    headings = list(HEADING.finditer(text))
    parts = []
    for heading in headings:
        next_heading = re.compile(r"^## ", re.MULTILINE).search(text, heading.end())
        body = text[heading.end() : next_heading.start() if next_heading else len(text)]
        parts.append((Part(one, int(heading[1]), heading[2].strip()), set(START.findall(body))))
    return parts


def waiting(stops: list[Stop], progress: Progress) -> list[Stop]:
    """Return the stops that are not done, in order."""
    passed = [n for n, stop in enumerate(stops) if stop.exercise and progress.passed(stop.exercise.id)]
    last = max(passed, default=-1)
    found = []
    for number, stop in enumerate(stops):
        if stop.part:
            done = number < last or progress.done(stop.part.section.number, stop.part.number)
        else:
            done = number in passed
        if not done:
            found.append(stop)
    return found


def next_stop(stops: list[Stop], progress: Progress) -> Stop | None:
    """Return the first stop that is not done; None at the end of the way."""
    return next(iter(waiting(stops, progress)), None)


def mark_done(clone: str) -> str:
    """Note the part of a lesson that ``render`` would show as done; return what was noted, or why nothing was."""
    stop = next_stop(way(clone), read_progress(clone))
    if stop is None:
        return "nothing to mark: all is done"
    if stop.part is None:
        name = stop.exercise.id if stop.exercise else ""
        return f"nothing to mark: {name} is an exercise, which is done when it has passed"
    with change_progress(clone) as progress:
        progress.note_done(stop.part.section.number, stop.part.number)
    return f"done: {_named(stop.part)} (./course next --undo takes that back)"


def undo_mark(clone: str) -> str:
    """Take back the last part that was noted as done; return which one, or that there is none."""
    with change_progress(clone) as progress:
        taken = progress.take_back()
    if taken is None:
        return "nothing to take back: no part of a lesson was marked as done"
    parts = [stop.part for stop in way(clone) if stop.part]
    part = next((part for part in parts if (part.section.number, part.number) == taken), None)
    return f"no longer done: {_named(part) if part else 'a part that is not there any more'}"


def _named(part: Part) -> str:
    return f"{part.section.title}, " + (f"part {part.number}: {part.title}" if part.number else "the lesson")


def render(clone: str, *, exercises_only: bool = False) -> str:
    """Return what ``./course next`` prints."""
    stops = [stop for stop in way(clone) if stop.exercise or not exercises_only]
    progress = read_progress(clone)
    stop = next_stop(stops, progress)
    lines = _standing(stops, progress)
    if stop is None:
        lines.append("all parts and required exercises are done" if stops else "this clone has no lessons")
    elif stop.part:
        named = [s.exercise.id for s in stops if s.exercise and s.section == stop.section]
        lines += _at_part(stop.part) if stop.part.number else _at_lesson(stop.part.section, named)
    elif stop.exercise:
        lines += _at_exercise(clone, stop.exercise, progress)
    return "\n".join(lines)


def _standing(stops: list[Stop], progress: Progress) -> list[str]:
    """Return the line about the section that the learner is in, or has just done."""
    open_ones = waiting(stops, progress)
    here = open_ones[0].section if open_ones else max((stop.section for stop in stops), default=0)
    mine = [stop for stop in stops if stop.section == here]
    if all(stop in open_ones for stop in mine):  # nothing done here yet: the one before is what counts
        here = max((stop.section for stop in stops if stop.section < here), default=here)
    exercises = [stop.exercise for stop in stops if stop.exercise and stop.section == here]
    done = " done" if stops and all(stop.section != here for stop in open_ones) else ""
    if not exercises:
        return [f"section {here}{done}"] if done else []
    passed = sum(progress.passed(exercise.id) for exercise in exercises)
    return [f"section {here}{done}: {passed} of {len(exercises)} required exercises passed"]


def _at_part(part: Part) -> list[str]:
    one = part.section
    total = len(lesson_parts(one))
    read = f"read it in {one.name}/README.md; what belongs to it in the code: ./course read {one.number}"
    return [
        filled(f"next: {one.title}, part {part.number} of {total}: {part.title}", rest=INDENT),
        filled(read, INDENT),
        "after its check-point, type:  ./course next --done",
    ]


def _at_lesson(one: Section, exercises: list[str]) -> list[str]:
    then = f"then come its exercises: {', '.join(exercises)}" if exercises else "it has no exercises yet"
    read = f"read it: {one.name}/README.md (a first version, without parts); in the code: ./course read {one.number}"
    return [
        filled(f"next: {one.title}, the lesson", rest=INDENT),
        filled(f"{read}; {then}", INDENT),
        "when you have read it, type:  ./course next --done",
    ]


def _at_exercise(clone: str, exercise: Exercise, progress: Progress) -> list[str]:
    page = os.path.relpath(exercise.folder / "README.md", clone)
    head = f"{exercise.title} ({exercise.role}, {exercise.minutes} minutes)"
    lines = [
        filled(f"next: exercise {exercise.id}: {head}", rest=INDENT),
        filled(f"{exercise.goal} What to build: {page}", INDENT),
    ]
    missing = [name for name in exercise.requires if not progress.passed(name)]
    if missing:
        lines.append(filled(f"it builds on {', '.join(missing)}, not passed yet", INDENT))
    if not answer_folder(clone, exercise).is_dir():
        return [*lines, f"type:  ./course ex start {exercise.id}"]
    record = progress.of(exercise.id)
    if record["tries"]:
        lines.append(f"      best so far: {record['points']:g} of {record['of']:g} points")
    return [*lines, f"write work/{exercise.id}/{exercise.file}, then type:  ./course ex check {exercise.id}"]
