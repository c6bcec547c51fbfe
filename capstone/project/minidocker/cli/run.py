"""``minidocker run`` and ``create``.

What belongs here: flags to Options, attaching, printing the id. What does not: the work (``engine/run.py``).
"""

from __future__ import annotations

import os

from minidocker.engine.base import Engine
from minidocker.options import Options, read_environment

from ._echo import echo
from ._options import given, wants_terminal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from minidocker.engine.create import Job
    from minidocker.engine.run import Watch


def run(
    root: str,
    /,
    image: str,
    command: tuple[str, ...],
    detach_keys: str,
    sig_proxy: bool,
    dry_run: bool,
    explain: str | None,
    **values: Any,
) -> int:
    """Make a container of IMAGE and run COMMAND in it; the exit code is the program's."""
    options = Options(image, command, **given(values))
    engine = Engine(root)
    env = read_environment(options.env_file, options.env, os.environ)
    if dry_run:
        from ._explain import print_plans

        return print_plans(engine, options, env)
    if not options.detach:
        wants_terminal(tty=options.tty, interactive=options.interactive, keys=detach_keys)
    return _run(engine, options, env, detach_keys, sig_proxy, explain)


def _run(
    engine: Engine, options: Options, env: list[str], detach_keys: str, sig_proxy: bool, explain: str | None
) -> int:
    """Run in the foreground or the background; return the exit code."""
    from minidocker.engine import run as engine_run

    from ._attach import first_frame, stay_attached

    explainer = None

    def watch(job: Job) -> Watch:
        nonlocal explainer
        if explain is None:
            return engine_run.Watch(crash=os.environ.get("LCM_CRASH", ""))
        from ._explain import Explainer

        explainer = Explainer(job, "" if explain == "-" else explain)
        return explainer.watch

    try:
        frame = first_frame(stdin=options.interactive, tty=options.tty, attached=not options.detach)
        started = engine_run.run(engine, options, env, frame, watch)
        if options.detach:
            started.connection.close()
            echo(started.identity)
            return 0
        return stay_attached(
            engine, started, stdin=options.interactive, tty=options.tty, keys=detach_keys, proxy=sig_proxy
        )
    finally:
        if explainer:
            explainer.finish()


def create(root: str, /, image: str, command: tuple[str, ...], **values: Any) -> None:
    """Make a container of IMAGE that will run COMMAND; print its id. `start` starts it."""
    from minidocker.engine.run import create as create_container

    options = Options(image, command, **given(values))
    env = read_environment(options.env_file, options.env, os.environ)
    echo(create_container(Engine(root), options, env))
