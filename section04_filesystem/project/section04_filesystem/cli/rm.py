"""``jailman rm``: a jail goes."""

from __future__ import annotations

import os

import click

from section01_processes import Recorder, describe_plan

from ..jails import Jails
from .common import DRY_RUN


@click.command()
@click.argument("name")
@click.option("-f", "--force", is_flag=True, help="Kill the processes inside, unmount what is mounted in it.")
@DRY_RUN
@click.pass_obj
def rm(jails: Jails, name: str, force: bool, dry_run: bool) -> None:
    """Remove the jail NAME, unless a process is inside or something is mounted in it.

    What is mounted in it is never followed: files of the host that are bound into a jail stay.
    """
    if dry_run:
        click.echo("\n".join(describe_plan(jails.plan_remove(name, force=force))))
        return
    jails.remove(name, force=force, record=Recorder(-1, "release", os.environ.get("LCM_CRASH", "")))
