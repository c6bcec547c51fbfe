"""``minidocker stop``, ``kill``, ``restart``, ``wait`` and ``rm``: one thin function each, over several containers."""

from __future__ import annotations

import os

import click

from minidocker.engine import stop as engine_stop
from minidocker.engine.base import Engine
from minidocker.engine.settle import settled

from ._each import each


@click.command()
@click.option("--time", "--timeout", "-t", "seconds", type=int, help="Seconds before KILL (-1: never; default 10).")
@click.option("--signal", "-s", metavar="SIGNAL", default="", help="What to send first.")
@click.argument("containers", nargs=-1, required=True)
@click.pass_obj
def stop(root: str, containers: tuple[str, ...], seconds: int | None, signal: str) -> int:
    """Stop CONTAINERS: the stop signal, then KILL."""
    engine = Engine(root)
    return each(containers, lambda name: engine_stop.stop(engine, settled(engine, name), seconds, signal))


@click.command()
@click.option("--signal", "-s", metavar="SIGNAL", default="KILL", help="Which signal (default KILL).")
@click.argument("containers", nargs=-1, required=True)
@click.pass_obj
def kill(root: str, containers: tuple[str, ...], signal: str) -> int:
    """Send a signal to CONTAINERS."""
    engine = Engine(root)
    return each(containers, lambda name: engine_stop.kill(engine, settled(engine, name), signal))


@click.command()
@click.option("--time", "--timeout", "-t", "seconds", type=int, help="Seconds before KILL (-1: never; default 10).")
@click.option("--signal", "-s", metavar="SIGNAL", default="", help="What to send first.")
@click.argument("containers", nargs=-1, required=True)
@click.pass_obj
def restart(root: str, containers: tuple[str, ...], seconds: int | None, signal: str) -> int:
    """Stop CONTAINERS and start them again."""
    from minidocker.engine.run import Watch, start
    from minidocker.shim import protocol as p

    engine = Engine(root)

    def again(name: str) -> None:
        engine_stop.stop(engine, settled(engine, name), seconds, signal)
        watch = Watch(crash=os.environ.get("LCM_CRASH", ""))
        started = start(engine, settled(engine, name), p.frame(p.START), watch)
        if started:
            started.connection.close()

    return each(containers, again)


@click.command()
@click.argument("containers", nargs=-1, required=True)
@click.pass_obj
def wait(root: str, containers: tuple[str, ...]) -> int:
    """Wait until CONTAINERS have ended; print their exit codes."""
    engine = Engine(root)
    return each(containers, lambda name: engine_stop.wait(engine, settled(engine, name)))


@click.command()
@click.option("--force", "-f", is_flag=True, help="Kill a running container first.")
@click.option("--volumes", "-v", is_flag=True, help="Remove its anonymous volumes too.")
@click.argument("containers", nargs=-1, required=True)
@click.pass_obj
def rm(root: str, containers: tuple[str, ...], force: bool, volumes: bool) -> int:
    """Remove CONTAINERS."""
    from minidocker.errors import NoSuchContainer

    engine = Engine(root)

    def remove(name: str) -> None:
        try:
            engine_stop.remove(engine, settled(engine, name), force=force, volumes=volumes)
        except NoSuchContainer:
            if not force:
                raise

    return each(containers, remove)
