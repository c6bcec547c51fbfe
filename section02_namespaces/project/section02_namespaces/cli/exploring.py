"""What the commands of the explorer share: which kinds, JSON, and the word about what could not be seen.

What belongs here: what two or more of ls, tree, inspect, diff, find and watch need. What does not: commands.
"""

from __future__ import annotations

import os
from typing import Any

import click

from ..core import kinds as k
from ..explore.model import Survey

KINDS = click.option(
    "--kind", "--type", "-t", "kinds", multiple=True, metavar="KIND",
    help="Only this kind (may be given again): " + " ".join(kind.name for kind in k.KINDS),
)  # fmt: skip


def chosen_kinds(kinds: tuple[str, ...]) -> list[str]:
    """Return the kernel's names of ``kinds``, of all kinds when none is given. Raises NamespaceError."""
    return [k.kind_named(kind).name for kind in kinds] or [kind.name for kind in k.KINDS]


def print_json(value: Any) -> None:
    """Print ``value`` as JSON in one line."""
    import json

    click.echo(json.dumps(value))


def note_partial(survey: Survey) -> None:
    """Say on standard error when there were processes that we may not look at."""
    if survey.unreadable:
        many = f"{survey.unreadable} process{'es' if survey.unreadable > 1 else ''} could not be read"
        advice = "run as root" if os.geteuid() else "they have rights that we lack"
        click.echo(f"nsman: partial view: {many} ({advice})", err=True)
