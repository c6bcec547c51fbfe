"""Steps told in short: consecutive steps of one section of one process on one line, no wider than the terminal.

What belongs here: grouping and cutting. What does not: where the steps come from (``demo.py``), and how a single step
reads in full (section 1's ``explain``). Nothing but the standard library: it also runs before anything is installed.
"""

from __future__ import annotations

import re
import shutil
from itertools import groupby
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

#: How wide a line is where nobody knows the terminal: in a pipe, a file.
WIDTH = 100


def short_lines(steps: Iterable[Mapping[str, Any]], width: int | None = None) -> list[str]:
    """Return a line per group of ``steps``: process, step numbers, milliseconds, section, what they are about.

    ``steps``: dictionaries as ``--explain=FILE.json`` writes them (process, step, about, section, call, error; without
    milliseconds, in a plan, that column is left out). ``width``: in columns; None: the terminal's. An error
    comes first of what a line tells.
    """
    width = width or shutil.get_terminal_size((WIDTH, 24)).columns
    groups = groupby(steps, key=lambda step: (step["process"], step["section"]))
    return [cut(_line(list(group), width), width) for _, group in groups]


def _line(group: list[Mapping[str, Any]], width: int) -> str:
    """Return the line of one group; where it would be too long, its middle gives way, not its end."""
    first, last = group[0], group[-1]
    numbers = str(first["step"]) if first is last else f"{first['step']}–{last['step']}"
    time = f"{sum(step['milliseconds'] for step in group):7.2f} ms  " if "milliseconds" in first else ""
    failed = next((f"!! {step['about'] or step['call']}: {step['error']}; " for step in group if step.get("error")), "")
    begin = f"{first['process']:5} {numbers:>5}  {time}{place(first['section']):2}  {failed}"
    return begin + joined(_words(group), width - len(begin))


def _words(group: list[Mapping[str, Any]]) -> list[str]:
    """Return the actions of a group, one after the other; where they are one or two, also what they are about."""
    actions = [(name, list(same)) for name, same in groupby(group, key=_action)]
    if len(actions) > 2:
        return [name if len(same) == 1 else f"{name} ×{len(same)}" for name, same in actions]
    return [_told(name, same) for name, same in actions]


def _action(step: Mapping[str, Any]) -> str:
    """Return the name of a step's action: ``pivot_root`` of ``pivot_root(3)``."""
    return str(step["call"]).partition("(")[0]


def _told(name: str, steps: list[Mapping[str, Any]]) -> str:
    """Return ``name: what the first of its steps is about``, a long id in short, and how many more there are."""
    about = re.sub(r"\b([0-9a-f]{12})[0-9a-f]{20,}\b", r"\1…", steps[0]["about"])
    more = f" (and {len(steps) - 1} more)" if len(steps) > 1 else ""
    return (f"{name}: {about}" if about else name) + more


def joined(words: list[str], width: int) -> str:
    """Return ``words`` with commas between them; ``…`` stands for those in the middle for which there is no room."""
    for left_out in range(len(words)):
        first = len(words) - left_out - 2
        shown = [*words[:first], "…", *words[-2:]] if left_out and first > 0 else words
        text = ", ".join(shown)
        if len(text) <= width or (left_out and first <= 0):
            return text
    return ", ".join(words)


def place(section: str) -> str:
    """Return ``§4`` as it is, and the capstone's package name as a sign as short: ``MD``."""
    return "MD" if section == "minidocker" else section


def cut(line: str, width: int) -> str:
    """Return ``line`` in at most ``width`` characters; ``…`` stands for what was cut off."""
    return line if len(line) <= width else line[: max(width - 1, 0)].rstrip() + "…"
