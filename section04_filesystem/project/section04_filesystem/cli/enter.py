"""``jailman enter``: a command in a jail."""

from __future__ import annotations

import os

import click

from section01_processes import Plan, describe_plan, exec_program, find_program, spawn

from ..jails import Jails, plan_inside, plan_outside
from .common import DRY_RUN

_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@click.command(context_settings={"ignore_unknown_options": True})
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
