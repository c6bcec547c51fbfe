"""Quizzes: a list of check boxes in the source, a question with folded answers on the site.

    - [ ] `b"a"` — a slice would: `b"abc"[0:1]`
    - [x] `97` — indexing bytes gives a number

On GitHub that is a list that tells at once; here the options stand alone, and a closed block below them says of each
whether it is right, and why.
"""

from __future__ import annotations

import re
from typing import NamedTuple

OPTION = re.compile(r"^- \[(?P<mark>[ xX])\] (?P<text>.*)$")
LETTERS = "abcdefghij"


class Option(NamedTuple):
    """One option of a question: is it right, what it says, why (may be empty)."""

    right: bool
    text: str
    why: str

    @classmethod
    def parse(cls, mark: str, words: str) -> Option:
        """Split an item at its first dash between blanks that stands outside of backticks."""
        cut = re.match(r"((?:`[^`]*`|[^`])*?) — (.*)", words, re.DOTALL)
        text, why = (cut[1], cut[2]) if cut else (words, "")
        return cls(mark != " ", text.strip(), why.strip())


def fold_quizzes(text: str) -> str:
    """Return ``text`` with each list of check boxes turned into options and a folded block of answers."""
    done: list[str] = []
    lines = text.split("\n")
    at = 0
    while at < len(lines):
        options, after = read_options(lines, at)
        if options:
            done += render(options)
            at = after
        else:
            done.append(lines[at])
            at += 1
    return "\n".join(done)


def read_options(lines: list[str], at: int) -> tuple[list[Option], int]:
    """Return the options of the list at line ``at``, and the line after it. An item may have several lines."""
    items: list[tuple[str, list[str]]] = []
    while at < len(lines):
        item = OPTION.match(lines[at])
        if item:
            items.append((item["mark"], [item["text"]]))
        elif items and lines[at].startswith("  ") and lines[at].strip():
            items[-1][1].append(lines[at].strip())
        else:
            break
        at += 1
    return [Option.parse(mark, " ".join(words)) for mark, words in items], at


def render(options: list[Option]) -> list[str]:
    """Return the lines of a question's options, and of the closed block that explains each."""
    lines = [f"- **{letter}** · {option.text}" for letter, option in zip(LETTERS, options, strict=False)]
    lines += ["", '??? question "Which is right, and why"', ""]
    for letter, option in zip(LETTERS, options, strict=False):
        verdict = "right" if option.right else "no"
        lines.append(f"    - **{letter}** · *{verdict}*{': ' + option.why if option.why else ''}")
    return lines
