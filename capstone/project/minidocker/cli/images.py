"""``minidocker images``, ``load``, ``import``, ``rmi`` and ``pull``."""

from __future__ import annotations

import os
import sys

import click

from minidocker.engine.base import Engine

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeVar

    T = TypeVar("T")


@click.command()
@click.option("--format", "form", metavar="FORMAT", default="", help="json, or a template such as '{{.Repository}}'.")
@click.option("--no-trunc", is_flag=True, help="Do not shorten.")
@click.option("--quiet", "-q", is_flag=True, help="Only ids.")
@click.option("--all", "-a", is_flag=True, hidden=True)
@click.argument("name", default="")
@click.pass_obj
def images(root: str, form: str, no_trunc: bool, quiet: bool, all: bool, name: str) -> None:  # noqa: A002, ARG001
    """List images, or those called NAME."""
    from minidocker.engine.listing import images as list_images

    from ._table import print_json_lines, print_table, shown_template

    rows = list_images(Engine(root))
    if name:
        rows = [row for row in rows if name in {row["Repository"], f"{row['Repository']}:{row['Tag']}"}]
    for row in rows:
        row["ID"] = row["ID"] if no_trunc else row["ID"].removeprefix("sha256:")[:12]
    if quiet:
        for identity in dict.fromkeys(row["ID"] for row in rows):
            click.echo(identity)
    elif form == "json":
        print_json_lines(rows)
    elif form and form != "table":
        shown_template(form, rows)
    else:
        titles = ("REPOSITORY", "TAG", "IMAGE ID", "CREATED", "SIZE")
        print_table(titles, ("Repository", "Tag", "ID", "CreatedSince", "Size"), rows)


@click.command()
@click.option("--input", "-i", "source", metavar="FILE", default="-", help="Archive or folder (default: stdin).")
@click.option("--quiet", "-q", is_flag=True, help="Print nothing.")
@click.pass_obj
def load(root: str, source: str, quiet: bool) -> None:
    """Load images from what `docker save`, skopeo or umoci wrote."""
    from section05_images import familiar_name

    if source == "-" and os.isatty(0):
        raise click.UsageError("stdin is a terminal: give an archive with --input or by <")
    engine = Engine(root)
    engine.root.prepare()
    for name in _read(source, lambda: engine.images.load(source)):
        if not quiet:
            plain = name.startswith("sha256:")
            click.echo(f"Loaded image ID: {name}" if plain else f"Loaded image: {familiar_name(name)}")


@click.command(name="import")
@click.option("--change", "-c", multiple=True, metavar="INSTRUCTION", help="Apply CMD, ENTRYPOINT, ENV, …")
@click.argument("source", metavar="FILE|-")
@click.argument("name", default="")
@click.pass_obj
def import_(root: str, change: tuple[str, ...], source: str, name: str) -> None:
    """Make an image called NAME of a root file system's tar archive."""
    engine = Engine(root)
    engine.root.prepare()
    click.echo(_read(source, lambda: engine.images.import_rootfs(source, name, change)))


def _read(source: str, read: Callable[[], T]) -> T:
    """Return what ``read`` returns; an error about the archive says which one it was."""
    from section05_images import ArchiveError

    try:
        return read()
    except ArchiveError as error:
        name = "standard input" if source == "-" else source
        if name not in error.message:
            error.message = f"{name}: {error.message}"
        raise


@click.command()
@click.option("--force", "-f", is_flag=True, help="Also when it has more than one name.")
@click.argument("names", nargs=-1, required=True)
@click.pass_obj
def rmi(root: str, force: bool, names: tuple[str, ...]) -> int:
    """Remove images."""
    from minidocker.engine.images import remove_image

    from ._each import each

    engine = Engine(root)
    return each(names, lambda name: "\n".join(remove_image(engine, name, force=force)))


@click.command()
@click.argument("name")
def pull(name: str) -> None:
    """Not yet: there is no registry client so far."""
    from minidocker.errors import NotSupported

    hint = "`docker save` it elsewhere and `minidocker load` it, or `minidocker import` a root file system"
    click.echo(f"minidocker: error: {NotSupported(f'cannot pull {name}: not yet', hint=hint)}", err=True)
    sys.exit(1)
