"""``jailman mounts``: the mounts that a process sees."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from ..errors import FilesystemError
from ..mountinfo import MountTable
from .common import JSON

if TYPE_CHECKING:
    from rich.tree import Tree

    from ..mountinfo import Mount


@click.command()
@click.argument("pid", default="self")
@JSON
def mounts(pid: str, as_json: bool) -> None:
    """Draw the mounts that process PID sees (default: this one), with their propagation."""
    if pid != "self" and not pid.isdecimal():
        raise FilesystemError(f"{pid!r} is no process id")
    table = MountTable.of(pid)
    if as_json:
        click.echo(json.dumps([mount.as_dict() for mount in table]))
        return
    from rich.console import Console

    console = Console(highlight=False, soft_wrap=True)
    known = {mount.id for mount in table}
    for mount in table:
        if mount.parent not in known or mount.parent == mount.id:
            console.print(draw(table, mount))


def draw(table: MountTable, mount: Mount) -> Tree:
    """Return the drawing of ``mount`` and those below it."""
    from rich.text import Text
    from rich.tree import Tree

    words = f"{mount.target}  {mount.fstype} {mount.source} {','.join(mount.flags)}"
    tree = Tree(Text(f"{words}  [{mount.propagation}]"))
    for child in table.children(mount):
        tree.add(draw(table, child))
    return tree
