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
    return [cut(_line(list(group)), width) for _, group in groupby(steps, key=lambda s: (s["process"], s["section"]))]


def _line(group: list[Mapping[str, Any]]) -> str:
    """Return the line of one group, as long as it is."""
    first, last = group[0], group[-1]
    numbers = str(first["step"]) if first is last else f"{first['step']}–{last['step']}"
    time = f"{sum(step['milliseconds'] for step in group):7.2f} ms  " if "milliseconds" in first else ""
    failed = next((f"!! {step['about'] or step['call']}: {step['error']}; " for step in group if step.get("error")), "")
    words = re.sub(r"\b([0-9a-f]{12})[0-9a-f]{20,}\b", r"\1…", "; ".join(_words(group)))  # a long id in short
    return f"{first['process']:5} {numbers:>5}  {time}{place(first['section']):2}  {failed}{words}"


def _words(group: list[Mapping[str, Any]]) -> list[str]:
    """Return what the steps of a group are about; steps that do the same action one after the other only once."""
    words = []
    for _, same in groupby(group, key=lambda step: step["call"].partition("(")[0]):
        alike = list(same)
        what = alike[0]["about"] or alike[0]["call"].partition("(")[0]
        words.append(what if len(alike) == 1 else f"{what} (and {len(alike) - 1} more)")
    return words


def place(section: str) -> str:
    """Return ``§4`` as it is, and the capstone's package name as a sign as short: ``MD``."""
    return "MD" if section == "minidocker" else section


def cut(line: str, width: int) -> str:
    """Return ``line`` in at most ``width`` characters; ``…`` stands for what was cut off."""
    return line if len(line) <= width else line[: max(width - 1, 0)].rstrip() + "…"
