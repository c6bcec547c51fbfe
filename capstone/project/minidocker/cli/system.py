"""``minidocker system check`` and ``tiny``."""

from __future__ import annotations

import click

from minidocker.engine.base import Engine


@click.group()
def system() -> None:
    """Look after the state."""


@system.command()
@click.option("--repair", is_flag=True, help="Remove what should not be there.")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@click.pass_obj
def check(root: str, repair: bool, as_json: bool) -> int:
    """List what containers that are gone left behind; exit 1 when there is something."""
    from minidocker.engine.check import check as check_state

    from ._table import print_json_lines

    findings = check_state(Engine(root), repair=repair)
    if as_json:
        print_json_lines([finding.as_dict() for finding in findings])
    else:
        for finding in findings:
            click.echo(f"{finding.kind:10} {finding.what}{'  removed' if finding.repaired else ''}")
        if not findings:
            click.echo("nothing is left behind")
    return int(any(not finding.repaired for finding in findings))


@system.command()
@click.pass_obj
def tiny(root: str) -> None:
    """Make the embedded image `tiny` from this host's programs (once); print its id."""
    from minidocker.engine.images import tiny as make_tiny

    click.echo(make_tiny(Engine(root)))
