"""All exercises of a clone, in the order in which a learner meets them."""

from __future__ import annotations

import difflib
from pathlib import Path

from .model import ROLES, Exercise, ExerciseError


def catalogue(clone: Path | str) -> list[Exercise]:
    """Return the exercises of all sections: by section, then warm-up, core by difficulty, thread, stretch.

    Raises ExerciseError for the first folder that is not right, or if two exercises have one id.
    """
    found = [Exercise.read(path.parent) for path in sorted(Path(clone).glob("*/exercises/*/exercise.toml"))]
    seen: dict[str, Exercise] = {}
    for exercise in found:
        if exercise.id in seen:
            first = seen[exercise.id].folder
            raise ExerciseError(f"{exercise.folder}/exercise.toml: id: {exercise.id!r} is also that of {first}",
                                hint="rename one of the two")  # fmt: skip
        seen[exercise.id] = exercise
    return sorted(found, key=lambda e: (e.section, ROLES.index(e.role), e.difficulty, e.id))


def find(clone: Path | str, name: str) -> Exercise:
    """Return the exercise with the id ``name``. Raises ExerciseError with the nearest ids if there is none."""
    exercises = catalogue(clone)
    for exercise in exercises:
        if exercise.id == name:
            return exercise
    near = difflib.get_close_matches(name, [exercise.id for exercise in exercises], n=3, cutoff=0.5)
    hint = f"did you mean {' or '.join(near)}?" if near else "./course ex list shows them all"
    raise ExerciseError(f"there is no exercise {name!r}", hint=hint)


def exercise_folder(test_file: Path) -> Path | None:
    """Return the folder of the exercise that ``test_file`` belongs to: it stands in its ``tests``. None: to none."""
    folder = test_file.parent.parent
    return folder if test_file.parent.name == "tests" and (folder / "exercise.toml").is_file() else None
