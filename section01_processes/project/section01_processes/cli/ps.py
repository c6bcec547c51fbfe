"""procman ps: the processes of this pid namespace."""

from __future__ import annotations

import json

import click

from ..core.tree import ProcessTree
from .common import JSON, row


@click.command()
@JSON
@click.option("--zombies", is_flag=True, help="Only the dead that nobody has waited for (LCM-PROC-06).")
def ps(as_json: bool, zombies: bool) -> None:
    """List the processes of this pid namespace."""
    tree = ProcessTree.read()
    rows = [row(stat) for stat in (tree.zombies() if zombies else tree.processes.values())]
    rows.sort(key=lambda fields: fields["pid"])
    if as_json:
        click.echo(json.dumps(rows))
        return
    click.echo(f"{'PID':>7} {'PPID':>7} {'PGID':>7} {'SID':>7} {'TTY':8} {'STATE':10} {'RSS KiB':>8} COMMAND")
    for fields in rows:
        click.echo(
            f"{fields['pid']:7} {fields['parent']:7} {fields['group']:7} {fields['session']:7} "
            f"{fields['terminal'] or '-':8} {fields['state']:10} {fields['memory'] // 1024:8} {fields['command']}"
        )
