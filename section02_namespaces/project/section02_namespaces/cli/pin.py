"""``nsman pin`` and ``nsman unpin``: a namespace that outlives its processes."""

from __future__ import annotations

import click

from section01_processes import Plan, describe_plan, warn

from ..pins import pin_process, plan_pin, plan_unpin, unpin_name
from ..place import state_folder
from ..targets import resolve_target
from .common import DRY_RUN, chosen, kind_options

STATE = click.option(
    "--state", default="", metavar="DIR",
    help="Where pins are kept (default: $NSMAN_STATE, else /run/lcm/nsman for root and $XDG_RUNTIME_DIR/lcm/nsman).",
)  # fmt: skip


@click.command("pin")
@click.argument("name")
@click.argument("target", metavar="[TARGET]", default="self")
@kind_options
@STATE
@DRY_RUN
def pin_command(name: str, target: str, state: str, dry_run: bool, **kinds: bool) -> None:
    """Keep namespaces of TARGET (a pid, a container's name; default: the caller) as NAME, also without processes.

    Without a kind it is the net namespace. The pins lie in files named as in /proc/PID/ns, for setns(2), nsenter(1)
    and `nsman enter`; they stay until `nsman unpin NAME` or until the mount namespace ends (for root: the next boot).
    """
    names = chosen(kinds) or ["net"]
    pid = resolve_target(target)
    if dry_run:
        show(plan_pin(state_folder(state), name, pid, names))
        return
    for path, replaced in pin_process(state, name, pid, names).items():
        click.echo(path)
        if replaced:
            warn(f"{path} was there without a namespace behind it; it has been replaced")


@click.command("unpin")
@click.argument("name")
@kind_options
@STATE
@DRY_RUN
def unpin_command(name: str, state: str, dry_run: bool, **kinds: bool) -> None:
    """Let go of what is pinned as NAME (all of it, or the kinds that are named)."""
    if dry_run:
        show(plan_unpin(state_folder(state), name, chosen(kinds)))
        return
    for path, alive in unpin_name(state, name, chosen(kinds)).items():
        if not alive:
            warn(f"{path} had no namespace behind it any more; the file is removed")


def show(plan: Plan) -> None:
    """Print a plan."""
    click.echo("\n".join(describe_plan(plan)))
