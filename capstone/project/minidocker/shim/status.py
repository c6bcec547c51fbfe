"""``status.json``: what commands may know of a container without asking its shim.

What belongs here: the shape and the writing. What does not: when it changes (``main.py``).
"""

from __future__ import annotations

import os

from section01_processes import ProcessIdentity, action, format_json, read_json, write_file

from . import protocol as p
from .log import timestamp

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class Status:
    """The fields of status.json (``protocol.py`` has the table)."""

    __slots__ = (
        "address", "error", "exit_code", "finished", "identity", "oom_killed", "pid", "restarts", "shim", "started",
        "state", "stopped",
    )  # fmt: skip

    def __init__(self) -> None:
        self.state = "created"
        self.pid = 0
        self.identity = ""
        self.shim = ""
        self.started = self.finished = p.ZERO_TIME
        self.exit_code = 0
        self.oom_killed = False
        self.error = ""
        self.restarts = 0
        self.address = ""
        self.stopped = False

    @classmethod
    def read(cls, folder: str) -> Status | None:
        """Return what the folder says, or None if nothing was ever written."""
        try:
            fields = read_json(os.path.join(folder, p.STATUS))
        except FileNotFoundError:
            return None
        status = cls()
        for name in cls.__slots__:
            if name in fields:
                setattr(status, name, fields[name])
        return status

    def as_dict(self) -> dict[str, Any]:
        """Return the fields by name."""
        return {name: getattr(self, name) for name in self.__slots__}

    def write(self, folder: str) -> None:
        """Write it by rename. Not durable: a power cut ends the container too, and the next command finds that out."""
        write_file(os.path.join(folder, p.STATUS), format_json(self.as_dict()), durable=False)


@action("rename(2)")
def record_created(status: Status, folder: str, pid: int) -> None:
    """Note that the init stands before the gate, and who it is."""
    status.state, status.pid, status.identity = "created", pid, str(ProcessIdentity.of(pid))
    status.error, status.oom_killed, status.exit_code = "", False, 0
    status.write(folder)


@action("rename(2)")
def record_running(status: Status, folder: str) -> None:
    """Note that the gate has been opened and the program runs."""
    status.state, status.started = "running", timestamp()
    status.write(folder)
