"""``jailman rm``: a jail goes."""

from __future__ import annotations

import click

from ..jails import Jails
from .common import DRY_RUN


@click.command()
@click.argument("name")
@DRY_RUN
@click.pass_obj
def rm(jails: Jails, name: str, dry_run: bool) -> None:
    """Remove the jail NAME."""
    if dry_run:
        click.echo(f"would remove {jails.root(name)}")
        return
    jails.remove(name)
