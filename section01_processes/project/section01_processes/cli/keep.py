"""procman start, rm: names and what is kept under them."""

from __future__ import annotations

import os
from typing import Any

import click

from ..core.plan import Step
from ..errors import LcmError
from ..manager import operations
from ..manager.detached import LOCK, plan_supervised, take_folder
from ..manager.managed import Managed, NoSuchName, read_all
from ..manager.place import check_name, supervised
from ..manager.policy import Policy
from .common import DRY_RUN, carry_out, complain, find_named, state


@click.command()
@click.argument("named", type=find_named, metavar="NAME", required=False)
@click.option("--boot", is_flag=True, help="All that were lost in a reboot and whose policy says so.")
@DRY_RUN
def start(named: Managed | None, boot: bool, dry_run: bool) -> int:
    """Start a named process again that has ended or was lost, as it was started first."""
    if (named is None) != boot:
        raise click.UsageError("exactly one of NAME and --boot is needed")
    if named is not None:
        if named.running:
            raise LcmError(f"process {named.name!r} runs: {named.state}", hint=f"procman stop {named.name}")
        launch(named, dry_run)
        return 0
    found, problems = read_all(state())
    complain(map(str, problems))
    failed = False
    for one in found:
        policy = Policy.parse(one.spec.restart)
        if not one.running and policy.at_boot(final=one.state == "exited", stopped=one.status.stopped):
            try:
                launch(one, dry_run)
            except (LcmError, OSError) as error:
                complain([f"{one.name}: {error}"])
                failed = True
    return int(failed)


def launch(named: Managed, dry_run: bool) -> None:
    """Start one process again."""
    take = Step(take_folder, named.folder, about="nobody supervises it", out=LOCK)
    slots: dict[str, Any] | None = carry_out([take, *plan_supervised(named.folder)], dry_run)
    if slots is not None:
        click.echo(f"{named.name}: pid {slots['pid']}")


@click.command()
@click.argument("name", metavar="NAME")
@click.option("-f", "--force", is_flag=True, help="Kill it first; forget it even when its state is damaged.")
@DRY_RUN
def rm(name: str, force: bool, dry_run: bool) -> None:
    """Forget a named process that has ended: its state and its log (not a log that --log put elsewhere)."""
    folder = os.path.join(state(), check_name(name))
    try:
        running = Managed.read(state(), name).running
    except NoSuchName:
        raise
    except LcmError:
        if not force:
            raise
        running = supervised(folder)
    if running and not force:
        raise LcmError(f"process {name!r} runs", hint=f"procman stop {name} first, or rm --force")
    carry_out(operations.plan_remove(state(), name, force=force, running=running), dry_run)
