"""How wide the learner's terminal is, and text that fits it.

What belongs here: the width, wrapping. What does not: what is said.
"""

from __future__ import annotations

import shutil
import textwrap

NARROWEST, WIDEST, ELSEWHERE = 60, 100, 80  # columns; ELSEWHERE: where the output is no terminal


def width() -> int:
    """Return how many columns a line may have; ``COLUMNS`` counts first, as for other tools."""
    return max(NARROWEST, min(WIDEST, shutil.get_terminal_size((ELSEWHERE, 24)).columns))


def filled(text: str, first: str = "", rest: str = "") -> str:
    """Return ``text`` in lines that fit: ``first`` stands before the first one, ``rest`` before the others.

    A word is never cut, so that a path or a command can be copied; and the last line is no stub of a word or two, as
    long as the others can give it some without becoming more.
    """
    most = width()
    lines = _wrapped(text, most, first, rest or " " * len(first))
    for narrower in range(most - 1, most // 2, -1):
        if len(lines) < 2 or len(lines[-1]) >= most // 3:
            break
        other = _wrapped(text, narrower, first, rest or " " * len(first))
        if len(other) > len(lines):
            break
        lines = other
    return "\n".join(lines)


def _wrapped(text: str, most: int, first: str, rest: str) -> list[str]:
    return textwrap.wrap(text, most, initial_indent=first, subsequent_indent=rest,
                         break_long_words=False, break_on_hyphens=False)  # fmt: skip


def indented(text: str, by: int) -> list[str]:
    """Return the lines of ``text``, each wrapped and moved to the right by ``by`` columns beside its own indent."""
    lines: list[str] = []
    for line in text.rstrip().splitlines():
        lead = " " * (by + len(line) - len(line.lstrip()))
        lines += filled(line.strip(), lead, lead).splitlines() or [""]
    return lines
