"""The audience's side of a demonstration: its steps and facts, printed as they come, in lines that fit the terminal.

What belongs here: how a step and a fact look. What does not: what they say (``stage.py``). Slow path (click).
"""

from __future__ import annotations

import shutil
import sys
import textwrap
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from .stage import Fact

#: No line of a demonstration is longer, so that it looks the same on every terminal that is as wide as an old one.
WIDTH = 80


class Teller:
    """Prints the steps and facts of a demonstration as they come; its methods are what ``Stage`` is made with."""

    def __init__(self, *, step: bool, quiet: bool, source_apart: bool = True) -> None:
        """``step``: wait for Enter before each step. ``quiet``: print nothing, as JSON comes at the end.

        ``source_apart``: a source that does not fit behind its fact begins a line of its own.
        """
        self._step = step
        self._quiet = quiet
        self._source_apart = source_apart
        self._number = 0
        self._width = min(WIDTH, shutil.get_terminal_size((WIDTH, 24)).columns)

    def announce(self, text: str) -> None:
        """Print what comes next; with ``step`` wait for Enter before it does."""
        self._number += 1
        if not self._quiet:
            click.echo(self._fit(f"{self._number}. {text}"))
        if self._step:
            click.echo("   Enter goes on, Ctrl-C ends: ", nl=False, err=True)
            if not sys.stdin.readline():
                self._step = False
                click.echo(err=True)

    def tell(self, fact: Fact) -> None:
        """Print what the kernel says, and where it says so."""
        if self._quiet:
            return
        text, source = f"   {fact.name}: {spoken(fact.value)}", f"({fact.source})"
        whole = f"{text}   {source}"
        if len(whole) <= self._width:
            click.echo(whole)
        elif self._source_apart:
            click.echo(f"{self._fit(text)}\n{self._fit(' ' * 6 + source)}")
        else:
            click.echo(self._fit(whole))

    def _fit(self, text: str) -> str:
        """Return ``text`` in lines of the terminal's width, broken between words only; the next ones are indented."""
        indent = " " * (len(text) - len(text.lstrip()) + 3)
        return textwrap.fill(
            text, self._width, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
        )


def spoken(value: Any) -> str:
    """Return a fact's value for people."""
    if isinstance(value, list):
        return " ".join(map(str, value)) or "none"
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)
