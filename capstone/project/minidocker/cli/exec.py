"""``minidocker exec``."""

from __future__ import annotations

import os

from minidocker.engine.base import Engine

from ._options import wants_terminal


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
        raise not_running(engine, row) from None
    return status or 0
