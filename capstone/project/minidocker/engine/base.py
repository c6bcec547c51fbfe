"""The engine's handle: one state root, its store and its images, opened when first used.

What belongs here: opening, and reading what a shim says of its container. What does not: any command.
"""

from __future__ import annotations

import os

from minidocker.errors import DamagedState, EngineError
from minidocker.paths import StateRoot

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from minidocker.store import Row, Store
    from section05_images import ImageStore


class Engine:
    """One state root. Cheap to make: nothing is opened or created before it is needed."""

    __slots__ = ("_images", "_store", "root")

    def __init__(self, root: str) -> None:
        self.root = StateRoot(os.path.abspath(root))
        self._store: Store | None = None
        self._images: ImageStore | None = None

    def __repr__(self) -> str:
        return f"<engine in {self.root.path}>"

    @property
    def store(self) -> Store:
        """The database; made at first use. Raises EngineError when the state root cannot be written."""
        if self._store is None:
            from minidocker.store import open_store

            try:
                self.root.prepare()
            except OSError as error:
                reason = (error.strerror or str(error)).lower()
                raise EngineError(f"cannot prepare the state folder {self.root.path}: {reason}", hint=_HINT) from None
            self._store = open_store(self.root.database)
        return self._store

    @property
    def images(self) -> ImageStore:
        """Section 5's image store below this root."""
        if self._images is None:
            from section05_images import ImageStore

            self._images = ImageStore(self.root.images)
        return self._images

    def folder(self, identity: str) -> str:
        """Return the folder of container ``identity``."""
        return self.root.container(identity)

    def staging(self, identity: str) -> str:
        """Return the folder of a container that is not complete yet."""
        return f"{self.root.path}/creating/{identity}"

    def status(self, identity: str) -> dict[str, Any]:
        """Return what the shim last said of its container (status.json), {} when it has said nothing yet.

        Raises DamagedState when that cannot be read, or is gone though the container runs.
        """
        from section01_processes import BadJson, read_json

        folder = self.folder(identity)
        try:
            value: dict[str, Any] = read_json(folder + "/status.json")
            if value.__class__ is dict and value.get("state") in STATES and _well_formed(value):
                return value
            reason = "not a container's status"
        except FileNotFoundError:
            if not runs(folder):
                return {}
            reason = "no such file, though the container runs"
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
        except BadJson as error:
            reason = error.message.removeprefix(f"{folder}/status.json: ")
        row = self.store.get(identity)
        raise DamagedState(row.name if row else identity[:12], folder + "/status.json", reason)

    def reported(self, identity: str) -> dict[str, Any]:
        """Return :meth:`status`; state "dead", with the reason as error, for one that is damaged."""
        try:
            return self.status(identity)
        except DamagedState as error:
            return {"state": "dead", "started": "", "error": error.message}


#: What a shim calls its container's state.
STATES = ("created", "running", "restarting", "exited")


_TEXTS, _NUMBERS = ("address", "error", "finished", "shim", "started"), ("exit_code", "pid", "restarts")


def _well_formed(status: dict[str, Any]) -> bool:
    """Return whether every field of a status that is there has the kind of value that a shim writes."""
    texts = all(status.get(name, "").__class__ is str for name in _TEXTS)
    return texts and all(status.get(name, 0).__class__ is int for name in _NUMBERS)


def runs(folder: str) -> bool:
    """Return whether a shim answers for ``folder`` and says that its container's process runs (signal 0, kill(2))."""
    if not os.path.exists(folder + "/sock"):
        return False
    from minidocker.shimclient import ShimError, ShimGone, signal_container

    try:
        signal_container(folder, 0)
    except (ShimError, ShimGone):
        return False
    return True


_HINT = "choose another with --root or MINIDOCKER_ROOT"


def details(row: Row, status: dict[str, Any]) -> dict[str, Any]:
    """Return the state of a container as ps and inspect tell it: the row's, or the shim's while it is unsettled.

    Keys: state ("created", "running", "restarting", "exited", "removing", "dead"), pid, started, finished, exit_code,
    oom_killed, error, restarts, address.
    """
    told = {
        "state": row.state,
        "pid": 0,
        "started": row.started,
        "finished": row.finished,
        "exit_code": row.exit_code,
        "oom_killed": bool(row.oom_killed),
        "error": row.error,
        "restarts": row.restarts,
        "address": "",
    }
    if row.state == "creating":
        told["state"] = "created"
    elif row.state == "live":
        told.update({key: status[key] for key in told if key in status})
        if not status:
            told["state"] = "created"
    return told
