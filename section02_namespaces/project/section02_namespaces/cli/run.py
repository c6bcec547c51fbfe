"""``nsman run``: a command in new namespaces."""

from __future__ import annotations

import click

from section01_processes import describe_plan

from ..core.kinds import flags_of
from ..launch import plan_run, run
from .common import DRY_RUN, KIND_OPTIONS, chosen, kind_options


@click.command("run", context_settings={"ignore_unknown_options": True})
@kind_options
@click.option("--all", "everything", is_flag=True, help="All of these but user (with --map-root: user too).")
@click.option("--map-root", is_flag=True, help="A user namespace in which we are root; needs no root outside.")
@click.option("--hostname", default="", metavar="H", help="Host name inside (with --uts).")
@click.option("--mount-proc", is_flag=True, help="A /proc of the new pid namespace (with --pid --mount).")
@DRY_RUN
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)
def run_command(
    everything: bool,
    map_root: bool,
    hostname: str,
    mount_proc: bool,
    dry_run: bool,
    command: tuple[str, ...],
    **kinds: bool,
) -> int:
    """Run COMMAND in new namespaces; ends with its exit code."""
    wanted = [kind for kind in KIND_OPTIONS.values() if kind != "user"] if everything else []
    plans = plan_run(flags_of([*wanted, *chosen(kinds)]), map_root=map_root, hostname=hostname, proc=mount_proc)
    if dry_run:
        click.echo("\n".join(line for plan in plans for line in describe_plan(plan)))
        return 0
    return run(*plans, command)
