"""What a learner has done: ``work/progress.json``, beside the answers.

What belongs here: reading it, changing it under a lock, and giving files that root made back to the learner. What does
not: the answers (``exercises/workplace.py``), and what comes next (``path.py``).
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Iterator

SCHEMA = 1


class Progress:
    """Which exercises were started, tried and passed, how many hints were opened, which parts were done."""

    def __init__(self, data: dict[str, Any] | None = None) -> None:
        data = data or {}
        self.exercises: dict[str, dict[str, Any]] = data.get("exercises", {})
        self.parts: dict[str, list[int]] = data.get("parts", {})
        self.marked: list[list[int]] = data.get("marked", [])  # section and part, the last one last: for undo

    def of(self, name: str) -> dict[str, Any]:
        """Return the record of exercise ``name``: passed, tries, points, of, hints, solution, again."""
        empty = {"passed": False, "tries": 0, "points": 0, "of": 0, "hints": 0, "solution": False, "again": False}
        record = self.exercises.setdefault(name, {})
        for key, value in empty.items():
            record.setdefault(key, value)
        return record

    def passed(self, name: str) -> bool:
        """Whether ``name`` was passed once; what came after does not take it away."""
        return bool(self.exercises.get(name, {}).get("passed"))

    def note_try(self, name: str, points: float, of: float, *, full: bool) -> None:
        """Note a check: ``points`` of ``of``, and whether that is all; the best counts."""
        record = self.of(name)
        record["tries"] += 1
        record["of"] = of
        record["points"] = max(points, record["points"])
        record["passed"] = record["passed"] or full
        record["again"] = record["again"] and not full

    def note_reset(self, name: str) -> None:
        """Note that the answer was put aside: what was passed stays so, and is being done once more."""
        record = self.of(name)
        record["again"] = record["passed"]

    def done(self, section: int, part: int) -> bool:
        """Whether part ``part`` of the lesson of ``section`` was done."""
        return part in self.parts.get(str(section), [])

    def note_done(self, section: int, part: int) -> None:
        """Note that a part of a lesson was done."""
        self.parts[str(section)] = sorted({*self.parts.get(str(section), []), part})
        self.marked.append([section, part])

    def take_back(self) -> tuple[int, int] | None:
        """Take the last ``note_done`` back; return its section and part, None when there is none."""
        if not self.marked:
            return None
        section, part = self.marked.pop()
        self.parts[str(section)] = [one for one in self.parts.get(str(section), []) if one != part]
        return section, part

    def as_dict(self) -> dict[str, Any]:
        """Return what the file holds."""
        return {"schema": SCHEMA, "exercises": self.exercises, "parts": self.parts, "marked": self.marked}


def work_folder(clone: str) -> str:
    """Return the learner's folder; it may not be there yet."""
    return os.path.join(clone, "work")


def make_work_folder(clone: str) -> str:
    """Make the learner's folder, belonging to the learner, and return it."""
    folder = work_folder(clone)
    if not os.path.isdir(folder):
        os.makedirs(folder, exist_ok=True)
        hand_over(folder, clone)
    return folder


def read_progress(clone: str) -> Progress:
    """Return the progress; what cannot be read is put aside under another name and said, never lost or overwritten."""
    path = os.path.join(work_folder(clone), "progress.json")
    try:
        with open(path, encoding="utf-8") as file:
            data = json.load(file)
        if not _is_progress(data):
            raise ValueError(f"not of schema {SCHEMA}")
    except FileNotFoundError:
        return Progress()
    except ValueError as error:
        aside = free_name(path + ".broken")
        os.replace(path, aside)
        click.echo(f"course: {path} cannot be read ({error}); kept as {aside}, progress begins anew", err=True)
        return Progress()
    return Progress(data)


def _is_progress(data: Any) -> bool:
    return (
        isinstance(data, dict)
        and data.get("schema") == SCHEMA
        and isinstance(data.get("exercises"), dict)
        and all(isinstance(record, dict) for record in data["exercises"].values())
        and isinstance(data.get("parts"), dict)
        and all(isinstance(parts, list) for parts in data["parts"].values())
    )


@contextlib.contextmanager
def change_progress(clone: str) -> Iterator[Progress]:
    """Read the progress, let the caller change it, write it: whole or not at all, one process at a time."""
    folder = make_work_folder(clone)
    with open(os.path.join(folder, ".lock"), "a", encoding="ascii") as lock:
        hand_over(lock.name, clone)
        fcntl.flock(lock, fcntl.LOCK_EX)
        progress = read_progress(clone)
        yield progress
        path = os.path.join(folder, "progress.json")
        with open(path + ".new", "w", encoding="utf-8") as file:
            json.dump(progress.as_dict(), file, indent=1, sort_keys=True)
            file.write("\n")
            file.flush()
            os.fsync(file.fileno())
        hand_over(path + ".new", clone)
        os.replace(path + ".new", path)


def free_name(path: str) -> str:
    """Return ``path-1``, ``path-2`` …: the first that is not taken."""
    number = 1
    while os.path.lexists(f"{path}-{number}"):
        number += 1
    return f"{path}-{number}"


def hand_over(path: str, clone: str) -> None:
    """Give ``path``, and all below it, to the learner: whoever called sudo, if the clone is theirs (LCM-ENV-02)."""
    uid, gid = os.environ.get("SUDO_UID", ""), os.environ.get("SUDO_GID", "")
    if os.geteuid() != 0 or not uid.isdigit() or os.stat(clone).st_uid != int(uid):
        return
    group = int(gid) if gid.isdigit() else -1
    os.chown(path, int(uid), group, follow_symlinks=False)
    for folder, folders, files in os.walk(path):
        for name in (*folders, *files):
            os.chown(os.path.join(folder, name), int(uid), group, follow_symlinks=False)
