"""ociman kill, delete."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from section01_processes import signal_number

from ..bundle import check_id
from ..life import delete, kill
from .making import DRY_RUN

if TYPE_CHECKING:
    from .tool import Root


@click.command("kill")
@click.argument("container_id")
@click.argument("signal", default="TERM")
@click.option("-a", "--all", "everyone", is_flag=True, help="Signal every process of the container.")
@click.pass_obj
def kill_command(root: Root, container_id: str, signal: str, everyone: bool) -> None:
    """Send SIGNAL (a name or a number) to the container's init."""
    kill(root.folder(container_id), signal_number(signal), everyone)


@click.command("delete")
@click.argument("container_id")
@click.option("-f", "--force", is_flag=True, help="Kill it if it runs; fine if it does not exist.")
@DRY_RUN
@click.pass_obj
def delete_command(root: Root, container_id: str, force: bool, dry_run: bool) -> None:
    """Remove what is left of a container: processes, cgroup, state."""
    folder = f"{root.path}/{check_id(container_id)}" if force else root.folder(container_id)
    if dry_run:
        click.echo(f"kill what lives of {container_id}, remove its cgroup, remove {folder}")
        return
    delete(folder, force)
