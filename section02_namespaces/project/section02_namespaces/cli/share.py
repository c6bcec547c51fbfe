"""``nsman share``: demonstrations of how namespaces are shared, kept and owned."""

from __future__ import annotations

import json
import shutil
import sys
import textwrap
from typing import TYPE_CHECKING, Any

import click

from section01_processes import UsageError

from .common import JSON

if TYPE_CHECKING:
    from ..sharing.stage import Fact

#: No line is longer, so that it looks the same on every terminal that is as wide as an old one.
WIDTH = 80


@click.group()
def share() -> None:
    """See how namespaces are shared, kept and owned: guided, with throw-away processes."""


@share.command("list")
@JSON
def share_list(as_json: bool) -> None:
    """List the demonstrations, and what each needs."""
    from ..sharing.catalogue import DEMOS, NEEDS

    first = {name: (demo.__doc__ or "").partition("\n")[0].removeprefix("Show ") for name, demo in DEMOS.items()}
    if as_json:
        click.echo(json.dumps([{"name": name, "shows": text, "needs": NEEDS[name]} for name, text in first.items()]))
        return
    for name, text in first.items():
        click.echo(f"{name:10} {text}\n{'':10} needs {NEEDS[name]}")


@share.command("demo")
@click.argument("name")
@click.option("--step", is_flag=True, help="Wait for Enter before each step.")
@JSON
def share_demo(name: str, step: bool, as_json: bool) -> None:
    """Play demonstration NAME: each step, and what the kernel says afterwards. Nothing is left behind."""
    from ..sharing.catalogue import DEMOS, NEEDS
    from ..sharing.stage import Stage

    if name not in DEMOS:
        raise UsageError(f"no demonstration {name!r}", hint="one of " + ", ".join(DEMOS), exit_code=2)
    if not as_json:
        click.echo(f"{name} (needs {NEEDS[name]})")
    teller = Teller(step=step, quiet=as_json)
    stage = Stage(teller.announce, teller.tell)
    DEMOS[name](stage)
    if as_json:
        click.echo(json.dumps({"demo": name, "steps": stage.steps}))


class Teller:
    """Prints the steps and facts of a demonstration as they come."""

    def __init__(self, *, step: bool, quiet: bool) -> None:
        self._step = step
        self._quiet = quiet
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
        if not self._quiet:
            click.echo(self._fit(f"   {fact.name}: {spoken(fact.value)}   ({fact.source})"))

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
