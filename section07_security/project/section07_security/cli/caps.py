"""secman caps: the capability sets of processes, masks in words, a command with fewer capabilities."""

from __future__ import annotations

import json
import os

import click

from section01_processes import Plan, Step, UsageError, describe_plan, exec_program, find_program
from section07_security.core.capabilities import (
    NAMES,
    SETS,
    CapabilitySets,
    drop_bounding,
    mask_of,
    names_of,
    set_ambient,
    set_capabilities,
    set_no_new_privileges,
)

JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.group()
def caps() -> None:
    """See and give up capabilities."""


@caps.command()
@JSON
@click.argument("pid", default="self")
def show(pid: str, as_json: bool) -> None:
    """Show the five sets of process PID (default: of this tool, so of the shell that started it)."""
    if pid != "self" and not pid.isdigit():
        raise UsageError(f"no pid: {pid!r}", exit_code=2)
    sets = CapabilitySets.of(pid)
    if as_json:
        click.echo(json.dumps({name: names_of(getattr(sets, name)) for name in SETS}, indent=2))
        return
    from rich.console import Console
    from rich.table import Table

    table = Table("capability", *SETS, title=f"process {pid}")
    union = 0
    for name in SETS:
        union |= getattr(sets, name)
    for bit in range(max(union.bit_length(), 1)):
        if union >> bit & 1:
            marks = ("yes" if getattr(sets, name) >> bit & 1 else "" for name in SETS)
            table.add_row(NAMES[bit] if bit < len(NAMES) else f"CAP_{bit}", *marks)
    Console().print(table)
    for name in SETS:
        click.echo(f"{name:12} {getattr(sets, name):016x}")


@caps.command()
@JSON
@click.argument("mask", metavar="HEX")
def decode(mask: str, as_json: bool) -> None:
    """Say which capabilities the mask HEX (as in /proc/PID/status) stands for."""
    try:
        names = names_of(int(mask, 16))
    except ValueError:
        raise UsageError(f"no hexadecimal number: {mask!r}", exit_code=2) from None
    click.echo(json.dumps(names) if as_json else "\n".join(names))


@caps.command(context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
@click.option("--drop", multiple=True, metavar="NAME", help="Give up a capability (or ALL). Drops go before adds.")
@click.option("--add", multiple=True, metavar="NAME", help="Keep a capability after all; also in the ambient set.")
@click.option("--no-new-privileges", is_flag=True, help="Let no execve gain anything from here on.")
@click.option("--dry-run", is_flag=True, help="Show the steps and do nothing.")
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)
def run(
    drop: tuple[str, ...], add: tuple[str, ...], no_new_privileges: bool, dry_run: bool, command: tuple[str, ...]
) -> None:
    """Become COMMAND with fewer capabilities: ``caps run --drop ALL --add NET_RAW -- ping …``."""
    have = CapabilitySets.of("self")
    kept = mask_of(add)
    mask = (have.permitted & ~mask_of(drop)) | (kept & have.permitted)
    lacking = names_of(kept & ~have.permitted)
    if lacking:
        raise UsageError(f"cannot keep {', '.join(lacking)}: this process does not have it")
    ambient = kept & mask
    steps = [Step(drop_bounding, mask, about="bounding set")] if have.effective >> 8 & 1 else []  # CAP_SETPCAP
    steps.append(Step(set_capabilities, mask, mask, ambient, about="effective, permitted, inheritable"))
    steps.append(Step(set_ambient, ambient, about="ambient set: what an ordinary user's program keeps"))
    if no_new_privileges:
        steps.append(Step(set_no_new_privileges, about="no gain by execve"))
    plan = Plan("child", steps)
    if dry_run:
        click.echo("\n".join(describe_plan(plan)))
        return
    program = find_program(command[0], os.environ.get("PATH", os.defpath), os.getcwd())
    plan.run({})
    exec_program([program, *command[1:]], [f"{k}={v}" for k, v in os.environ.items()], argv0=command[0])
