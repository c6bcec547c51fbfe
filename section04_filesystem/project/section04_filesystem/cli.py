"""jailman: make a root file system, enter it, look at mounts.

What belongs here: parse, call one function of the library, print. Slow path: click here, rich inside the commands.
"""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import click

from section01_processes import Plan, describe_plan, exec_program, find_program, run_tool, spawn

from .errors import FilesystemError
from .jails import Jails, plan_inside, plan_outside, state_folder
from .mountinfo import MountTable

if TYPE_CHECKING:
    from rich.tree import Tree

    from .mountinfo import Mount

JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
DRY_RUN = click.option("--dry-run", is_flag=True, help="Show the steps and do nothing.")
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--state", default="", metavar="DIR", help="Where the jails are kept (else JAILMAN_STATE, XDG).")
@click.pass_context
def cli(context: click.Context, state: str) -> None:
    """Make a root file system, enter it, look at mounts (section 4)."""
    context.obj = Jails(state_folder(state))


@cli.command()
@click.argument("name")
@click.option("--from", "source", default="host", metavar="host|DIR", help="The host's programs, or a copy of DIR.")
@click.option("--program", "programs", multiple=True, metavar="P", help="One more program of the host (repeatable).")
@DRY_RUN
@click.pass_obj
def create(jails: Jails, name: str, source: str, programs: tuple[str, ...], dry_run: bool) -> None:
    """Make the jail NAME."""
    if dry_run:
        click.echo(f"would make {jails.root(name, exists=False)} from {source} {' '.join(programs)}".rstrip())
        return
    click.echo(jails.create(name, source, programs))


@cli.command("ls")
@JSON
@click.pass_obj
def ls_command(jails: Jails, as_json: bool) -> None:
    """List the jails."""
    rows = [{"name": name, "root": jails.root(name)} for name in jails.names()]
    if as_json:
        click.echo(json.dumps(rows))
        return
    for row in rows:
        click.echo(f"{row['name']:20} {row['root']}")


@cli.command(context_settings={"ignore_unknown_options": True})
@click.argument("name")
@click.option("--method", type=click.Choice(["pivot_root", "chroot"]), default="pivot_root", show_default=True)
@DRY_RUN
@click.argument("command", nargs=-1, type=click.UNPROCESSED)
@click.pass_obj
def enter(jails: Jails, name: str, method: str, dry_run: bool, command: tuple[str, ...]) -> int:
    """Run COMMAND (default: /bin/sh) in jail NAME; ends with its exit code.

    pivot_root: own mounts and processes, the host out of reach. chroot: only the meaning of / changes.
    """
    outside, inside = Plan("child", plan_outside(method)), Plan("init", plan_inside(jails.root(name), method))
    if dry_run:
        click.echo("\n".join([*describe_plan(outside), *describe_plan(inside)]))
        return 0
    argv = command or ("/bin/sh",)

    def become_the_command() -> int:
        inside.run({})
        path = find_program(argv[0], _PATH, "/")
        environment = {"PATH": _PATH, "HOME": "/root", "TERM": os.environ.get("TERM", "linux"), "PS1": f"{name}# "}
        exec_program([path, *argv[1:]], [f"{key}={value}" for key, value in environment.items()], argv0=argv[0])

    def make_the_world() -> int:
        outside.run({})
        return spawn(become_the_command).wait()

    with spawn(make_the_world) as child:
        return child.wait()


@cli.command()
@click.argument("name")
@DRY_RUN
@click.pass_obj
def rm(jails: Jails, name: str, dry_run: bool) -> None:
    """Remove the jail NAME."""
    if dry_run:
        click.echo(f"would remove {jails.root(name)}")
        return
    jails.remove(name)


@cli.command()
@click.argument("pid", default="self")
@JSON
def mounts(pid: str, as_json: bool) -> None:
    """Draw the mounts that process PID sees (default: this one), with their propagation."""
    if pid != "self" and not pid.isdecimal():
        raise FilesystemError(f"{pid!r} is no process id")
    table = MountTable.of(pid)
    if as_json:
        click.echo(json.dumps([mount.as_dict() for mount in table]))
        return
    from rich.console import Console

    console = Console(highlight=False, soft_wrap=True)
    known = {mount.id for mount in table}
    for mount in table:
        if mount.parent not in known or mount.parent == mount.id:
            console.print(draw(table, mount))


def draw(table: MountTable, mount: Mount) -> Tree:
    """Return the drawing of ``mount`` and those below it."""
    from rich.text import Text
    from rich.tree import Tree

    words = f"{mount.target}  {mount.fstype} {mount.source} {','.join(mount.flags)}"
    tree = Tree(Text(f"{words}  [{mount.propagation}]"))
    for child in table.children(mount):
        tree.add(draw(table, child))
    return tree


def main() -> None:
    """Run jailman."""
    run_tool(cli, "jailman")
