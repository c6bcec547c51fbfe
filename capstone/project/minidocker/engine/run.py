"""The life of `minidocker run`, and of `start`: one plan, told by the process that the user sees.

What belongs here: the conductor and the steps that start a shim and wait. What does not: making the container
(``create.py``), what the shim does (``shim/``), copying output (``shimstreams.py``).
"""

from __future__ import annotations

import os

from minidocker import shimclient
from minidocker import store as s
from minidocker.errors import DamagedState, WrongState
from minidocker.shim import protocol as p
from section01_processes import BadJson, LcmError, Plan, Recorder, Slot, Step, action, read_json

from . import locks
from .create import LOCK, Job, check_ports, end_lease, join_network, plan_create, prepare
from .settle import fold_own, remove_container, settle_row

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from minidocker.options import Options
    from minidocker.shimclient import Connection
    from minidocker.store import Row

    from .base import Engine

CONNECTION = Slot("connection", "connection to the shim")
PID = Slot("pid", "pid of the container's process 1")
#: How long a command waits for the shim of a container that has just ended.
PATIENCE = 10.0


class Watch:
    """How a start is watched: the record pipe of --explain (-1: none) and the crash test's ``process:number``."""

    __slots__ = ("crash", "record_fd")

    def __init__(self, record_fd: int = -1, crash: str = "") -> None:
        self.record_fd = record_fd
        self.crash = crash

    def recorder(self) -> Recorder | None:
        """Return the recorder of this process, or None when nobody watches."""
        if self.record_fd < 0 and not self.crash:
            return None
        return Recorder(self.record_fd, "cli", self.crash)


def run(engine: Engine, options: Options, env: list[str], first: bytes, watch: Callable[[Job], Watch]) -> Started:
    """Make a container and start it: the life of `minidocker run` up to the moment the program runs.

    ``first``: the shim's first frame (START, or ATTACH so that no output is missed). Returns the connection to it.
    Raises what refuses it, with exit code 125, 126 (cannot execute) or 127 (not found); nothing is left then, except
    a container that was made and did not start, unless it is --rm (as Docker does).
    """
    job = prepare(engine, options, env)
    slots: dict[str, Any] = {}
    try:
        how = watch(job)
        Plan("cli", plan_run(job, first, how)).run(slots, how.recorder())
    except BaseException as error:
        end_lease(job)  # giving up takes the lease itself, to remove volumes
        give_up(engine, job.identity, slots, error)
        raise
    finally:
        end_lease(job)
        close_lock(slots)
    return Started(job.identity, slots[CONNECTION.name])


def plan_run(job: Job, first: bytes, watch: Watch) -> list[Step]:
    """Return every step of the process `minidocker run`, up to the running program."""
    folder = job.engine.folder(job.identity)
    return [*plan_create(job), *plan_start(job.engine, job.identity, folder, first, watch)]


def plan_start(engine: Engine, identity: str, folder: str, first: bytes, watch: Watch) -> list[Step]:
    """Return the steps that start the shim of a made container whose lock is held."""
    return [
        Step(mark_live, engine, identity, about="from here on status.json tells"),
        Step(
            start_shim, folder, LOCK, first, watch.record_fd, watch.crash,
            about="the container's parent; it inherits the lock", out=CONNECTION,
        ),
        Step(wait_started, CONNECTION, about="mounted, connected, confined, and the gate is open", out=PID),
    ]  # fmt: skip


class Started:
    """A container that runs: its id, and the connection that the first frame was sent on."""

    __slots__ = ("connection", "identity")

    def __init__(self, identity: str, connection: Connection) -> None:
        self.identity = identity
        self.connection = connection


def create(engine: Engine, options: Options, env: list[str]) -> str:
    """Make a container without starting it; return its id. Raises as :func:`run`."""
    job = prepare(engine, options, env)
    slots: dict[str, Any] = {}
    try:
        Plan("cli", plan_create(job)).run(slots, Watch(crash=os.environ.get("LCM_CRASH", "")).recorder())
        engine.store.update(job.identity, only_from=(s.CREATING,), state=s.CREATED)
    except BaseException as error:
        end_lease(job)
        give_up(engine, job.identity, slots, error)
        raise
    finally:
        end_lease(job)
        close_lock(slots)
    return job.identity


def start(engine: Engine, row: Row, first: bytes, watch: Watch) -> Started | None:
    """Start a container that was made before; None when it runs already. Raises as :func:`run`."""
    folder = engine.folder(row.id)
    if row.state == s.LIVE and engine.status(row.id).get("state") != "exited":
        return None
    try:
        slots: dict[str, Any] = {LOCK.name: locks.wait_lock(folder, PATIENCE, row.name)}
    except OSError as error:
        raise damaged(engine, row) or error from None
    try:
        settle_row_locked(engine, row)
        check_ports(
            engine, [(str(host), inside.rpartition("/")[2], ip) for inside, ip, host in row.parsed("ports") if host]
        )
        refresh(engine, row)
        Plan("cli", plan_start(engine, row.id, folder, first, watch)).run(slots, watch.recorder())
    except BaseException as error:
        close_lock(slots)
        after_failure(engine, row.id, slots, error)
        if isinstance(error, (OSError, BadJson, shimclient.ShimGone)) and (why := damaged(engine, row)):
            raise why from error
        raise
    finally:
        close_lock(slots)
    return Started(row.id, slots[CONNECTION.name])


