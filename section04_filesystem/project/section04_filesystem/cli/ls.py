"""``jailman ls``: the jails there are."""

from __future__ import annotations

import json

import click

from ..jails import Jails
from .common import JSON


@click.command("ls")
@JSON
@click.pass_obj
def ls_command(jails: Jails, as_json: bool) -> None:
    """List the jails."""
    rows = [{"name": name, "root": jails.root(name)} for name in jails.names()]
    if as_json:
        click.echo(json.dumps(rows))
        return
    for row in rows:
        click.echo(f"{row['name']:20} {row['root']}")
