"""Tables as Docker prints them: columns three spaces apart, and the two other formats.

What belongs here: printing rows. What does not: what is in them.
"""

from __future__ import annotations

from ._echo import echo

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def print_table(titles: tuple[str, ...], keys: tuple[str, ...], rows: list[dict[str, Any]]) -> None:
    """Print the ``keys`` of every row below ``titles``."""
    lines = [titles, *(tuple(str(row[key]) for key in keys) for row in rows)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(titles))]
    for line in lines:
        cells = [cell.ljust(width) for cell, width in zip(line, widths, strict=True)]
        echo("   ".join(cells).rstrip())


def print_json_lines(rows: list[dict[str, Any]]) -> None:
    """Print one JSON object per row."""
    from section01_processes import format_json

    for row in rows:
        echo(format_json(row))


def shown_template(form: str, rows: list[dict[str, Any]]) -> None:
    """Print each row through a Go template; ``table …`` prints no titles here."""
    from minidocker.engine.inspect import render

    for row in rows:
        echo(render(form.removeprefix("table "), row))
