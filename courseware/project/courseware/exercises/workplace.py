"""The learner's folder: ``work/ID/`` holds an answer, ``work/backups/ID-N/`` what ``reset`` put aside.

What belongs here: finding an exercise by what a learner types, starting, resetting. What does not: judging
(``checking.py``), and what was passed (``courseware.progress``). Nothing here overwrites or removes a learner's file.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import NamedTuple

from courseware.progress import free_name, hand_over, make_work_folder, read_progress, work_folder

from .catalogue import catalogue, find
from .model import Exercise, ExerciseError


class Started(NamedTuple):
    """What ``start`` did: the folder, where the files came from (words), the files written and those kept."""

    folder: Path
    source: str
    written: list[str]
    kept: list[str]


def resolve(clone: str, word: str) -> Exercise:
    """Return the exercise that ``word`` means: its id, its id without the section's prefix, or its folder's name.

    Raises ExerciseError: unknown (with the nearest ids), or several are meant.
    """
    name = word.strip().rstrip("/")
    wanted = name.replace("_", "-")
    exercises = catalogue(clone)
    if not exercises:
        raise ExerciseError("this clone has no exercises", hint="look for sectionNN_name/exercises/")
    exact = [e for e in exercises if e.id in (name, wanted)]
    short = [e for e in exercises if e.id.partition("-")[2] == wanted]
    if exact or len(short) == 1:
        return (exact or short)[0]
    if short:
        raise ExerciseError(f"{word!r} is the name of {len(short)} exercises",
                            hint=f"write one of {', '.join(e.id for e in short)}")  # fmt: skip
    return _find_nearest(clone, word, exercises)


def _find_nearest(clone: str, word: str, exercises: list[Exercise]) -> Exercise:
    """Raise the catalogue's error for ``word``, as an id or, where that is nearer, without prefix."""
    import difflib

    names = {e.id.partition("-")[2]: e.id for e in exercises}
    near = difflib.get_close_matches(word.replace("_", "-"), names, n=3, cutoff=0.6)
    if near:
        hint = f"did you mean {' or '.join(names[name] for name in near)}?"
        raise ExerciseError(f"there is no exercise {word!r}", hint=hint)
    return find(clone, word)


def answer_folder(clone: str, exercise: Exercise) -> Path:
    """Return the folder of the learner's answer; it may not be there."""
    return Path(work_folder(clone), exercise.id)


def answer(clone: str, exercise: Exercise) -> Path:
    """Return the folder of the learner's answer. Raises ExerciseError when it was not started."""
    folder = answer_folder(clone, exercise)
    if not folder.is_dir():
        raise ExerciseError(f"{exercise.id} has not been started", hint=f"./course ex start {exercise.id}")
    return folder


def previous_step(clone: str, exercise: Exercise) -> Exercise | None:
    """Return the step of the thread before this one: the learner's program grows from it."""
    if exercise.role != "thread":
        return None
    before = [e for e in catalogue(clone) if e.role == "thread" and e.section < exercise.section]
    return before[-1] if before else None


# ---- starting -------------------------------------------------------------------------------------------------------


def start(clone: str, exercise: Exercise, *, from_reference: bool = False) -> Started:
    """Make ``work/ID`` from the starter, or for a step of the thread from the learner's last answer.

    Files that are there stay as they are. ``from_reference``: from the reference solution of the step before.
    Raises ExerciseError.
    """
    folder = answer_folder(clone, exercise)
    origin, words = _origin(clone, exercise, from_reference)
    sources = {name: _source(exercise, name, origin) for name in exercise.files}
    make_work_folder(clone)
    written, kept = [], []
    for name, source in sources.items():
        target = folder / name
        if os.path.lexists(target):
            kept.append(name)
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        _copy(source, target)
        written.append(name)
    hand_over(str(folder), clone)
    return Started(folder, words, written, kept)


def _origin(clone: str, exercise: Exercise, from_reference: bool) -> tuple[Path | None, str]:
    """Return the folder whose files come before the starter's, and what the learner reads about it."""
    before = previous_step(clone, exercise)
    if before is None:
        if from_reference:
            raise ExerciseError(f"{exercise.id} grows from no earlier step", hint=f"./course ex start {exercise.id}")
        return None, "the starter"
    if from_reference:
        if not before.solution.is_dir():
            raise ExerciseError(f"{before.solution} is not there: this copy of the course has no solutions")
        return before.solution, f"the reference solution of {before.id}"
    mine = answer_folder(clone, before)
    if not mine.is_dir():
        hint = f"./course ex start {before.id} first, or ./course ex start {exercise.id} --from reference"
        raise ExerciseError(f"{exercise.id} grows from your answer to {before.id}, which is not there", hint=hint)
    passed = "" if read_progress(clone).passed(before.id) else ", which has not passed yet"
    return mine, f"your answer to {before.id}{passed}"


def _source(exercise: Exercise, name: str, origin: Path | None) -> Path:
    """Return the file to copy: the origin's, or the starter's."""
    for base in (origin, exercise.starter):
        if base is not None and (base / name).is_file():
            return base / name
    raise ExerciseError(f"{exercise.starter / name} is not there", hint="files of exercise.toml names it")


def _copy(source: Path, target: Path) -> None:
    """Copy whole or not at all; never over a file that is there."""
    new = target.with_name(target.name + ".new")
    shutil.copyfile(source, new)
    os.chmod(new, 0o755 if os.access(source, os.X_OK) else 0o644)
    try:
        os.link(new, target)
    except FileExistsError:
        pass
    except OSError:  # a file system without hard links
        os.rename(new, target)
        return
    os.unlink(new)


def reset(clone: str, exercise: Exercise, *, from_reference: bool = False) -> tuple[Path, Started]:
    """Move the answer to ``work/backups/ID-N`` and start anew; return the backup and what was started.

    Raises ExerciseError; whether a new start is possible is known before anything is moved.
    """
    folder = answer(clone, exercise)
    origin, _ = _origin(clone, exercise, from_reference)
    for name in exercise.files:
        _source(exercise, name, origin)
    backups = Path(make_work_folder(clone), "backups")
    backups.mkdir(exist_ok=True)
    hand_over(str(backups), clone)
    while True:
        backup = free_name(str(backups / exercise.id))
        try:
            os.rename(folder, backup)
        except (FileExistsError, OSError) as error:
            if os.path.isdir(backup) and folder.is_dir():
                continue  # another reset took the name between our look and the rename
            raise ExerciseError(f"{folder} cannot be moved to {backup}: {error}") from error
        break
    return Path(backup), start(clone, exercise, from_reference=from_reference)


def solution_text(exercise: Exercise) -> str:
    """Return the reference solution, file by file, and the debrief. Raises ExerciseError where there is none."""
    if not exercise.solution.is_dir():
        raise ExerciseError(f"{exercise.solution} is not there: this copy of the course has no solutions")
    parts = []
    for name in exercise.files:
        text = (exercise.solution / name).read_text(encoding="utf-8")
        parts.append(f"==> {exercise.solution / name}\n{text.rstrip()}\n")
    debrief = exercise.folder / "debrief.md"
    if debrief.is_file():
        parts.append(debrief.read_text(encoding="utf-8").rstrip() + "\n")
    return "\n".join(parts)
