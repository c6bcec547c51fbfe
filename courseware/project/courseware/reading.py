"""The reading order of a section: ``./course read N``, from ``sectionNN_name/reading.toml``.

What belongs here: reading the list, checking it, rendering. What does not: which files (the list says it).
"""

from __future__ import annotations

import os
import textwrap
from typing import NamedTuple

from section01_processes import UsageError

from .sections import Section, read_text, read_toml, section, source_file

FIELDS = {"path": str, "minutes": int, "question": str}


class Reading(NamedTuple):
    """One file to read: its name in lessons, where it is, how long it is, and what to ask oneself."""

    path: str
    file: str
    lines: int
    minutes: int
    question: str


def reading_order(one: Section) -> list[Reading]:
    """Return the files to read, in order; none where the section has no list. Raises UsageError with file and field."""
    path = os.path.join(one.folder, "reading.toml")
    data = read_toml(path)
    unknown = sorted(data.keys() - {"file"})
    if unknown:
        raise UsageError(f"{path}: unknown key {unknown[0]}", hint="there are only [[file]] tables", exit_code=1)
    return [_reading(one, path, number, entry) for number, entry in enumerate(data.get("file", []), 1)]


def _reading(one: Section, path: str, number: int, entry: dict[str, object]) -> Reading:
    for field, kind in FIELDS.items():
        if not isinstance(entry.get(field), kind):
            raise UsageError(f"{path}: file {number}: {field} is missing, or no {kind.__name__}", exit_code=1)
    unknown = sorted(entry.keys() - FIELDS.keys())
    if unknown:
        raise UsageError(f"{path}: file {number}: unknown key {unknown[0]}", exit_code=1)
    name = str(entry["path"])
    file = source_file(one, name)
    minutes = entry["minutes"]
    return Reading(name, file, len(read_text(file).splitlines()), minutes if isinstance(minutes, int) else 0,
                   str(entry["question"]))  # fmt: skip


def render(clone: str, number: int) -> str:
    """Return what ``./course read N`` prints. Raises UsageError."""
    one = section(clone, number)
    files = reading_order(one)
    if not files:
        lesson = f"read {one.name}/README.md and the core: {one.name}/project/{one.name}/core/"
        return f"{one.title} has no reading order yet; {lesson}"
    lines = [f"{one.title}: what to read, in this order", ""]
    for place, entry in enumerate(files, 1):
        shown = os.path.relpath(entry.file, clone)
        lines.append(f"{place:2}. {shown}  ({entry.lines} lines, {entry.minutes} minutes)")
        lines.append(textwrap.fill(entry.question, 100, initial_indent="      ? ", subsequent_indent="        "))
    total = f"{sum(e.lines for e in files)} lines, {sum(e.minutes for e in files)} minutes"
    return "\n".join([*lines, "", f"together {total}"])
