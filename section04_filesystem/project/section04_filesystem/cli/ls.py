"""``jailman ls``: the jails there are."""

from __future__ import annotations

import click

from ..jails import Jails
from .common import JSON, jail_as_dict, print_json, table


@click.command("ls")
@JSON
@click.pass_obj
def ls_command(jails: Jails, as_json: bool) -> None:
    """List the jails: name, size on disk, when and from what it was made, which processes are inside."""
    rows = [jail_as_dict(jail) for jail in jails.all()]
    if as_json:
        print_json(rows)
        return
    lines = [(row["name"], f"{row['size'] / 1e6:.1f} MB", row["created"], row["source"],
              " ".join(map(str, row["pids"])) or "-") for row in rows]  # fmt: skip
    click.echo(table(("NAME", "SIZE", "CREATED", "SOURCE", "PIDS"), lines))
