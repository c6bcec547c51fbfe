"""MiniDocker's default, put to the test by ``jailman test``: the method that section 4 finds by an entry point.

A real container of the embedded image, started by the command line as a user would start it, without an option that
widens or narrows what it may do. Two things differ from a plain ``run``: the interpreter that makes the attempts is
bound into it, read-only, because the image has none; and it has no network, since a bridge would outlive the test (its
network namespace is its own either way, which is what the attempts are about).

What belongs here: the commands. What does not: the attempts (section 4).
"""

from __future__ import annotations

import os
import subprocess
import sys

from minidocker.errors import EngineError
from section04_filesystem import EVERYTHING, ExecutedMethod

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from section04_filesystem import Stage

_NAME = "isolation"
_SECONDS = 60.0


class DefaultContainer(ExecutedMethod):
    """A container as ``minidocker run`` makes it; the state root is on the test's stage."""

    needs = ("root",)
    reads_safely = True

    def __init__(self) -> None:
        super().__init__("minidocker", "a container as `minidocker run` makes it by default", (EVERYTHING,))

    def command(self, stage: Stage, argv: Sequence[str], binds: Sequence[tuple[str, str]]) -> list[str]:
        """Load the embedded image; return the run command."""
        os.mkdir(self._state(stage), 0o700)
        self._minidocker(stage, "system", "tiny")
        volumes = [word for source, target in binds for word in ("-v", f"{source}:{target}:ro")]
        options = ["-i", "--name", _NAME, "--network", "none", *volumes]
        return [*self._words(stage), "run", *options, "tiny", *argv]

    def root(self, stage: Stage) -> str:
        """Return the container's root, by its first process."""
        pid = self._minidocker(stage, "inspect", "-f", "{{.State.Pid}}", _NAME).strip()
        return f"/proc/{pid}/root"

    def clean(self, stage: Stage) -> None:
        """Remove the container: its processes and its cgroup."""
        self._minidocker(stage, "rm", "-f", "-v", _NAME)

    def read(self, root: str, path: str) -> bytes:
        """Return a file of the container's as the shim reads its /etc/passwd for ``exec --user``; b"" for none."""
        from minidocker.shim.prepare import _read_in

        root_fd = os.open(root, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            return _read_in(root_fd, path).encode()
        finally:
            os.close(root_fd)

    @staticmethod
    def _state(stage: Stage) -> str:
        return f"{stage.folder}/minidocker"

    def _words(self, stage: Stage) -> list[str]:
        return [sys.executable, "-m", "minidocker", "--root", self._state(stage)]

    def _minidocker(self, stage: Stage, *words: str) -> str:
        """Run a command and return what it prints. Raises EngineError with its last line."""
        done = subprocess.run([*self._words(stage), *words], capture_output=True, text=True, timeout=_SECONDS)  # noqa: PLW1510
        if done.returncode:
            raise EngineError(done.stderr.strip().rpartition("\n")[2] or f"minidocker {words[0]} failed")
        return done.stdout


def methods() -> list[DefaultContainer]:
    """Return MiniDocker's methods (entry-point group ``lcm.isolation``)."""
    return [DefaultContainer()]
