"""``jailman create``: a root file system with a name."""

from __future__ import annotations

import os
import shutil

import click

from section01_processes import Recorder, describe_plan, warn

from ..jailplans import PATH
from ..jails import Jails
from .common import DRY_RUN, JSON, jail_as_dict, print_json


@click.command()
@click.argument("name")
@click.option("--from", "source", default="host", metavar="host|DIR|TAR", show_default=True,
              help="The host's programs, a copy of DIR, or what TAR holds (plain, gz, bz2, xz).")  # fmt: skip
@click.option("--with", "programs", multiple=True, metavar="PROG", help="One more program of the host (repeatable).")
@DRY_RUN
@JSON
@click.pass_obj
def create(jails: Jails, name: str, source: str, programs: tuple[str, ...], dry_run: bool, as_json: bool) -> None:
    """Make the jail NAME; print where its root is.

    From the host: busybox if there is one, else a shell and a few programs; and PROG, each with its interpreter and
    libraries, which are read from the files: nothing is executed. A folder called host is ./host.
    """
    if dry_run:
        click.echo("\n".join(describe_plan(jails.plan_create(name, source, programs))))
        return
    jail = jails.create(name, source, programs, Recorder(-1, "cli", os.environ.get("LCM_CRASH", "")))
    for text in [*jail.warnings, *beyond_path(programs)]:
        warn(text)
    if as_json:
        print_json(jail_as_dict(jail))
    else:
        click.echo(jail.root)


def beyond_path(programs: tuple[str, ...]) -> list[str]:
    """Return a warning for each of the host's ``programs`` that is found here by its name, and not so in a jail."""
    found = [shutil.which(name) for name in programs if "/" not in name]
    real = [f"{os.path.realpath(os.path.dirname(path))}/{os.path.basename(path)}" for path in found if path]
    return [
        f"in the jail, {os.path.basename(path)} has to be called by its whole path, {path}: PATH there is {PATH}"
        for path in real
        if os.path.dirname(path) not in PATH.split(":")
    ]
