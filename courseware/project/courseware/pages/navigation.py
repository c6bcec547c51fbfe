"""The site's navigation, from the pages that there are. Titles are the pages' own first headings."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Container, Mapping, Sequence

TITLE = re.compile(r"^# (.+?)(?: *\{[^}]*\})?$", re.MULTILINE)
#: The self-checks stand before the machine's own section in the alphabet, and are read after it.
START = ("index.md", "start/machine.md", "start/python.md", "start/linux.md", "journey.md")
LOOK_UP = ("errors.md", "glossary.md", "exercises/index.md", "safety.md")
PROJECT = ("contributing.md", "changelog.md", "courseware.md")


def title_of(target: str, page: str) -> str:
    """Return the first heading of ``page``, without its markup; "Section 1 · X" is "1 · X", "API · x" is "x"."""
    if page == "index.md":
        return "Overview"
    with open(f"{target}/{page}", encoding="utf-8") as file:
        found = TITLE.search(file.read())
    title = found[1].replace("`", "") if found else page
    return title.removeprefix("Section ").removeprefix("API · ")


def navigation(target: str, lessons: Sequence[str], exercises: Mapping[str, Sequence[str]]) -> list[Any]:
    """Return mkdocs' ``nav``. ``lessons``: pages in order; ``exercises``: lesson → its exercises' pages."""
    there = {os.path.relpath(os.path.join(d, n), target) for d, _, names in os.walk(target) for n in names}
    sections = [_lesson(target, page, exercises.get(page, ())) for page in lessons]
    reference = sorted(p for p in there if p.startswith("reference/") and not p.startswith("reference/api/"))
    surfaces = sorted(p for p in there if p.startswith("reference/api/"))
    decisions = sorted(p for p in there if p.startswith("adr/") and p.endswith(".md"))
    decisions.sort(key=lambda p: p != "adr/README.md")
    named = {*START, *LOOK_UP, *PROJECT, *lessons, *(p for pages in exercises.values() for p in pages),
             *reference, *surfaces, *decisions}  # fmt: skip
    others = sorted(p for p in there - named if p.endswith(".md") and not p.startswith("source/"))
    groups = {
        "Start": _titled(target, START, there),
        "Sections": sections,
        "Look up": _titled(target, (*LOOK_UP, *others), there),
        "Reference": [*_titled(target, reference, there), _group("API", _titled(target, surfaces, there)),
                      _group("Decisions", _titled(target, decisions, there))],
        "The project": _titled(target, PROJECT, there),
    }  # fmt: skip
    return [_group(name, entries) for name, entries in groups.items() if any(entries)]


def _lesson(target: str, page: str, exercises: Sequence[str]) -> dict[str, Any]:
    title = title_of(target, page)
    if not exercises:
        return {title: page}
    entries = [{"How to work" if p == f"exercises/{page}" else title_of(target, p): p} for p in exercises]
    return {title: [{"Lesson": page}, {"Exercises": entries}]}


def _titled(target: str, pages: Sequence[str], there: Container[str]) -> list[dict[str, Any]]:
    return [{title_of(target, page): page} for page in pages if page in there]


def _group(name: str, entries: list[Any]) -> dict[str, Any]:
    return {name: [entry for entry in entries if entry]} if entries else {}
