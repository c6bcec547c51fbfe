"""Section 1's stage, for namespaces: actors that do one thing after the other as they are told, wherever they are.

An actor here can do a few things, its *abilities*: functions that the demonstration calls in it.

    demonstration                          actor (in namespaces of its own)
      actor(listen, 8080)   ["listen", 8080] ──▶   listen(8080)
                            ◀── {"value": …}, or {"errno": 13, "error": …}: Refused is raised

What belongs here: what such a demonstration needs beyond section 1's. What does not: what the actors can do
(``acts.py``), the demonstrations.
"""

from __future__ import annotations

import errno
import os
import select
from functools import partial
from typing import TYPE_CHECKING, Any

import section01_processes as processes
from section01_processes import LcmError, set_death_signal, spawn

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Ability = Callable[..., Any]

END = None  # in place of an ability's name and arguments: go home
PATIENCE = 30.0  # seconds until an actor that was sent home is ended


class Refused(LcmError):
    """What an actor was told to do failed; ``name`` is the errno's (``EPERM``), "" where there was none."""

    def __init__(self, answer: Mapping[str, Any]) -> None:
        super().__init__(str(answer["error"]), hint=str(answer["hint"]), explain=str(answer["explain"]))
        self.errno = int(answer["errno"])
        self.name = errno.errorcode.get(self.errno, "")


class Stage(processes.Stage):
    """Where a demonstration plays that also asks what is refused."""

    def answer(self, name: str, source: str, call: Callable[[], Any]) -> None:
        """Record whether ``call`` succeeds: "works", or the errno's name. Other errors go on."""
        try:
            call()
            self.fact(name, "works", source)
        except Refused as refused:
            if not refused.name:
                raise
            self.fact(name, refused.name, source)


class Actor(processes.Actor):
    """A child process that does as it is told. Used in a ``with``: at its end nobody is left.

    ``prepare`` is called in the child first: it brings it into its namespaces. With ``pid_one`` it then forks once
    more, so that the actor is in the pid namespace that ``prepare`` has made. ``pid`` is its pid for us.
    """

    def __init__(self, *abilities: Ability, prepare: Callable[[], Any] | None = None, pid_one: bool = False) -> None:
        """Wait until it is prepared. Raises Refused with the reason why it is not, LcmError, SyscallError."""
        known = {ability.__name__: ability for ability in abilities}
        super().__init__(partial(_play, known, prepare or (lambda: None), pid_one))
        try:
            _hear(self.line)
            self._pid = int(_hear(self.line))
        except BaseException:
            self.leave()
            raise

    @property
    def pid(self) -> int:
        """The pid of the process that has the abilities."""
        return self._pid

    def __call__(self, ability: Ability, *arguments: Any) -> Any:
        """Have the actor call one of its abilities; return what that returns. Raises Refused, LcmError."""
        self.line.say([ability.__name__, *arguments])
        return _hear(self.line)

    def __enter__(self) -> Actor:  # noqa: PYI034 - Self would need a newer typing
        return self

    def leave(self) -> None:
        """Send the actor home and wait for its end; does nothing when it has gone already."""
        if self.child.pidfd >= 0:
            try:
                self.line.say(END)  # closing is not enough: actors that came later have a copy of our end
            except BrokenPipeError:
                pass
            select.select([self.child], [], [], PATIENCE)
        super().leave()


def _play(abilities: Mapping[str, Ability], prepare: Callable[[], Any], pid_one: bool, line: processes.Line) -> None:
    """Be an actor: say how the preparation went, then the pid, then what is asked for."""
    if not _reply(line, prepare):
        return
    if not pid_one:
        _reply(line, os.getpid)
        _obey(line, abilities)
        return
    with spawn(lambda: _obey(line, abilities)) as inner:
        _reply(line, lambda: inner.pid)
        line.close()
        inner.wait()


def _obey(line: processes.Line, abilities: Mapping[str, Ability]) -> None:
    """Call what is asked for, until the actor is sent home."""
    set_death_signal(9)
    while (request := line.hear()) != END:
        name, *arguments = request
        _reply(line, partial(abilities[name], *arguments))


def _reply(line: processes.Line, call: Callable[[], Any]) -> bool:
    """Send what ``call`` returns, or how it failed; return whether it succeeded."""
    try:
        answer = {"value": call()}
    except (OSError, LcmError) as error:
        told = {name: getattr(error, name, "") for name in ("hint", "explain")}
        text = error.message if isinstance(error, LcmError) else str(error)
        answer = {"errno": getattr(error, "errno", 0) or 0, "error": text, **told}
    line.say(answer)
    return "value" in answer


def _hear(line: processes.Line) -> Any:
    """Wait for an answer. Raises Refused; LcmError when the actor has gone, or says nothing for half a minute."""
    answer = line.hear()
    if "value" not in answer:
        raise Refused(answer)
    return answer["value"]
