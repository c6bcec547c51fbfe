"""``jailman create``: a root file system with a name."""

from __future__ import annotations

import click

from ..jails import Jails
from .common import DRY_RUN


@click.command()
@click.argument("name")
@click.option("--from", "source", default="host", metavar="host|DIR", help="The host's programs, or a copy of DIR.")
@click.option("--program", "programs", multiple=True, metavar="P", help="One more program of the host (repeatable).")
@DRY_RUN
@click.pass_obj
def create(jails: Jails, name: str, source: str, programs: tuple[str, ...], dry_run: bool) -> None:
    """Make the jail NAME."""
    if dry_run:
        click.echo(f"would make {jails.root(name, exists=False)} from {source} {' '.join(programs)}".rstrip())
        return
    click.echo(jails.create(name, source, programs))
