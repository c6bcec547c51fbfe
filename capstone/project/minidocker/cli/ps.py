"""``minidocker ps``."""

from __future__ import annotations

from minidocker.engine.base import Engine
from minidocker.engine.listing import containers

from ._echo import echo
from ._table import print_json_lines, print_table, shown_template


def ps(
    root: str,
    everything: bool,
    filters: tuple[str, ...],
    form: str,
    last: int,
    latest: bool,
    no_trunc: bool,
    quiet: bool,
) -> None:
    """List containers."""
    rows = containers(Engine(root), everything=everything, last=1 if latest else last, filters=filters)
    for row in rows:
        row["ID"] = row["ID"] if no_trunc else row["ID"][:12]
        command = row["Command"] if no_trunc or len(row["Command"]) <= 20 else row["Command"][:19] + "…"
        row["Command"] = '"' + command.replace("\n", " ") + '"'
    if quiet:
        for row in rows:
            echo(row["ID"])
    elif form == "json":
        print_json_lines(rows)
    elif form and form != "table":
        shown_template(form, rows)
    else:
        columns = ("ID", "Image", "Command", "RunningFor", "Status", "Ports", "Names")
        print_table(("CONTAINER ID", "IMAGE", "COMMAND", "CREATED", "STATUS", "PORTS", "NAMES"), columns, rows)
