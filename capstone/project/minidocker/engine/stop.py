"""Ending containers: kill, stop, restart's first half, wait, rm.

What belongs here: what these commands mean. What does not: how a signal gets there (the shim sends it).
"""

from __future__ import annotations

import os

from minidocker import shimclient
from minidocker import store as s
from minidocker.errors import BadOption, DamagedState, WrongState
from minidocker.shimclient import ShimError, ShimGone
from section01_processes import signal_number

from . import locks
from .run import PATIENCE
from .settle import RUNNING, fold_own, remove_container, settle_silent

TYPE_CHECKING = False
if TYPE_CHECKING:
    from minidocker.store import Row

    from .base import Engine

DEFAULT_TIMEOUT = 10
KILL = 9


def running(engine: Engine, row: Row) -> bool:
    """Return whether the container's process 1 runs (or is about to run again). Raises DamagedState."""
    return row.state == s.LIVE and engine.status(row.id).get("state") in RUNNING


def kill(engine: Engine, row: Row, signal: str) -> None:
    """Send ``signal`` to the container's process 1. Raises BadOption, WrongState."""
    number = _number(signal)
    if not running(engine, row):
        raise WrongState(f"cannot kill container {row.name}: it is not running")
    final = signal in {"KILL", "SIGKILL", "9"} or number == _number(row.parsed("config")["Config"]["StopSignal"])
    folder = engine.folder(row.id)
    try:
        shimclient.signal_container(folder, number, stop=final)
        if number == KILL:
            shimclient.wait_container(folder, timeout=PATIENCE)
    except ShimGone:
        settle_silent(engine, row)
        return
    if number == KILL:
        fold_own(engine, row.id)


def _number(signal: str) -> int:
    try:
        return signal_number(signal)
    except Exception:
        raise BadOption("--signal", signal, "no such signal") from None


def stop(engine: Engine, row: Row, seconds: int | None = None, signal: str = "") -> None:
    """Stop a container: its stop signal, then KILL after ``seconds`` (None: its own, or 10; negative: never).

    A container that does not run is fine, as in Docker.
    """
    if not running(engine, row):
        return
    config = row.parsed("config")["Config"]
    if seconds is None:
        seconds = config["StopTimeout"] if config["StopTimeout"] is not None else DEFAULT_TIMEOUT
    number = _number(signal or config["StopSignal"])
    folder = engine.folder(row.id)
    try:
        shimclient.signal_container(folder, number, stop=True)
        ended = shimclient.wait_container(folder, timeout=None if seconds < 0 else max(float(seconds), 0.001))
        if ended is None:
            shimclient.signal_container(folder, KILL, stop=True)
            shimclient.wait_container(folder)
    except ShimGone:
        settle_silent(engine, row)
    fold_own(engine, row.id)


def wait(engine: Engine, row: Row) -> int:
    """Return the exit code of a container, once it has ended for good (at once when it does not run).

    Raises DamagedState.
    """
    if row.state != s.LIVE:
        return row.exit_code
    try:
        code = shimclient.wait_container(engine.folder(row.id))
    except ShimGone:
        code = None
        settle_silent(engine, row)
    fold_own(engine, row.id)
    fresh = engine.store.get(row.id)
    if code is not None:
        return code
    return fresh.exit_code if fresh else row.exit_code


def remove(engine: Engine, row: Row, *, force: bool = False, volumes: bool = False) -> None:
    """Remove a container; a running one, or one whose folder is damaged, only with ``force``.

    Raises WrongState, DamagedState.
    """
    if force:
        _end(engine, row)
    elif running(engine, row):
        hint = "stop it first, or remove with --force"
        raise WrongState(f"cannot remove container {row.name}: it is running", hint=hint)
    if engine.store.get(row.id) is None:
        return
    lock = _lock_of(engine, row)
    try:
        fresh = engine.store.get(row.id)
        if fresh is not None:
            if fresh.state == s.LIVE and lock >= 0 and not force and running(engine, fresh):
                raise WrongState(f"cannot remove container {row.name}: it has just been started")
            remove_container(engine, fresh, volumes=volumes or bool(fresh.auto_remove))
    finally:
        if lock >= 0:
            os.close(lock)


def _end(engine: Engine, row: Row) -> None:
    """Kill a container if it runs; if nobody can tell, its shim, with which everything of it ends."""
    try:
        if running(engine, row):
            kill(engine, row, "KILL")
        return
    except (WrongState, ShimError):
        return  # it has just ended by itself
    except DamagedState:
        pass
    folder = engine.folder(row.id)
    try:
        shimclient.signal_container(folder, KILL, stop=True)
        shimclient.wait_container(folder, timeout=PATIENCE)
    except (ShimGone, ShimError):
        from minidocker.shim.release import kill_cgroup

        kill_cgroup(f"/minidocker/{row.id}.shim")


def _lock_of(engine: Engine, row: Row) -> int:
    """Return the container's lock, or -1 when its folder is gone."""
    try:
        return locks.wait_lock(engine.folder(row.id), PATIENCE, row.name)
    except FileNotFoundError:
        return -1
