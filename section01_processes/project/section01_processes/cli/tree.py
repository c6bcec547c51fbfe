"""procman tree: who is whose child, drawn."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from ..core.tree import ProcessTree
from ..tool import process_id
from .common import JSON, row

if TYPE_CHECKING:
    from rich.tree import Tree


@click.command()
@click.argument("pid", type=process_id, required=False)
@JSON
def tree(pid: int | None, as_json: bool) -> None:
    """Draw who is whose child, from PID on (default: everybody)."""
    picture = ProcessTree.read()
    roots = [pid] if pid else picture.roots()
    if as_json:
        walks = (item for root in roots for item in picture.walk(root))
        click.echo(json.dumps([{"depth": depth, **row(stat)} for depth, stat in walks]))
        return
    from rich.console import Console

    console = Console(highlight=False, soft_wrap=True)
    for root in roots:
        console.print(draw(picture, root))


def draw(picture: ProcessTree, root: int) -> Tree:
    """Return the drawing of ``root`` and its descendants."""
    from rich.text import Text
    from rich.tree import Tree

    nodes: list[Tree] = []
    for depth, stat in picture.walk(root):
        label = Text(f"{stat.pid} {stat.comm}" + (" (zombie)" if stat.state == "Z" else ""))
        node = nodes[depth - 1].add(label) if depth else Tree(label)
        nodes[depth:] = [node]
    return nodes[0]
