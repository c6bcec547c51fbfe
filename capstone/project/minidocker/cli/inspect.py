"""``minidocker inspect``."""

from __future__ import annotations

import click

from minidocker.engine.base import Engine

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


@click.command()
@click.option("--format", "-f", "form", metavar="TEMPLATE", default="", help="Such as '{{.State.Status}}', or json.")
@click.option("--type", "kind", type=click.Choice(["container", "image", "volume"]), help="What is meant.")
@click.argument("names", nargs=-1, required=True)
@click.pass_obj
def inspect(root: str, form: str, kind: str | None, names: tuple[str, ...]) -> int:
    """Show everything about containers, images or volumes."""
    import json

    from minidocker.engine.inspect import render
    from section01_processes import LcmError

    engine = Engine(root)
    found, failed = [], 0
    for name in names:
        try:
            found.append(_find(engine, name, kind))
        except LcmError as error:
            click.echo(f"minidocker: error: {error}", err=True)
            failed = 1
    if form and form != "json":
        for value in found:
            click.echo(render(form, value))
    else:
        click.echo(json.dumps(found, indent=None if form else 4))
    return failed


def _find(engine: Engine, name: str, kind: str | None) -> dict[str, Any]:
    """Return the container, image or volume ``name``, in this order. Raises NoSuchContainer and friends."""
    from minidocker.engine.inspect import inspect_container, inspect_image
    from minidocker.engine.settle import settled
    from minidocker.engine.volumes import inspect_volume
    from minidocker.errors import EngineError, NoSuchContainer, NoSuchVolume
    from section05_images import BadReference, ImageNotFound

    if kind in {None, "container"}:
        try:
            return inspect_container(engine, settled(engine, name))
        except NoSuchContainer:
            if kind:
                raise
    if kind in {None, "image"}:
        try:
            return inspect_image(engine, name)
        except (ImageNotFound, BadReference):
            if kind:
                raise
    try:
        return inspect_volume(engine, name)
    except NoSuchVolume:
        if kind:
            raise
    raise EngineError(f"no such object: {name}")
