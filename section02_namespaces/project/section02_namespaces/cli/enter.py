"""``nsman enter``: a command in the namespaces of a process."""

from __future__ import annotations

import click

from ..enter import plan_target
from .common import DRY_RUN, EXPLAIN, chosen, kind_options
from .launching import carry_out


@click.command(context_settings={"ignore_unknown_options": True})
@click.argument("target")
@kind_options
@DRY_RUN
@EXPLAIN
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)
def enter(target: str, dry_run: bool, explain: bool, command: tuple[str, ...], **kinds: bool) -> int:
    """Run COMMAND in the namespaces of TARGET (default: all in which it differs from us).

    TARGET is a pid, the name of a container or of a pin, or a namespace file. Before a COMMAND
    that has options, write --. In another mount namespace COMMAND starts in the folder of the same name, or in /.
    """
    if command[0].startswith("-"):
        raise click.NoSuchOption(command[0])
    return carry_out(plan_target(target, chosen(kinds), command), dry_run=dry_run, explain=explain)
