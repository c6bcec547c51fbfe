"""``nsman ls``: every namespace there is."""

from __future__ import annotations

import click

from ..errors import NamespaceError
from ..explore.names import name_pins
from ..explore.rows import COLUMNS, Rows, listing, usual_columns
from ..explore.survey import take_survey
from .common import JSON
from .exploring import KINDS, chosen_kinds, name_all, note_partial, print_json


@click.command("ls")
@KINDS
@click.option("--columns", metavar="C,C…", help="Show these: " + " ".join(COLUMNS))
@click.option("--names", is_flag=True, help="Ask the container engines for names, too (takes longer).")
@JSON
def ls_command(kinds: tuple[str, ...], columns: str | None, names: bool, as_json: bool) -> None:
    """List all namespaces: of processes, threads and next children, of descriptors and mounts, and those above them.

    OWNER is the user namespace that owns it, PARENT is the parent of a pid or user namespace ("-": outside of what
    may be seen from here). HELD is what keeps it alive beside the processes in it; PID is the lowest in it, or that
    of a process that holds it. Every descriptor of every process is looked at. Not found is what only a socket keeps.
    """
    wanted, shown = chosen_kinds(kinds), chosen_columns(columns)
    survey = take_survey()
    (name_all if names else name_pins)(survey)
    spaces = [space for space in survey if space.kind in wanted]
    rows = Rows()
    if as_json:
        print_json({"unreadable": survey.unreadable, "namespaces": [rows.row(space) for space in spaces]})
    else:
        click.echo("\n".join(listing(rows, spaces, shown)))
    note_partial(survey)


def chosen_columns(text: str | None) -> list[str]:
    """Return the columns that the user wants. Raises NamespaceError."""
    if text is None:
        return usual_columns()
    names = [name.strip().lower() for name in text.split(",")]
    for name in names:
        if name not in COLUMNS:
            raise NamespaceError(f"there is no column {name!r}", hint="there are: " + " ".join(COLUMNS))
    return names
