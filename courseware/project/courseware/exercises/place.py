"""Where a submission runs: the interface of a *place*, one per test, and what both kinds of place are made of.

What belongs here: the protocol, the interpreter, the environment. What does not: the plain child (``plain.py``) and the
sandbox (``sandbox.py``), which keep to it; what is asked of it (``box.py``) and put into it (``submission.py``).
"""

from __future__ import annotations

import os
import sys
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import Protocol

PROGRAM_FOLDERS = "/usr/bin:/bin:/usr/sbin:/sbin"


class Process(Protocol):
    """A process that a place has started: the submission's own, not a helper of the place."""

    @property
    def pid(self) -> int:
        """Its pid as the host's /proc has it."""

    @property
    def pidfd(self) -> int:
        """A descriptor of it, of the test process; polls readable when it has ended. The place closes it at its end."""

    def wait(self, seconds: float) -> int | None:
        """Return the wait status, as of waitpid(2), or None if it still runs after ``seconds`` (0: look only).

        Can be asked again at any time, also after the place was closed.
        """

    def broken(self) -> str:
        """Return "", or the verdict if the place ended it or saw a limit broken: OOM; KILLED(SIGKILL) for processes.

        Asked between two looks and once more after the end.
        """


class Place(Protocol):
    """A folder to work in and a way to start programs there. Making one is all that prepares it."""

    @property
    def folder(self) -> Path:
        """The scratch folder, the working directory of what is launched, as the test sees it: an absolute path."""

    @property
    def inside(self) -> str:
        """The same folder as the submission sees it."""

    @property
    def submission(self) -> str:
        """The read-only copy of the submission, as the submission sees it."""

    @property
    def modules(self) -> str:
        """The folder that holds ``lab`` and what else the exercise provides, as the submission sees it: PYTHONPATH."""

    def keepers(self) -> AbstractSet[int]:
        """Return the host's pids of the place's own processes; they are none of the submission's."""

    def launch(self, argv: list[str], env: dict[str, str], stdin: int, stdout: int, stderr: int) -> Process:
        """Start ``argv[0]`` (an absolute path, as the submission sees it) with exactly ``env`` and three descriptors.

        The descriptors stay the caller's. In the place: working directory ``inside``, umask 022, a session of its own,
        default signal actions. Raises LcmError when it cannot be started.
        """

    def close(self) -> None:
        """Kill everything in it, wait until all is gone, remove what was made. Idempotent."""


def environment(place: Place) -> dict[str, str]:
    """Return the environment that a submission in ``place`` gets; nothing of it is the caller's."""
    return {
        "HOME": place.inside,
        "LANG": "C.UTF-8",
        "PATH": PROGRAM_FOLDERS,
        "PYTHONHASHSEED": "0",
        "PYTHONPATH": place.modules,
        "TMPDIR": place.inside,
    }


def interpreter() -> str:
    """Return the machine's own Python: the one that our environment was made from, without our packages."""
    base: str = getattr(sys, "_base_executable", "") or sys.executable
    return os.path.realpath(base)
