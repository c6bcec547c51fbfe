"""What several commands share: options and the jails' place.

What belongs here: what two or more files of this folder need. What does not: commands.
"""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import click

from ..occupants import Occupants

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..jails import Jail

JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
DRY_RUN = click.option("--dry-run", is_flag=True, help="Show the steps and do nothing.")


def print_json(value: Any) -> None:
    """Print ``value`` as JSON; what is no text in a name (bytes that are not UTF-8) is escaped."""
    click.echo(json.dumps(value))


def jail_as_dict(jail: Jail) -> dict[str, Any]:
    """Return a jail as a row of ``ls``; ``size`` in bytes, ``pids`` of the processes inside now."""
    return {
        "name": jail.name,
        "root": jail.root,
        "source": jail.source,
        "created": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(jail.created)),
        "size": jail.size(),
        "programs": jail.programs,
        "pids": Occupants.of(jail.root).pids,
    }


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return the rows below their headings, in columns."""
    rows = [[printable(word) for word in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    lines = ["  ".join(map(str.ljust, row, widths)).rstrip() for row in (head, *rows)]
    return "\n".join(lines)


def printable(text: str) -> str:
    """Return ``text`` with what would break a line or move the cursor written as an escape."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape", "surrogatepass").decode() for c in text)
