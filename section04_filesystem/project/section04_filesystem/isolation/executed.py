"""Methods that execute their programs: a real runtime, seen from its command line.

The runtime starts the interpreter in its jail, with standard input and output as the link; nothing of this process's
memory or descriptors is in there but what the runtime lets through. The descriptor "open from before" is offered to
the runtime, as a careless caller would.

What belongs here: the base class. What does not: any one runtime.
"""

from __future__ import annotations

import subprocess

from .interpreter import Interpreter
from .link import Link
from .model import IsolationMethod, Jailed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from .stage import Stage


class ExecutedMethod(IsolationMethod):
    """A method that is a command: derive from it, and say which."""

    def command(self, stage: Stage, argv: Sequence[str], binds: Sequence[tuple[str, str]]) -> list[str]:
        """Return the command that runs ``argv`` in the jail, with its standard input and output passed through.

        ``binds`` (path on the host, path in the jail) are to be bound read-only. What the runtime keeps goes below
        ``stage.folder``.
        """
        raise NotImplementedError

    def root(self, stage: Stage) -> str:
        """Return a path that leads to the running jail's root from outside, such as /proc/PID/root."""
        raise NotImplementedError

    def clean(self, stage: Stage) -> None:
        """End what still runs and remove what the runtime keeps outside of the stage (cgroups)."""
        raise NotImplementedError

    def start(self, stage: Stage) -> Jailed:
        """Start the command."""
        return ExecutedJail(self, stage)


class ExecutedJail(Jailed):
    """A running command, and how to end it."""

    def __init__(self, method: ExecutedMethod, stage: Stage) -> None:
        interpreter = Interpreter()
        command = method.command(stage, interpreter.argv, interpreter.binds)
        self._method, self._stage = method, stage
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, pass_fds=(stage.held,), bufsize=0
        )
        assert self._process.stdin
        assert self._process.stdout
        super().__init__(Link(self._process.stdout.fileno(), self._process.stdin.fileno()))

    def root(self) -> str:
        """Return the jail's root as the method finds it."""
        return self._method.root(self._stage)

    def stop(self) -> None:
        """Close the link, give the command time to end, clean up."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.close()
        try:
            self._process.wait(5.0)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()
        self._method.clean(self._stage)
