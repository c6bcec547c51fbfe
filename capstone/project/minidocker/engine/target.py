"""Containers as the tools of lower floors look for them: a name, and the process behind it.

Registered in the entry-point group ``lcm.targets``: nsman, netman and jailman take a container's name through it. What
belongs here: looking, below the default state root. What does not: anything that settles, heals or creates: a tool
that only looks at the machine changes nothing of ours.
"""

from __future__ import annotations

import os

from minidocker import store as s
from minidocker.errors import DamagedState, NoSuchContainer
from minidocker.paths import default_root

from .base import Engine, runs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from minidocker.store import Row


def container_pid(name: str) -> int | None:
    """Return the pid of the first process of container ``name`` (name, id or prefix); None when none runs so called.

    The state root is that of the command line without ``--root``: MINIDOCKER_ROOT, or the default one. Raises
    AmbiguousPrefix, DamagedState; EngineError when the state cannot be read.
    """
    engine = _engine()
    if engine is None:
        return None
    try:
        row = engine.store.find(name)
    except NoSuchContainer:
        return None
    return _first_process(engine, row) or None


def container_names() -> dict[int, str]:
    """Return the names of the containers that run, by the pid of their first process; damaged ones are left out.

    Raises EngineError when the state cannot be read.
    """
    engine = _engine()
    if engine is None:
        return {}
    found: dict[int, str] = {}
    for row in engine.store.unsettled():
        try:
            found[_first_process(engine, row)] = row.name
        except DamagedState:
            continue
    found.pop(0, None)
    return found


def _engine() -> Engine | None:
    """Return the engine of the default state root; None where no container was ever made."""
    engine = Engine(default_root())
    return engine if os.path.exists(engine.root.database) else None


def _first_process(engine: Engine, row: Row) -> int:
    """Return the pid of a container's first process, 0 when it does not run: its shim says so, not its file alone."""
    if row.state != s.LIVE:
        return 0
    status = engine.status(row.id)
    return int(status.get("pid", 0)) if status.get("state") == "running" and runs(engine.folder(row.id)) else 0
