"""procman ps: the processes of this pid namespace, or those that have a name."""

from __future__ import annotations

import json
from typing import Any

import click

from ..core.tree import ProcessTree
from ..manager.managed import read_all
from ..views.text import harmless
from .common import JSON, complain, row, state


@click.command()
@JSON
@click.option("-m", "--managed", is_flag=True, help="The named ones, with restarts, uptime and exit code.")
@click.option("--zombies", is_flag=True, help="Only the dead that nobody has waited for (LCM-PROC-06).")
def ps(as_json: bool, managed: bool, zombies: bool) -> None:
    """List the processes of this pid namespace."""
    found, problems = read_all(state())
    complain([*(one.complaint() for one in found), *map(str, problems)])
    if managed:
        rows = [one.as_dict() for one in found]
    else:
        tree = ProcessTree.read()
        rows = [row(stat) for stat in (tree.zombies() if zombies else tree.processes.values())]
        rows.sort(key=lambda fields: fields["pid"])
    if as_json:
        click.echo(json.dumps(rows))
    elif managed:
        print_managed(rows)
    else:
        print_processes(rows)


def print_processes(rows: list[dict[str, Any]]) -> None:
    """Print one line per process."""
    click.echo(f"{'PID':>7} {'PPID':>7} {'PGID':>7} {'SID':>7} {'TTY':8} {'STATE':10} {'RSS KiB':>8} COMMAND")
    for fields in rows:
        command = harmless(fields["command"])
        click.echo(
            f"{fields['pid']:7} {fields['parent']:7} {fields['group']:7} {fields['session']:7} "
            f"{fields['terminal'] or '-':8} {fields['state']:10} {fields['memory'] // 1024:8} {command}"
        )


def print_managed(rows: list[dict[str, Any]]) -> None:
    """Print one line per named process."""
    width = max([4, *(len(fields["name"]) for fields in rows)])
    click.echo(
        f"{'NAME':{width}} {'PID':>7} {'STATE':10} {'RESTARTS':>8} {'UPTIME':>8} {'EXIT':>4} {'POLICY':14} COMMAND"
    )
    for fields in rows:
        code = "-" if fields["exit_code"] is None else fields["exit_code"]
        click.echo(
            f"{fields['name']:{width}} {fields['pid'] or '-':>7} {fields['state']:10} {fields['restarts']:8} "
            f"{duration(fields['uptime']):>8} {code:>4} {fields['policy']:14} {harmless(fields['command'])}"
        )


def duration(seconds: float | None) -> str:
    """Return seconds as two units: ``42s``, ``5m07s``, ``3h12m``, ``9d04h``; ``-`` for None."""
    if seconds is None:
        return "-"
    whole = int(seconds)
    for size, unit, small, word in ((86400, "d", 3600, "h"), (3600, "h", 60, "m"), (60, "m", 1, "s")):
        if whole >= size:
            return f"{whole // size}{unit}{whole % size // small:02}{word}"
    return f"{whole}s"
