"""``nsman diff``: which namespaces two processes share."""

from __future__ import annotations

from typing import Any

import click

from ..explore.compare import compare
from ..explore.rows import Rows, table
from ..explore.survey import take_survey
from ..targets import resolve_target
from .common import JSON
from .exploring import name_all, print_json


@click.command()
@click.argument("left", metavar="PID")
@click.argument("right", metavar="PID")
@JSON
def diff(left: str, right: str, as_json: bool) -> int:
    """Compare the namespaces of two processes, each a pid, self, or a container's name.

    Ends with 0 when they are in the same namespaces of every kind, with 1 when they differ, with 125 when it cannot
    be told.
    """
    pids = [resolve_target(text) for text in (left, right)]
    found = compare(*pids)
    survey = take_survey(descriptors=False)
    name_all(survey)
    names = {space.inode: space.name for space in survey if space.name}
    rows = [
        {
            "kind": one.kind, "same": one.same,
            "left": one.left, "left_name": names.get(one.left or 0),
            "right": one.right, "right_name": names.get(one.right or 0),
        }
        for one in found
    ]  # fmt: skip
    if as_json:
        print_json({"left": pids[0], "right": pids[1], "same": all(one.same for one in found), "namespaces": rows})
    else:
        click.echo("\n".join(lines(rows, pids)))
    return int(not all(one.same for one in found))


def lines(rows: list[dict[str, Any]], pids: list[int]) -> list[str]:
    """Return the comparison as a table."""
    processes = Rows()
    titles = ["KIND", "", *(f"{pid} {processes.process(pid)[0]}".strip() for pid in pids)]
    cells = [[row["kind"], "same" if row["same"] else "differs", side(row, "left"), side(row, "right")] for row in rows]
    return table(titles, cells)


def side(row: dict[str, Any], which: str) -> str:
    """Return a side's namespace: its inode, and its name where it has one."""
    return " ".join(str(word) for word in (row[which], row[f"{which}_name"]) if word) or "-"
