"""``nsman inspect``: the namespaces of one process."""

from __future__ import annotations

import json

import click

from ..core.kinds import namespaces_of
from ..namespace import Namespace
from ..targets import resolve_target
from .common import JSON


@click.command()
@click.argument("target", metavar="PID|NAME")
@JSON
def inspect(target: str, as_json: bool) -> None:
    """Show the namespaces of a process: their owner, their parent, and whether they are the caller's."""
    pid = resolve_target(target)
    spaces = [Namespace.of(pid, name) for name in namespaces_of("self")]  # the kinds that this kernel has
    rows = [
        {
            "kind": space.kind.name,
            "inode": space.inode,
            "shared": space.inode == Namespace.of("self", space.kind.name).inode,
            "owner": space.owner(),
            "parent": space.parent(),
            "owner_uid": space.owner_uid(),
            "isolates": space.kind.isolates,
        }
        for space in spaces
    ]
    maps = {name: read_map(pid, name) for name in ("uid_map", "gid_map")}
    if as_json:
        click.echo(json.dumps({"namespaces": rows, **maps}))
        return
    click.echo(f"{'KIND':7} {'INODE':>10} {'OURS':4} {'OWNER':>10} {'PARENT':>10} ISOLATES")
    for fields in rows:
        ours, owner, parent = "yes" if fields["shared"] else "no", fields["owner"] or "-", fields["parent"] or "-"
        shown = f"{fields['kind']:7} {fields['inode']:10} {ours:4} {owner:>10} {parent:>10}"
        click.echo(f"{shown} {fields['isolates']}")
    for name, lines in maps.items():
        click.echo(f"{name}: " + "; ".join(" ".join(map(str, line)) for line in lines))


def read_map(pid: int, name: str) -> list[list[int]]:
    """Return the lines (inside, outside, count) of a process's id map."""
    with open(f"/proc/{pid}/{name}", encoding="ascii") as file:
        return [[int(word) for word in line.split()] for line in file]
