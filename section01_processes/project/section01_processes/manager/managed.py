"""A named process as it stands at this moment: what was recorded, and what is true.

What belongs here: reading and judging. What does not: changing anything (``operations.py``).

The supervisor writes ``state.json``; but a supervisor can be killed. So the lock is asked first whether one lives, then
the file is read, and where they do not agree the process's identity decides:

| lock | recorded | process | shown |
|---|---|---|---|
| held | running | state T | paused |
| held | any | – | as recorded |
| free | exited | – | exited |
| free | anything else | lives | orphaned: it goes on, unwatched |
| free | anything else | gone | lost: with its supervisor, or by a reboot |
"""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any

from ..core.stat import ProcessStat
from ..errors import LcmError
from ..handle import ProcessGone, open_identity
from ..identity import ProcessIdentity
from ..views.text import valid_text
from . import place
from .policy import TRANSITIONS, Policy
from .program import limits_of
from .record import Spec, Status

if TYPE_CHECKING:
    from ..core.spawn import Child


class NoSuchName(LcmError):
    """No process has this name (exit code 1)."""

    exit_code = 1


class DamagedState(LcmError):
    """A file of a named process cannot be read as what it should be: which, where, and what to try."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(
            f"the state of process {name!r} is damaged: {reason}",
            hint=f"see with procman ps whether it runs; procman rm --force {name} forgets it",
        )


class Managed:
    """A named process: ``spec``, ``status``, whether it is ``supervised``; identities of ``process`` and ``keeper``."""

    __slots__ = ("folder", "keeper", "name", "process", "spec", "stat", "status", "supervised")

    def __init__(self, folder: str, spec: Spec, status: Status, supervised: bool) -> None:
        self.folder = folder
        self.name = os.path.basename(folder)
        self.spec = spec
        self.status = status
        self.supervised = supervised
        self.process = read_process(folder)
        self.keeper = _identity(os.path.join(folder, place.STATE), status.supervisor)
        self.stat = self._stat()

    @classmethod
    def read(cls, state: str, name: str) -> Managed:
        """Read and judge. Raises NoSuchName, DamagedState."""
        folder = os.path.join(state, name)
        if not (place.is_name(name) and os.path.isdir(folder)):
            raise NoSuchName(f"no process has the name {name!r}", hint="procman ps --managed lists them")
        check_owner(folder)
        supervised = place.supervised(folder)
        try:
            spec = read_spec(folder)
            try:
                status = Status.read(os.path.join(folder, place.STATE))
            except FileNotFoundError:  # not yet, or its first command was killed
                status = Status()
            if status.state not in TRANSITIONS:
                raise LcmError(f"{os.path.join(folder, place.STATE)}: field 'state': no such state")
            return cls(folder, spec, status, supervised)
        except (LcmError, OSError) as error:
            if not os.path.isdir(folder):
                raise NoSuchName(f"no process has the name {name!r}") from error
            raise DamagedState(name, str(error)) from error

    @property
    def alive(self) -> bool:
        """Whether the process lives; a zombie does not."""
        return self.stat is not None

    @property
    def state(self) -> str:
        """The state, as in the table above."""
        if self.supervised:
            stopped = self.stat is not None and self.stat.state in "Tt"
            return "paused" if stopped and self.status.state == "running" else self.status.state
        if self.status.state == "exited":
            return "exited"
        return "orphaned" if self.alive else "lost"

    @property
    def running(self) -> bool:
        """Whether something of it lives or is about to."""
        return self.state not in ("exited", "lost")

    def open(self) -> Child:
        """Return a handle of the process. Raises ProcessGone when there is none now."""
        if self.process is None or not self.alive:
            raise ProcessGone(f"process {self.name!r} does not run: {self.ending()}")
        return open_identity(self.process)

    def ending(self) -> str:
        """Return in words how it stands, and how it ended: ``exited, exit code 3``."""
        code = self.status.exit_code
        text = self.state if self.state in ("exited", "restarting") else f"{self.state}, nobody knows how it ended"
        return text if code is None or not text.startswith(self.state) else f"{text}, exit code {code}"

    def complaint(self) -> str:
        """Return what the user must know about its supervisor; "": all is well."""
        if self.state == "orphaned" and self.process:
            return (
                f"the supervisor of {self.name!r} was killed; process {self.process.pid} goes on, its output goes "
                f"nowhere: procman stop {self.name} ends it, procman start {self.name} starts it anew then"
            )
        if self.state == "lost":
            return (
                f"{self.name!r} was lost with its supervisor or by a reboot: procman start {self.name} starts it anew, "
                f"procman rm {self.name} forgets it"
            )
        return ""

    def as_dict(self) -> dict[str, Any]:
        """Return what ``ps --managed`` and ``status`` show; no environment."""
        return {
            "name": self.name,
            "pid": self.process.pid if self.process and self.alive else None,
            "state": self.state,
            "restarts": self.status.restarts,
            "uptime": self._uptime(),
            "exit_code": None if self.alive else self.status.exit_code,
            "policy": self.spec.restart,
            "stopped": self.status.stopped,
            "error": self.status.error,
            "supervisor": self.keeper.pid if self.keeper and self.supervised else None,
            "log": self.log,
            "command": valid_text(" ".join(self.spec.argv)),
        }

    @property
    def log(self) -> str:
        """The path of its log."""
        return self.spec.log or os.path.join(self.folder, place.LOG)

    def _stat(self) -> ProcessStat | None:
        """Return what /proc says about the process, if this very process lives."""
        if self.process is None or not self.process.alive():
            return None
        try:
            return ProcessStat.of(self.process.pid)
        except ProcessLookupError:
            return None

    def _uptime(self) -> float | None:
        """Return the seconds for which the process has lived."""
        if self.stat is None:
            return None
        return round(time.clock_gettime(time.CLOCK_BOOTTIME) - self.stat.start_time / os.sysconf("SC_CLK_TCK"), 2)


def check_owner(folder: str) -> None:
    """Raise LcmError when another user keeps the process: what he wrote is not for us to believe, nor to run."""
    owner = os.stat(folder).st_uid
    if owner != os.geteuid():
        raise LcmError(f"{folder} belongs to user {owner}", hint="work on it as that user")


def read_process(folder: str) -> ProcessIdentity | None:
    """Return which process was started last; None before the first. Raises LcmError."""
    path = os.path.join(folder, place.PROCESS)
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return _identity(path, file.read().strip())
    except FileNotFoundError:
        return None


def _identity(path: str, text: str) -> ProcessIdentity | None:
    """Return the identity that stands in ``path``; None where nothing does. Raises LcmError."""
    try:
        return ProcessIdentity.parse(text) if text else None
    except LcmError as error:
        raise LcmError(f"{path}: {error}") from error


def read_spec(folder: str) -> Spec:
    """Read ``spec.json`` of ``folder`` and check what is in its fields, too. Raises OSError, LcmError."""
    path = os.path.join(folder, place.SPEC)
    spec = Spec.read(path)
    if not spec.argv or not all(isinstance(word, str) for word in (*spec.argv, *spec.env)):
        raise LcmError(f"{path}: fields 'argv' and 'env': lists of words are expected")
    if len(spec.size) != 2 or not all(isinstance(n, int) for n in spec.size):
        raise LcmError(f"{path}: field 'size': rows and columns are expected")
    try:
        Policy.parse(spec.restart)
        limits_of(spec)
    except (LcmError, TypeError) as error:
        raise LcmError(f"{path}: {error}") from error
    return spec


def read_all(state: str) -> tuple[list[Managed], list[LcmError]]:
    """Return every named process, by name, and what was wrong with those that cannot be read."""
    found: list[Managed] = []
    problems: list[LcmError] = []
    for name in place.names(state):
        try:
            found.append(Managed.read(state, name))
        except NoSuchName:
            continue  # removed meanwhile
        except LcmError as error:
            problems.append(error)
    return found, problems
