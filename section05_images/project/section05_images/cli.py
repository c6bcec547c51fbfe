"""imgman: images on the command line. Parses, calls one method of ImageStore, prints."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import click

from section01_processes import format_json, run_tool

from .references import familiar_name
from .store import ImageStore

if TYPE_CHECKING:
    from .core.image import Image


def _default_root() -> str:
    """Return MiniDocker's image folder, so that both tools see the same images."""
    if root := os.environ.get("MINIDOCKER_ROOT"):
        return f"{root}/images"
    if os.geteuid() == 0:
        return "/var/lib/minidocker/images"
    data = os.environ.get("XDG_DATA_HOME") or os.path.expanduser("~/.local/share")
    return f"{data}/minidocker/images"


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--root", default=_default_root, show_default="MiniDocker's", help="Folder of the image store.")
@click.pass_context
def cli(context: click.Context, root: str) -> None:
    """Load, look at and unpack container images."""
    context.obj = ImageStore(root)


@cli.command("ls")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def list_command(store: ImageStore, as_json: bool) -> None:
    """List the images of the store."""
    images = store.list()
    if as_json:
        click.echo(format_json([image.as_dict() for image in images]))
        return
    click.echo(f"{'NAME':<32} {'IMAGE ID':<14} {'CREATED':<22} SIZE")
    for image in images:
        for name in image.short_names or ["<none>"]:
            click.echo(f"{name:<32} {image.id[7:19]:<14} {image.created[:19]:<22} {_size(image.size)}")


@cli.command()
@click.argument("archive")
@click.option("--dry-run", is_flag=True, help="Read and check the archive, add nothing.")
@click.pass_obj
def load(store: ImageStore, archive: str, dry_run: bool) -> None:
    """Load ARCHIVE: from `docker save`, an OCI archive, an OCI layout folder, or - for standard input."""
    if dry_run:
        from .load import preview

        for line in preview(archive):
            click.echo(line)
        return
    for reference in store.load(archive):
        click.echo(f"loaded: {familiar_name(reference)}")


@cli.command("import")
@click.argument("archive")
@click.argument("reference", default="")
@click.option("-c", "--change", "changes", multiple=True, help="A Dockerfile line: CMD, ENTRYPOINT, ENV, …")
@click.pass_obj
def import_command(store: ImageStore, archive: str, reference: str, changes: tuple[str, ...]) -> None:
    """Make the image REFERENCE from ARCHIVE, the tar of a root file system; - is standard input."""
    click.echo(store.import_rootfs(archive, reference, changes))


@cli.command()
@click.argument("reference")
@click.pass_obj
def inspect(store: ImageStore, reference: str) -> None:
    """Print all that is known about an image, as JSON."""
    from json import dumps

    image = store.resolve(reference)
    click.echo(dumps({name: getattr(image, name) for name in image.__slots__}, indent=2))


@cli.command()
@click.argument("reference")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def history(store: ImageStore, reference: str, as_json: bool) -> None:
    """Show the steps that made an image, newest first, with the layer that each left."""
    rows = _history(store.resolve(reference))
    if as_json:
        click.echo(format_json(rows))
        return
    click.echo(f"{'CREATED':<22} {'LAYER':<14} BY")
    for row in rows:
        click.echo(f"{row['created'][:19]:<22} {row['layer'][7:19] or '-':<14} {row['by'][:100]}")


def _history(image: Image) -> list[dict[str, str]]:
    """Pair the config's history with its layers: an entry marked empty_layer left none."""
    layers = iter(image.config["rootfs"]["diff_ids"])
    rows = []
    for entry in image.config.get("history") or []:
        layer = "" if entry.get("empty_layer") else next(layers, "")
        by = entry.get("created_by") or entry.get("comment") or ""
        rows.append({"created": entry.get("created") or "", "layer": layer, "by": by})
    return rows[::-1]


@cli.command()
@click.argument("references", nargs=-1, required=True)
@click.option("-f", "--force", is_flag=True, help="Remove all names of an id, and names of used images.")
@click.option("--dry-run", is_flag=True, help="Say which image it is, remove nothing.")
@click.pass_obj
def rm(store: ImageStore, references: tuple[str, ...], force: bool, dry_run: bool) -> None:
    """Remove images by name or id."""
    for reference in references:
        if dry_run:
            image = store.resolve(reference)
            click.echo(f"would remove {reference}: image {image.id}, names {', '.join(image.names) or 'none'}")
            continue
        for line in store.remove(reference, force=force):
            click.echo(line)


@cli.command()
@click.argument("source")
@click.argument("target")
@click.pass_obj
def tag(store: ImageStore, source: str, target: str) -> None:
    """Give image SOURCE one more name, TARGET."""
    store.tag(source, target)


@cli.command()
@click.option("--repair", is_flag=True, help="Remove what crashed commands left; never an image.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def check(store: ImageStore, repair: bool, as_json: bool) -> None:
    """Check every blob, layer and reference; exit code 1 when something is wrong."""
    problems = store.check(repair=repair)
    click.echo(format_json(problems) if as_json else "\n".join(problems) or "the store is sound")
    sys.exit(1 if problems else 0)


@cli.command()
@click.argument("reference")
@click.argument("folder", type=click.Path())
@click.pass_obj
def unpack(store: ImageStore, reference: str, folder: str) -> None:
    """Write the merged root of an image into the new FOLDER."""
    for warning in store.unpack(reference, folder):
        click.echo(f"imgman: warning: {warning}", err=True)


@cli.command(hidden=True)
@click.argument("reference")
@click.pass_obj
def pull(store: ImageStore, reference: str) -> None:
    """Say that there is no registry client yet."""
    store.pull(reference)


def _size(size: float) -> str:
    """Return a number of bytes as people read it, in powers of 1000 as Docker does."""
    units = ["B", "kB", "MB", "GB", "TB"]
    while size >= 999.5 and len(units) > 1:
        size /= 1000
        del units[0]
    return f"{size:.3g}{units[0]}"


def main() -> None:
    """Run imgman: the entry point."""
    run_tool(cli, "imgman")


if __name__ == "__main__":
    main()
