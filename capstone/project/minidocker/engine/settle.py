"""Fold and heal: what every command does first, so that the state it sees is the state that is.

A container's shim holds the lock of its folder for as long as it lives, and writes status.json. So:

===========  ==========  ===========================================================================================
row          lock        what settling does
===========  ==========  ===========================================================================================
any          held        nothing: somebody living is at work
creating     free        its creator died: release, remove folder and row
live         free        status says exited: fold it into the row. Otherwise the shim was killed: kill the cgroup,
                         release, record why. Then, with --rm: remove
removing     free        somebody died while removing: remove to the end
live         no folder   --rm, removed by its shim: forget the row
===========  ==========  ===========================================================================================

What belongs here: this table. What does not: releasing what is outside the folder (``shim/release.py``).
"""

from __future__ import annotations

import os
import time

from minidocker import store as s
from minidocker.errors import DamagedState

from .locks import try_lock, wait_lock

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from minidocker.store import Row

    from .base import Engine

#: Exit codes of a container whose shim died: killed with it, and gone with a reboot (as Docker's).
KILLED, REBOOTED = 137, 255
#: What status.json says of a container that runs, or is about to run again.
RUNNING = ("running", "restarting")
#: What a folder is called while it is removed (``shim/release.py``), and how long that may take, in seconds.
REMOVING, REMOVAL = ".removing", 10.0
#: How long a shim may take to remove its container's links after everything else, in seconds.
LEAVING = 2.0


def settle(engine: Engine) -> list[Row]:
    """Fold and heal everything that is unsettled; return the rows that still are: the living."""
    living = []
    for row in engine.store.unsettled():
        fresh = settle_row(engine, row)
        if fresh is not None and fresh.state in s.UNSETTLED:
            living.append(fresh)
    sweep_staging(engine)
    finish_networks(engine)
    return living


def settle_row(engine: Engine, row: Row) -> Row | None:
    """Settle one container; return its row as it is now, None when it is gone."""
    folder = _folder_of(engine, row.id)
    try:
        lock = try_lock(folder) if folder else _after_removal(engine.folder(row.id))
    except FileNotFoundError:  # removed since we looked
        lock = -1
    if lock is None:
        return row
    try:
        fresh = engine.store.get(row.id)
        if fresh is None or fresh.state not in s.UNSETTLED:
            return fresh
        if lock == -1 and _folder_of(engine, row.id):
            return fresh  # it has come back: between staging and its place
        return _settle_locked(engine, fresh)
    finally:
        if lock != -1:
            os.close(lock)


def _after_removal(folder: str) -> int:
    """Wait for a shim that is removing ``folder``, its last act; return the lock if there still is one, else -1."""
    try:
        return wait_lock(folder + REMOVING, REMOVAL, "that is being removed")
    except FileNotFoundError:
        return -1


def _folder_of(engine: Engine, identity: str) -> str:
    """Return where the container's folder is, "" when nowhere; staging first: it moves from there, never back."""
    for folder in (engine.staging(identity), engine.folder(identity)):
        if os.path.isdir(folder):
            return folder
    return ""


def _settle_locked(engine: Engine, row: Row) -> Row | None:
    """Settle ``row``, whose lock we hold (or whose folder is gone)."""
    if row.state != s.LIVE or not os.path.isdir(engine.folder(row.id)):
        remove_container(engine, row, volumes=bool(row.auto_remove))
        return None
    status = engine.reported(row.id)
    if not ended(status):
        status = healed(status)
    release(engine, row.id)
    if row.auto_remove:
        remove_container(engine, row, volumes=True)
        return None
    record_end(engine, row.id, status)
    return engine.store.get(row.id)


def settle_silent(engine: Engine, row: Row) -> Row | None:
    """Settle a container whose shim did not answer. Raises DamagedState when it lives all the same."""
    fresh = settle_row(engine, row)
    if fresh is None or fresh.state != s.LIVE:
        return fresh
    status = engine.status(row.id)
    if status.get("state") in RUNNING and _lives(status.get("shim", "")):
        raise DamagedState(row.name, engine.folder(row.id) + "/sock", "nobody answers there, though its shim lives")
    return fresh


def _lives(identity: str) -> bool:
    """Return whether the process that ``identity`` names lives."""
    from section01_processes import ProcessIdentity, UsageError

    try:
        return ProcessIdentity.parse(identity).alive()
    except UsageError:
        return False


def ended(status: dict[str, Any]) -> bool:
    """Return whether ``status`` is a shim's last word: the end, or why there never was a start."""
    return status.get("state") == "exited" or bool(status.get("state") == "created" and status.get("error"))


def healed(status: dict[str, Any]) -> dict[str, Any]:
    """Return the final status of a container whose shim was killed; :func:`release` ends its processes."""
    from minidocker.units import now
    from section01_processes import ProcessIdentity, UsageError, boot_id

    rebooted = False
    if status.get("shim"):
        try:
            rebooted = ProcessIdentity.parse(status["shim"]).boot_id != boot_id()
        except UsageError:
            pass  # not what a shim wrote
    why = "the machine was restarted" if rebooted else "its shim was killed"
    if status.get("state") == "dead":
        why = status["error"]
    return {
        **status,
        "finished": now(),
        "exit_code": REBOOTED if rebooted else KILLED,
        "error": f"{why}; cleaned up by a later command",
    }


