"""Ending containers: kill, stop, restart's first half, wait, rm.

What belongs here: what these commands mean. What does not: how a signal gets there (the shim sends it).
"""

from __future__ import annotations

import os

from minidocker import shimclient
from minidocker import store as s
from minidocker.errors import BadOption, WrongState
from minidocker.shimclient import ShimGone
from section01_processes import signal_number

from . import locks
from .run import PATIENCE
from .settle import fold_own, remove_container, settle_row

TYPE_CHECKING = False
if TYPE_CHECKING:
    from minidocker.store import Row

    from .base import Engine

DEFAULT_TIMEOUT = 10
KILL = 9


def running(engine: Engine, row: Row) -> bool:
    """Return whether the container's process 1 runs (or is about to run again)."""
    return row.state == s.LIVE and engine.status(row.id).get("state") in {"running", "restarting", "paused"}


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
        settle_row(engine, row)
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
        pass
    fold_own(engine, row.id)


def wait(engine: Engine, row: Row) -> int:
    """Return the exit code of a container, once it has ended for good (at once when it does not run)."""
    if row.state != s.LIVE:
        return row.exit_code
    try:
        code = shimclient.wait_container(engine.folder(row.id))
    except ShimGone:
        code = None
    fold_own(engine, row.id)
    fresh = engine.store.get(row.id)
    if code is not None:
        return code
    return fresh.exit_code if fresh else row.exit_code


def remove(engine: Engine, row: Row, *, force: bool = False, volumes: bool = False) -> None:
    """Remove a container; a running one only with ``force``. Raises WrongState."""
    if running(engine, row):
        if not force:
            hint = "stop it first, or remove with --force"
            raise WrongState(f"cannot remove container {row.name}: it is running", hint=hint)
        try:
            kill(engine, row, "KILL")
        except WrongState:
            pass  # it has just ended by itself
    if engine.store.get(row.id) is None:
        return
    lock = _lock_of(engine, row)
    try:
        fresh = engine.store.get(row.id)
        if fresh is not None:
            if fresh.state == s.LIVE and lock >= 0 and running(engine, fresh) and not force:
                raise WrongState(f"cannot remove container {row.name}: it has just been started")
            remove_container(engine, fresh, volumes=volumes or bool(fresh.auto_remove))
    finally:
        if lock >= 0:
            os.close(lock)


def _lock_of(engine: Engine, row: Row) -> int:
    """Return the container's lock, or -1 when its folder is gone."""
    try:
        return locks.wait_lock(engine.folder(row.id), PATIENCE, row.name)
    except FileNotFoundError:
        return -1
