"""``nsman enter``: a command in the namespaces of a process."""

from __future__ import annotations

import os

import click

from section01_processes import Plan, describe_plan

from ..enter import differing_kinds, plan_enter
from ..errors import NamespaceError
from ..launch import run
from .common import DRY_RUN, chosen, kind_options


@click.command(context_settings={"ignore_unknown_options": True})
@click.argument("target", metavar="PID", type=int)
@kind_options
@DRY_RUN
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)
def enter(target: int, dry_run: bool, command: tuple[str, ...], **kinds: bool) -> int:
    """Run COMMAND in the namespaces of process PID (default: all in which it differs from us)."""
    try:
        names = chosen(kinds) or differing_kinds(target)
        pidfd = os.pidfd_open(target)
    except OSError as error:
        raise NamespaceError(f"cannot enter process {target}: {error.strerror}") from error
    try:
        plan = Plan("child", plan_enter(pidfd, names))
        if dry_run:
            click.echo("\n".join(describe_plan(plan)))
            return 0
        return run(plan, Plan("init"), command)
    finally:
        os.close(pidfd)
