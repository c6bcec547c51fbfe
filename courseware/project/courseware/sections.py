"""The sections of a clone: their folders, their packages, and files named as lessons name them.

What belongs here: finding. What does not: what stands in the files.
"""

from __future__ import annotations

import os
import re
import tomllib
from typing import Any, NamedTuple

from section01_processes import UsageError

FOLDER = re.compile(r"section(\d\d)_[a-z0-9_]+")


class Section(NamedTuple):
    """One section: its number, and its folder below the clone (also the name of its package)."""

    number: int
    name: str
    clone: str

    @property
    def folder(self) -> str:
        """Return the section's folder."""
        return os.path.join(self.clone, self.name)

    @property
    def title(self) -> str:
        """Return the first heading of the section's README, or its folder's name."""
        for line in read_text(os.path.join(self.folder, "README.md")).splitlines():
            if line.startswith("# "):
                return line[2:].strip()
        return self.name


def read_text(path: str) -> str:
    """Return the text of ``path``; empty when there is no such file."""
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except FileNotFoundError:
        return ""


def read_toml(path: str) -> dict[str, Any]:
    """Return the tables of ``path``; empty when there is no such file. Raises UsageError with file and line."""
    try:
        return tomllib.loads(read_text(path))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: not TOML: {error}", exit_code=1) from None


def sections(clone: str) -> list[Section]:
    """Return the sections of ``clone``, in order."""
    found = []
    for name in sorted(os.listdir(clone)):
        match = FOLDER.fullmatch(name)
        if match and os.path.isdir(os.path.join(clone, name)):
            found.append(Section(int(match[1]), name, clone))
    return found


def section(clone: str, number: int) -> Section:
    """Return section ``number``. Raises UsageError."""
    there = sections(clone)
    for one in there:
        if one.number == number:
            return one
    numbers = ", ".join(str(one.number) for one in there) or "none"
    raise UsageError(f"there is no section {number}", hint=f"there are: {numbers}", exit_code=2)


def source_file(one: Section, path: str) -> str:
    """Return the file that a lesson calls ``path``: below the section's ``project`` or ``examples``. Raises UsageError.

    A path that climbs out of these is refused.
    """
    for root in ("project", "examples"):
        base = os.path.join(one.folder, root)
        full = os.path.normpath(os.path.join(base, path))
        if os.path.isfile(full) and full.startswith(base + os.sep):
            return full
    hint = f"paths are relative to {one.name}/project or {one.name}/examples"
    raise UsageError(f"{one.name}: there is no file {path}", hint=hint, exit_code=1)
