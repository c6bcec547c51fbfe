"""``jailman playground``: what propagates where, measured, beside what the kernel's document says."""

from __future__ import annotations

import json

import click

from ..playground.document import SECTIONS, TABLES
from ..playground.measure import compare
from .common import JSON

_TITLES = {
    "events": "a mount below A (row) or B (column); both were peers of a third mount",
    "unmount": "an unmount below A (row) or B (column)",
    "bind": "mount --bind A B/b: what the new mount is; A (row), B (column)",
    "move": "mount --move A B/b: what A is then; A (row), B (column)",
    "mount": "mount DEVICE B/b: what the new mount is; B (column)",
    "changes": "mount --make-… (column) on a mount that is … (row)",
    "clone": "a new mount namespace: the corresponding mount; ours (column)",
    "systemd": "below shared mounts (systemd makes / so): a mount in a new mount namespace, by what it became first",
    "host": "this machine: what / was before (column), and what it is in a new mount namespace",
}


@click.command()
@JSON
def playground(as_json: bool) -> int:
    """Build peers of every propagation type, in a mount namespace that is thrown away, and see what travels.

    Ends with 1 when this kernel does not do what its document (Documentation/filesystems/sharedsubtree.rst) says, but
    for what is known to differ.
    """
    cells = compare()
    differ = [cell for cell in cells if not cell["equal"]]
    news = int(any(not cell["known"] for cell in differ))
    if as_json:
        click.echo(json.dumps(cells))
        return news
    for name in dict.fromkeys(str(cell["table"]) for cell in cells):
        click.echo("\n".join(draw([cell for cell in cells if cell["table"] == name], name)))
        click.echo()
    told = sum(cell["document"] is not None for cell in cells)
    many = "1 differs" if len(differ) == 1 else f"{len(differ) or 'none'} differ"
    click.echo(f"{told} cells that the document tells of, measured: {many}")
    for cell in differ:
        why = cell["known"] or "nobody has told us of that: the document or the kernel has changed"
        click.echo(f"  {cell['table']}, {cell['row']}, {cell['column']}: {why}")
    return news


def draw(cells: list[dict[str, object]], name: str) -> list[str]:
    """Return the lines of one table; a cell that the document has differently shows both."""
    rows = list(dict.fromkeys(str(cell["row"]) for cell in cells))
    columns = list(dict.fromkeys(str(cell["column"]) for cell in cells))
    texts = {(cell["row"], cell["column"]): text(cell) for cell in cells}
    wide = max(len(word) for word in [*columns, *texts.values()]) + 2
    source = f"  [{SECTIONS[name]}]" if name in TABLES else ""
    lines = [f"{_TITLES[name]}{source}", " " * 20 + "".join(column.ljust(wide) for column in columns)]
    for row in rows:
        cells_of_row = (texts.get((row, column), "").ljust(wide) for column in columns)
        lines.append(f"  {row:18}{''.join(cells_of_row)}")
    return [line.rstrip() for line in lines]


def text(cell: dict[str, object]) -> str:
    """Return what a cell shows."""
    return str(cell["measured"]) if cell["equal"] else f"{cell['measured']} (document: {cell['document']})"