def damaged(engine: Engine, row: Row) -> DamagedState | None:
    """Return what is wrong with the first file of the container's folder that a start needs and cannot have."""
    folder = engine.folder(row.id)
    for name in (locks.LOCK, p.CONFIG, p.SHIM):
        path = f"{folder}/{name}"
        try:
            if name == locks.LOCK:
                os.close(os.open(path, os.O_RDWR | os.O_CLOEXEC))
            elif not isinstance(read_json(path), dict):
                return DamagedState(row.name, path, "not an object")
        except OSError as error:
            return DamagedState(row.name, path, (error.strerror or str(error)).lower())
        except BadJson as error:
            return DamagedState(row.name, path, error.message.removeprefix(path + ": "))
    if os.path.isdir(f"{folder}/{p.STATUS}"):
        return DamagedState(row.name, f"{folder}/{p.STATUS}", "is a directory")
    return None


def settle_row_locked(engine: Engine, row: Row) -> None:
    """Fold what an earlier life left, with the lock in our hands. Raises WrongState when it cannot be started."""
    from .settle import record_end

    fresh = engine.store.get(row.id)
    if fresh is None or fresh.state == s.REMOVING:
        raise WrongState(f"container {row.name} is being removed")
    if fresh.state == s.LIVE:
        record_end(engine, row.id, engine.reported(row.id))


def refresh(engine: Engine, row: Row) -> None:
    """Take away what an earlier life left, and find the network to join anew: pids have changed."""
    from section01_processes import format_json, write_file

    folder = engine.folder(row.id)
    for name in (p.STATUS, p.SOCK):
        try:
            os.unlink(f"{folder}/{name}")
        except FileNotFoundError:
            pass
    mode = row.parsed("config")["HostConfig"]["NetworkMode"]
    if mode.startswith("container:"):
        spec, shim = read_json(folder + "/config.json"), read_json(folder + "/shim.json")
        join_network(engine, mode[10:], spec, shim)
        write_file(folder + "/config.json", format_json(spec), durable=False)
        write_file(folder + "/shim.json", format_json(shim), durable=False)


@action("write(2)")
def mark_live(engine: Engine, identity: str) -> None:
    """Commit that a shim is about to be started: a free lock now means that it died."""
    engine.store.update(identity, state=s.LIVE, started="", finished="", exit_code=0, oom_killed=0, error="", stopped=0)


@action("execve(2)")
def start_shim(folder: str, lock: int, first: bytes, record_fd: int, crash: str) -> Connection:
    """Start the shim; return the connection on which ``first`` was sent."""
    return shimclient.start_shim(folder, lock, first=first, record_fd=record_fd, crash=crash)


@action("recv(2)")
def wait_started(connection: Connection) -> int:
    """Wait until the program runs; return its pid. Raises the error that the shim reports."""
    return shimclient.wait_started(connection)


def close_lock(slots: dict[str, Any]) -> None:
    """Close our descriptor of the lock; a living shim has its own."""
    fd = slots.pop(LOCK.name, -1)
    if fd >= 0:
        os.close(fd)


def give_up(engine: Engine, identity: str, slots: dict[str, Any], why: BaseException) -> None:
    """Undo a container whose making failed; after its shim was started, settle it instead (it may stay, `created`)."""
    if CONNECTION.name in slots:
        close_lock(slots)
        after_failure(engine, identity, slots, why)
        return
    row = engine.store.get(identity)
    if row is not None:
        remove_container(engine, row, volumes=True)
    elif os.path.isdir(engine.staging(identity)):
        from section05_images import remove_tree

        remove_tree(engine.staging(identity))


def after_failure(engine: Engine, identity: str, slots: dict[str, Any], why: BaseException) -> None:
    """Settle a container that did not start, once its shim has gone; one that we were torn away from goes on."""
    connection = slots.pop(CONNECTION.name, None)
    if connection is not None and not isinstance(why, LcmError):
        connection.close()  # Ctrl-C: detach; the shim starts it, or cleans up
        return
    if connection is not None:
        connection.wait_end()
        connection.close()
    row = engine.store.get(identity)
    if row is None:
        return
    try:
        os.close(locks.wait_lock(engine.folder(identity), PATIENCE, row.name))
    except FileNotFoundError:
        pass
    settle_row(engine, row)


def finish(engine: Engine, started: Started) -> None:
    """Fold a foreground container that has ended into the store."""
    started.connection.close()
    fold_own(engine, started.identity)
