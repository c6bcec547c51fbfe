"""``minidocker start``."""

from __future__ import annotations

import os

from minidocker.engine.base import Engine


def start(root: str, containers: tuple[str, ...], attach: bool, interactive: bool, detach_keys: str) -> int:
    """Start CONTAINERS that were made before, or have ended."""
    from minidocker.engine.run import Watch
    from minidocker.engine.run import start as start_container
    from minidocker.engine.settle import settled
    from section01_processes import UsageError

    from ._attach import first_frame, stay_attached
    from ._each import each

    engine = Engine(root)
    attach = attach or interactive
    if attach and len(containers) > 1:
        raise UsageError("cannot attach to more than one container at once")
    watch = Watch(crash=os.environ.get("LCM_CRASH", ""))
    if not attach:

        def begin(reference: str) -> None:
            started = start_container(
                engine, settled(engine, reference), first_frame(stdin=False, tty=False, attached=False), watch
            )
            if started:
                started.connection.close()

        return each(containers, begin)
    row = settled(engine, containers[0])
    config = row.parsed("config")["Config"]
    stdin = bool(interactive and config["OpenStdin"])
    started = start_container(engine, row, first_frame(stdin=stdin, tty=config["Tty"]), watch)
    if started is None:
        raise UsageError(f"container {row.name} runs already", hint=f"`minidocker attach {row.name}`")
    return stay_attached(engine, started, stdin=stdin, tty=config["Tty"], keys=detach_keys, proxy=True)