def release(engine: Engine, identity: str) -> None:
    """Give back everything of the container that is outside its folder (idempotent)."""
    from minidocker.shim.release import release as release_outside

    release_outside(engine.folder(identity), identity)


def record_end(engine: Engine, identity: str, status: dict[str, Any]) -> None:
    """Fold the final ``status`` into the row. A container that never started goes back to ``created``, as Docker's."""
    from minidocker.shim.protocol import ZERO_TIME

    never = status.get("started", ZERO_TIME) == ZERO_TIME
    engine.store.update(
        identity,
        only_from=(s.LIVE,),
        state=s.CREATED if never else s.EXITED,
        started=status.get("started", ""),
        finished=status.get("finished", ""),
        exit_code=status.get("exit_code", KILLED),
        oom_killed=int(status.get("oom_killed", False)),
        error=status.get("error", ""),
        restarts=status.get("restarts", 0),
        stopped=int(status.get("stopped", False)),
    )


def fold_own(engine: Engine, identity: str) -> None:
    """Fold a container whose shim has just told us that it ended and released everything."""
    row = engine.store.get(identity)
    if row is None or row.state != s.LIVE:
        return
    status = engine.reported(identity)
    if ended(status) and not row.auto_remove:
        record_end(engine, identity, status)
    elif not os.path.lexists(engine.folder(identity)) and not os.path.lexists(engine.folder(identity) + REMOVING):
        forget(engine, identity, volumes=True)
    else:
        settle_row(engine, row)


def remove_container(engine: Engine, row: Row, *, volumes: bool) -> None:
    """Remove a container wholly: outside, folder, anonymous ``volumes`` if wanted, row. The caller holds its lock."""
    engine.store.update(row.id, state=s.REMOVING)
    release(engine, row.id)
    for folder in (engine.staging(row.id), engine.folder(row.id)):
        _remove_folder(folder)
    forget(engine, row.id, volumes=volumes)


def _remove_folder(folder: str) -> None:
    """Remove a folder that somebody else may just be removing too: what he was faster with is fine."""
    from minidocker.shim.release import remove_folder

    until = time.monotonic() + REMOVAL
    while True:
        try:
            remove_folder(folder)
            return
        except FileNotFoundError:
            if time.monotonic() > until:
                raise
            time.sleep(0.002)


def forget(engine: Engine, identity: str, *, volumes: bool) -> None:
    """Delete the row, and with ``volumes`` the anonymous volumes that only this container used.

    The row goes last: whatever kills us before, the next command finds it and goes on from there.
    """
    for name in engine.store.anonymous_volumes(identity) if volumes else ():
        from .volumes import discard_volume

        discard_volume(engine, name, user=identity)
    engine.store.delete(identity)


def finish_networks(engine: Engine) -> None:
    """Remove the links of endpoints that have been leaving for long: the shim was killed as it removed them."""
    root = engine.root.networks
    for name in os.listdir(root) if os.path.isdir(root) else ():
        folder = f"{root}/{name}/endpoints"
        for entry in os.listdir(folder) if os.path.isdir(folder) else ():
            if entry.endswith(".leaving") and _age(f"{folder}/{entry}") > LEAVING:
                from section06_network import NetworkStore, finish_releases

                finish_releases(NetworkStore(root))
                return


def _age(path: str) -> float:
    """Return the seconds since ``path`` was last renamed; 0 when it is gone."""
    try:
        return time.time() - os.stat(path).st_ctime
    except FileNotFoundError:
        return 0.0


def sweep_staging(engine: Engine) -> None:
    """Remove folders whose creator died before it committed their row."""
    staging = engine.root.path + "/creating"
    try:
        names = os.listdir(staging)
    except FileNotFoundError:
        return
    for name in names:
        folder = f"{staging}/{name}"
        try:
            lock = try_lock(folder)
        except FileNotFoundError:  # no lock file yet (or no more): newer than this look is somebody's
            lock = _stale(folder)
        if lock is None:
            continue
        if engine.store.get(name) is None and os.path.isdir(folder):
            from section05_images import remove_tree

            remove_tree(folder)
        if lock >= 0:
            os.close(lock)


def _stale(folder: str) -> int | None:
    """Return -1 for a folder without lock file that is older than a minute, None for one that may be in the making."""
    try:
        return -1 if time.time() - os.stat(folder).st_mtime > 60 else None
    except FileNotFoundError:
        return None


def settled(engine: Engine, reference: str) -> Row:
    """Return the row that ``reference`` means, settled. Raises NoSuchContainer, AmbiguousPrefix."""
    row = engine.store.find(reference)
    if row.state in s.UNSETTLED:
        fresh = settle_row(engine, row)
        if fresh is None:
            return engine.store.find(reference)  # raises: it is gone, or another has the name
        row = fresh
    return row


def unlisted_folders(engine: Engine) -> list[str]:
    """Return the ids of container folders without a row: nothing of ours makes them; `system check` tells."""
    try:
        names = os.listdir(engine.root.containers)
    except FileNotFoundError:
        return []
    return [name for name in names if engine.store.get(name) is None]
