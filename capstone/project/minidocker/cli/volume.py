"""``minidocker volume create``, ``ls``, ``inspect`` and ``rm``."""

from __future__ import annotations

import click

from minidocker.engine import volumes as v
from minidocker.engine.base import Engine


@click.group()
def volume() -> None:
    """Create, list, inspect and remove volumes."""


@volume.command()
@click.option("--label", multiple=True, metavar="NAME=VALUE", help="Set a label.")
@click.argument("name", default="")
@click.pass_obj
def create(root: str, name: str, label: tuple[str, ...]) -> None:
    """Make a volume; without NAME a random one."""
    from minidocker.translate.view import parse_labels

    click.echo(v.create_volume(Engine(root), name, parse_labels(label)))


@volume.command()
@click.option("--format", "form", metavar="FORMAT", default="", help="json, or a template such as '{{.Name}}'.")
@click.option("--quiet", "-q", is_flag=True, help="Only names.")
@click.pass_obj
def ls(root: str, form: str, quiet: bool) -> None:
    """List volumes."""
    from ._table import print_json_lines, print_table, shown_template

    rows = v.list_volumes(Engine(root))
    if quiet:
        for row in rows:
            click.echo(row["Name"])
    elif form == "json":
        print_json_lines(rows)
    elif form and form != "table":
        shown_template(form, rows)
    else:
        print_table(("DRIVER", "VOLUME NAME"), ("Driver", "Name"), rows)


@volume.command()
@click.option("--format", "-f", "form", metavar="TEMPLATE", default="", help="Such as '{{.Mountpoint}}'.")
@click.argument("names", nargs=-1, required=True)
@click.pass_obj
def inspect(root: str, form: str, names: tuple[str, ...]) -> None:
    """Show everything about volumes."""
    import json

    from minidocker.engine.inspect import render

    found = [v.inspect_volume(Engine(root), name) for name in names]
    if form:
        for value in found:
            click.echo(render(form, value))
    else:
        click.echo(json.dumps(found, indent=4))


@volume.command()
@click.option("--force", "-f", is_flag=True, help="Do not mind volumes that are not there.")
@click.argument("names", nargs=-1, required=True)
@click.pass_obj
def rm(root: str, force: bool, names: tuple[str, ...]) -> int:
    """Remove volumes that no container uses."""
    from minidocker.engine.settle import settle
    from minidocker.errors import NoSuchVolume

    from ._each import each

    engine = Engine(root)
    settle(engine)

    def remove(name: str) -> None:
        try:
            v.remove_volume(engine, name)
        except NoSuchVolume:
            if not force:
                raise

    return each(names, remove)
