"""``minidocker stop``, ``kill``, ``restart``, ``wait`` and ``rm``: one thin function each, over several containers."""

from __future__ import annotations

import os

from minidocker.engine import stop as engine_stop
from minidocker.engine.base import Engine
from minidocker.engine.settle import settled

from ._each import each


def stop(root: str, containers: tuple[str, ...], seconds: int | None, signal: str) -> int:
    """Stop CONTAINERS: the stop signal, then KILL."""
    engine = Engine(root)
    return each(containers, lambda name: engine_stop.stop(engine, settled(engine, name), seconds, signal))


def kill(root: str, containers: tuple[str, ...], signal: str) -> int:
    """Send a signal to CONTAINERS."""
    engine = Engine(root)
    return each(containers, lambda name: engine_stop.kill(engine, settled(engine, name), signal))


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


def wait(root: str, containers: tuple[str, ...]) -> int:
    """Wait until CONTAINERS have ended; print their exit codes."""
    engine = Engine(root)
    return each(containers, lambda name: engine_stop.wait(engine, settled(engine, name)))


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
