"""Where MiniDocker keeps things: the state root and the places below it.

What belongs here: names of files. What does not: making or reading them (each has an owner; see contracts.md).
"""

from __future__ import annotations

import os

#: The state root of root.
ROOTS_PLACE = "/var/lib/minidocker"


def default_root() -> str:
    """Return the state root: ``MINIDOCKER_ROOT``, root's ``/var/lib/minidocker``, or the user's data folder."""
    named = os.environ.get("MINIDOCKER_ROOT")
    if named:
        return os.path.abspath(named)
    if os.geteuid() == 0:
        return ROOTS_PLACE
    data = os.environ.get("XDG_DATA_HOME") or os.path.join(os.path.expanduser("~"), ".local", "share")
    return os.path.join(data, "minidocker")


def state_root(named: str | None) -> str:
    """Return the absolute path of the state root ``named`` on the command line, or the default one."""
    return os.path.abspath(named) if named else default_root()


class StateRoot:
    """The paths below one state root. Pure: :meth:`prepare` is the only method that touches the disk."""

    __slots__ = ("path",)

    def __init__(self, path: str) -> None:
        self.path = path

    @property
    def database(self) -> str:
        """``state.db``: SQLite, read and written by the engine only."""
        return self.path + "/state.db"

    @property
    def images(self) -> str:
        """``images``: owned by section 5's ImageStore."""
        return self.path + "/images"

    @property
    def networks(self) -> str:
        """``networks``: owned by section 6's NetworkStore."""
        return self.path + "/networks"

    @property
    def containers(self) -> str:
        """``containers``: one folder per container."""
        return self.path + "/containers"

    @property
    def volumes(self) -> str:
        """``volumes``: ``<name>/_data``."""
        return self.path + "/volumes"

    @property
    def seccomp_cache(self) -> str:
        """``cache/seccomp``: compiled filters by hash."""
        return self.path + "/cache/seccomp"

    def container(self, identity: str) -> str:
        """Return the folder of the container with this full id."""
        return f"{self.path}/containers/{identity}"

    def volume(self, name: str) -> str:
        """Return the data folder of volume ``name``."""
        return f"{self.path}/volumes/{name}/_data"

    def prepare(self) -> None:
        """Make the folders that are always there, closed to others (0700). Raises OSError."""
        if os.path.isdir(self.containers) and os.path.isdir(self.volumes):
            return
        os.makedirs(self.path, mode=0o700, exist_ok=True)
        for folder in (self.containers, self.volumes):
            os.makedirs(folder, mode=0o700, exist_ok=True)
