"""The stage of a demonstration: what is done is announced, what the kernel says is recorded.

An actor is a child process that can do a few things, its *abilities*: functions that the demonstration calls in it.

    demonstration                          actor (in namespaces of its own)
      actor(listen, 8080)   ["listen", 8080] ──▶   listen(8080)
                            ◀── {"value": …}, or {"errno": 13, "error": …}: Refused is raised

What belongs here: telling, recording, actors. What does not: what they can do (``acts.py``), the demonstrations.
"""

from __future__ import annotations

import errno
import json
import os
import select
import time
from functools import partial
from typing import TYPE_CHECKING, Any

from section01_processes import LcmError, recv_message, send_message, set_death_signal, socket_pair, spawn

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Ability = Callable[..., Any]

END = b"end"
PATIENCE = 30.0  # seconds until we say that something did not happen


class Refused(LcmError):
    """What an actor was told to do failed; ``name`` is the errno's (``EPERM``), "" where there was none."""

    def __init__(self, answer: Mapping[str, Any]) -> None:
        super().__init__(str(answer["error"]), hint=str(answer["hint"]), explain=str(answer["explain"]))
        self.errno = int(answer["errno"])
        self.name = errno.errorcode.get(self.errno, "")


class Fact:
    """One thing that the kernel said. ``value`` is plain data; ``source`` tells where the kernel said it."""

    __slots__ = ("name", "source", "value")

    def __init__(self, name: str, value: Any, source: str) -> None:
        self.name = name
        self.value = value
        self.source = source


class Stage:
    """Where a demonstration plays. ``steps`` collects ``{"do": …, "facts": {…}, "sources": {…}}`` as it goes."""

    def __init__(self, announce: Callable[[str], None], tell: Callable[[Fact], None]) -> None:
        """``announce`` is called before each step, ``tell`` for each fact."""
        self._announce = announce
        self._tell = tell
        self.steps: list[dict[str, Any]] = []

    def do(self, text: str) -> None:
        """Begin a step: say what will be done. The next lines of the demonstration do it."""
        self._announce(text)
        self.steps.append({"do": text, "facts": {}, "sources": {}})

    def fact(self, name: str, value: Any, source: str) -> None:
        """Record what the kernel says."""
        self.steps[-1]["facts"][name] = value
        self.steps[-1]["sources"][name] = source
        self._tell(Fact(name, value, source))

    def answer(self, name: str, source: str, call: Callable[[], Any]) -> None:
        """Record whether ``call`` succeeds: "works", or the errno's name. Other errors go on."""
        try:
            call()
            self.fact(name, "works", source)
        except Refused as refused:
            if not refused.name:
                raise
            self.fact(name, refused.name, source)


class Actor:
    """A child process that does as it is told. Used in a ``with``: at its end nobody is left.

    ``prepare`` is called in the child first: it brings it into its namespaces. With ``pid_one`` it then forks once
    more, so that the actor is in the pid namespace that ``prepare`` has made. ``pid`` is its pid for us.
    """

    def __init__(self, *abilities: Ability, prepare: Callable[[], Any] | None = None, pid_one: bool = False) -> None:
        known = {ability.__name__: ability for ability in abilities}
        ours, theirs = socket_pair()

        def run() -> None:
            os.close(ours)
            set_death_signal(9)  # if we are killed, it does not stay
            if not _reply(theirs, prepare or (lambda: None)):
                return
            if not pid_one:
                _reply(theirs, os.getpid)
                _obey(theirs, known)
                return
            with spawn(lambda: _obey(theirs, known)) as inner:
                _reply(theirs, lambda: inner.pid)
                os.close(theirs)
                inner.wait()

        try:
            self._child = spawn(run)
        finally:
            os.close(theirs)
        self._line = ours
        try:
            _hear(ours)
            self.pid = int(_hear(ours))
        except BaseException:
            self.leave()
            raise

    def __call__(self, ability: Ability, *arguments: Any) -> Any:
        """Have the actor call one of its abilities; return what that returns. Raises Refused, LcmError."""
        send_message(self._line, json.dumps([ability.__name__, *arguments]).encode())
        return _hear(self._line)

    def __enter__(self) -> Actor:  # noqa: PYI034 - Self would need a newer typing
        return self

    def __exit__(self, *_: object) -> None:
        self.leave()

    def leave(self) -> None:
        """Send the actor home and wait for its end; does nothing when it has gone already."""
        if self._line < 0:
            return
        try:
            send_message(self._line, END)  # closing is not enough: actors that came later have a copy of our end
        except BrokenPipeError:
            pass
        os.close(self._line)
        self._line = -1
        if not select.select([self._child], [], [], PATIENCE)[0]:
            self._child.signal(9)
        self._child.wait()
        self._child.close()


def _obey(line: int, abilities: Mapping[str, Ability]) -> None:
    """Be an actor: call what is asked for, until nobody asks any more."""
    set_death_signal(9)
    while (data := recv_message(line)[0]) not in (END, b""):
        name, *arguments = json.loads(data)
        _reply(line, partial(abilities[name], *arguments))


def _reply(line: int, call: Callable[[], Any]) -> bool:
    """Send what ``call`` returns, or how it failed; return whether it succeeded."""
    try:
        answer = {"value": call()}
    except (OSError, LcmError) as error:
        told = {name: getattr(error, name, "") for name in ("hint", "explain")}
        text = error.message if isinstance(error, LcmError) else str(error)
        answer = {"errno": getattr(error, "errno", 0) or 0, "error": text, **told}
    send_message(line, json.dumps(answer).encode())
    return "value" in answer


def _hear(line: int) -> Any:
    """Wait for an answer. Raises Refused; LcmError when the actor has gone, or says nothing for half a minute."""
    if not select.select([line], [], [], PATIENCE)[0]:
        raise LcmError("a process of the demonstration says nothing")
    data, _ = recv_message(line)
    if not data:
        raise LcmError("a process of the demonstration has ended early")
    answer = json.loads(data)
    if "value" not in answer:
        raise Refused(answer)
    return answer["value"]


def wait_until(condition: Callable[[], bool], what: str) -> None:
    """Wait until ``condition`` holds; raise LcmError after half a minute. ``what`` completes "waited in vain: …"."""
    until = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > until:
            raise LcmError(f"waited in vain: {what}")
        time.sleep(0.002)
