"""Namespaces that appear and vanish.

What belongs here: comparing one look with the next, and when to look: at once at a process of which the kernel tells
us, at everything now and then. What does not: printing.
"""

from __future__ import annotations

import select
import time

from section01_processes import Connector, LcmError

from ..errors import NamespaceError
from .compare import links_of
from .rows import Rows
from .survey import take_survey

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from .model import Survey

_TELLING = ("fork", "exec", "exit", "uid", "comm")  # events of processes that may be elsewhere now


class Change:
    """``what`` ("appeared", "vanished") happened to a namespace at ``moment`` (seconds since 1970).

    ``pid`` and ``command`` are of the process with which it was seen first; 0 and "" without one.
    """

    __slots__ = ("command", "inode", "kind", "moment", "pid", "what")

    def __init__(self, what: str, kind: str, inode: int, process: tuple[int, str]) -> None:
        self.moment = time.time()
        self.what = what
        self.kind = kind
        self.inode = inode
        self.pid, self.command = process


class Watcher:
    """Knows which namespaces there were, and tells what has changed since. A ``with`` closes the kernel's channel.

    ``why_polling`` says why the kernel does not tell us of processes; empty when it does.
    """

    __slots__ = ("_channel", "_ended", "_known", "_rows", "unreadable", "why_polling")

    def __init__(self) -> None:
        self.why_polling = ""
        self._channel: Connector | None = None
        try:
            self._channel = Connector()
        except (LcmError, OSError) as error:
            self.why_polling = getattr(error, "message", str(error))
        self._rows = Rows()
        self._ended = False  # whether a process has ended since the last look at everything
        survey = self._survey()
        self._known = {(s.kind, s.inode): (s.first, self._rows.process(s.first)[0]) for s in survey}

    def __enter__(self) -> Watcher:  # noqa: PYI034 - Self would need typing
        return self

    def __exit__(self, *_: object) -> None:
        if self._channel is not None:
            self._channel.close()

    def __len__(self) -> int:
        """How many namespaces are known."""
        return len(self._known)

    def _survey(self) -> Survey:
        survey = take_survey(alone=True)  # the end of a child would be an event, and the reason to look again
        self.unreadable = survey.unreadable
        return survey

    def follow(self, interval: float, end: float | None = None) -> Iterator[Change]:
        """Yield changes until ``end`` (time.monotonic(); None: for ever); look at everything each ``interval`` s.

        After a process has ended everything is looked at earlier: after a quarter of that time at the soonest, so that
        a busy machine does not keep us busy.
        """
        last = time.monotonic()
        while end is None or time.monotonic() < end:
            due = last + (interval / 4 if self._ended else interval)
            until = due if end is None else min(due, end)
            yield from self._listen(max(0.0, until - time.monotonic()))
            if time.monotonic() >= due:
                self._ended = False
                yield from self.look()
                last = time.monotonic()
        yield from self.look()

    def _listen(self, seconds: float) -> Iterator[Change]:
        """Wait for the kernel's events so long; look at each process of which one tells."""
        if self._channel is None:
            time.sleep(seconds)
            return
        if not select.select([self._channel], [], [], seconds)[0]:
            return
        for event in self._channel.receive(0):
            self._ended = self._ended or event.kind == "exit"
            if event.kind in _TELLING:
                yield from self._look_at(int(event.fields["tgid"]))

    def _look_at(self, pid: int) -> Iterator[Change]:
        """Tell of namespaces of process ``pid`` that are new."""
        try:
            links = links_of(pid).values()
        except NamespaceError:
            return
        for link in links:
            kind, _, number = link[:-1].partition(":[")
            if (kind, int(number)) not in self._known:
                yield self._appeared(kind, int(number), pid)

    def _appeared(self, kind: str, inode: int, pid: int) -> Change:
        process = (pid, Rows().process(pid)[0])
        self._known[kind, inode] = process
        return Change("appeared", kind, inode, process)

    def look(self) -> Iterator[Change]:
        """Look at everything; tell what is gone and what is new."""
        survey = self._survey()
        now = {(space.kind, space.inode): space.first for space in survey}
        for key in [key for key in self._known if key not in now]:
            yield Change("vanished", *key, self._known.pop(key))
        for key, pid in now.items():
            if key not in self._known:
                yield self._appeared(*key, pid)
