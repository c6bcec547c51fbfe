"""``jailman enter``: a command in a jail."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import click

from section01_processes import Plan, describe_plan, explain_lines

from ..jailplans import METHODS, Wish, plan_enter
from ..jailplans import enter as enter_jail
from ..jails import Jails
from .common import DRY_RUN


@click.command(context_settings={"ignore_unknown_options": True})
@click.argument("name")
@click.option("--method", type=click.Choice(METHODS), default="pivot_root", show_default=True)
@click.option("--user", metavar="U", help="NAME, UID, or with :GROUP; names are the jail's own.")
@click.option("--read-only", is_flag=True, help="Nothing below / can be written but /dev, /tmp and binds.")
@click.option("--bind", "binds", multiple=True, metavar="SRC:DST[:ro]", help="Show the host's SRC at DST (repeatable).")
@click.option("--explain", is_flag=True, help="Show each step as it happens.")
@DRY_RUN
@click.argument("command", nargs=-1, type=click.UNPROCESSED)
@click.pass_obj
def enter(
    jails: Jails,
    name: str,
    method: str,
    user: str | None,
    read_only: bool,
    binds: tuple[str, ...],
    explain: bool,
    dry_run: bool,
    command: tuple[str, ...],
) -> int:
    """Run COMMAND (default: /bin/sh) in jail NAME; ends with its exit code.

    Both methods have mounts of their own. pivot_root: the host's files and processes are out of reach, COMMAND is
    PID 1. chroot: only the meaning of / changes; a privileged process can leave.
    """
    wish = Wish(command or ("/bin/sh",), method=method, user=user)
    wish.read_only, wish.binds = read_only, binds
    jail = jails.find(name)
    if dry_run:
        click.echo("\n".join(line for plan in plan_enter(jail, wish) for line in describe_plan(plan)))
        return 0
    return enter_jail(jail, wish, crash=os.environ.get("LCM_CRASH", ""), told=_tell if explain else None)


def _tell(plans: tuple[Plan, Plan], records: Iterator[Any]) -> None:
    """Print a line per step to standard error, as it happens."""
    for line in explain_lines(plans, records):
        click.echo(line, err=True)
