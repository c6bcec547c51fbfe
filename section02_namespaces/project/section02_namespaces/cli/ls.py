"""``nsman ls``: every namespace there is."""

from __future__ import annotations

import json
from typing import Any

import click

from ..core.kinds import KINDS
from ..namespace import Namespace, list_namespaces
from .common import JSON


@click.command("ls")
@click.option("--kind", default="", metavar="KIND", help="Only this kind: " + " ".join(k.name for k in KINDS))
@JSON
def ls_command(kind: str, as_json: bool) -> None:
    """List the namespaces that some process is in."""
    rows = [row(space) for space in list_namespaces(kind)]
    if as_json:
        click.echo(json.dumps(rows))
        return
    click.echo(f"{'INODE':>10} {'KIND':7} {'PROCESSES':>9} {'PID':>7} COMMAND")
    for fields in rows:
        shown = f"{fields['inode']:10} {fields['kind']:7} {fields['processes']:9} {fields['pid']:7}"
        click.echo(f"{shown} {fields['command']}")


def row(space: Namespace) -> dict[str, Any]:
    """Return one line of ``ls``; the process shown is the one with the lowest pid."""
    pid = space.pids[0]
    try:
        with open(f"/proc/{pid}/comm", encoding="utf-8", errors="replace") as file:
            command = file.read().rstrip("\n")
    except OSError:
        command = ""
    return {
        "inode": space.inode,
        "kind": space.kind.name,
        "processes": len(space.pids),
        "pid": pid,
        "command": command,
    }
