"""``jailman loop``: files as disks."""

from __future__ import annotations

import json
import re

import click

from section01_processes import Plan, UsageError, describe_plan

from ..images import MAKERS, create_image, plan_create
from ..loops import DEVICE, detach_loop, list_loops, plan_attach
from .bind import carry_out
from .common import DRY_RUN, JSON

_LARGEST = (1 << 63) - 1  # off_t
_UNITS = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40}


def size(text: str) -> int:
    """Return the bytes that a user wrote: 64M, 1g, 4096. Raises UsageError."""
    found = re.fullmatch(r"(\d+)\s*([kmgt]?)(?:i?b)?", text.strip().lower(), re.ASCII)
    if not found:
        raise UsageError(f"{text!r} is no size: 64M, 1G, 4096", exit_code=2)
    number = int(found[1]) * _UNITS[found[2]] if len(found[1]) < 20 else _LARGEST + 1
    if number > _LARGEST:
        raise UsageError(f"{text!r} is more than the 8 EiB that a file can have", exit_code=2)
    return number


@click.group()
def loop() -> None:
    """Files as disks: make an image, attach it to a loop device, let go of it."""


@loop.command()
@click.argument("image")
@click.option("--size", "text", default="64M", show_default=True, metavar="N[KMG]", help="Its size, which is a limit.")
@click.option("--fs", "fstype", type=click.Choice(list(MAKERS)), default="ext4", show_default=True)
@click.option("--from", "source", default="", metavar="DIR", help="What it holds from the start.")
@DRY_RUN
def create(image: str, text: str, fstype: str, source: str, dry_run: bool) -> None:
    """Make the file IMAGE with a file system in it, by the host's mkfs."""
    if dry_run:
        click.echo("\n".join(describe_plan(Plan("cli", plan_create(image, size(text), fstype, source)))))
        return
    create_image(image, size(text), fstype, source)


@loop.command()
@click.argument("image")
@click.option("--read-only", is_flag=True)
@click.option("--offset", default="0", metavar="N[KMG]", help="Where in the file the disk begins.")
@click.option("--mount", "target", default="", metavar="DIR", help="Mount it, too; then it ends with the mount.")
@DRY_RUN
def attach(image: str, read_only: bool, offset: str, target: str, dry_run: bool) -> None:
    """Attach IMAGE to a free loop device, and print which."""
    plan = Plan("cli", plan_attach(image, read_only=read_only, offset=size(offset), target=target))
    if slots := carry_out(plan, False, dry_run):
        click.echo(slots[DEVICE.name].path)


@loop.command()
@click.argument("name", metavar="DEVICE|IMAGE")
@DRY_RUN
def detach(name: str, dry_run: bool) -> None:
    """Detach a device; one that is in use goes when its last user does."""
    if dry_run:
        click.echo(f"would detach {name}")
        return
    path, users = detach_loop(name)
    click.echo(f"{path} detached" if not users else f"{path} will be detached when nobody uses it: {users}")


@loop.command("ls")
@JSON
def ls_loops(as_json: bool) -> None:
    """List the attached devices."""
    rows = list(list_loops())
    if as_json:
        click.echo(json.dumps(rows))
        return
    for row in rows:
        words = [word for word in ("read_only", "autoclear") if row[word]]
        words += [f"offset={row['offset']}"] if row["offset"] else []
        mounted = row["mounted"] if isinstance(row["mounted"], list) else []
        words += [f"mounted={target!r}" for target in mounted]
        click.echo(f"{row['device']:12} {row['file']!r} {' '.join(words)}".rstrip())
