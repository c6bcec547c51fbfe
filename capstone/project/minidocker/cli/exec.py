"""``minidocker exec``."""

from __future__ import annotations

import os

import click

from minidocker.engine.base import Engine

from ._options import PROGRAM, wants_terminal


@click.command(context_settings=PROGRAM)
@click.option("--detach", "-d", is_flag=True, help="Run in the background.")
@click.option("--detach-keys", metavar="KEYS", default="ctrl-p,ctrl-q", help="How to detach (ctrl-p,ctrl-q).")
@click.option("--env", "-e", multiple=True, metavar="NAME=VALUE", help="Set a variable.")
@click.option("--env-file", multiple=True, metavar="FILE", help="Read variables from a file.")
@click.option("--interactive", "-i", is_flag=True, help="Keep stdin open.")
@click.option("--privileged", is_flag=True, help="All capabilities.")
@click.option("--tty", "-t", is_flag=True, help="Give it a terminal.")
@click.option("--user", "-u", metavar="USER[:GROUP]", default="", help="Who it runs as.")
@click.option("--workdir", "-w", metavar="PATH", default="", help="Folder it starts in.")
@click.argument("container")
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)
@click.pass_obj
def exec_(
    root: str,
    container: str,
    command: tuple[str, ...],
    detach: bool,
    detach_keys: str,
    env: tuple[str, ...],
    env_file: tuple[str, ...],
    interactive: bool,
    privileged: bool,
    tty: bool,
    user: str,
    workdir: str,
) -> int:
    """Run COMMAND in the running CONTAINER; the exit code is the program's."""
    from minidocker.engine.execute import not_running, request
    from minidocker.options import read_environment
    from minidocker.shimclient import ShimGone
    from minidocker.shimstreams import run_exec

    if not detach:
        wants_terminal(tty=tty, interactive=interactive, keys=detach_keys)
    engine = Engine(root)
    row = engine.store.find(container)
    asked = request(
        command,
        env=read_environment(env_file, env, os.environ),
        tty=tty,
        workdir=workdir,
        user=user,
        privileged=privileged,
        detach=detach,
    )
    try:
        status = run_exec(engine.folder(row.id), asked, interactive=interactive, detach_keys=detach_keys)
    except ShimGone:
        error = not_running(engine, row)
        error.exit_code = 1
        raise error from None
    return status or 0
