"""What happens to processes, in words: the connector's events, filtered and given names.

What belongs here: whose events are wanted (one process and its descendants), what the processes are called, what was
lost. What does not: the bytes (``connector.py``), printing.
"""

from __future__ import annotations

import os
import select
import time
from typing import TYPE_CHECKING, Any

from .core.spawn import exit_code
from .core.tree import ProcessTree
from .errors import LcmError
from .signals import signal_name
from .status import command_line

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .connector import Connector, Event

#: The kinds that a user can ask for.
KINDS = ("fork", "exec", "exit", "comm", "uid", "gid", "sid", "ptrace", "coredump")


class Happening:
    """One event of one process. ``facts`` are what its kind adds; ``lost`` has no process but a number of messages."""

    __slots__ = ("facts", "kind", "name", "nanoseconds", "pid", "tid")

    def __init__(self, kind: str, pid: int, tid: int, name: str, nanoseconds: int, facts: dict[str, Any]) -> None:
        self.kind = kind
        self.pid = pid
        self.tid = tid  # differs from pid when it is about a thread
        self.name = name
        self.nanoseconds = nanoseconds
        self.facts = facts

    def words(self) -> str:
        """Return what happened, without time and process."""
        facts = self.facts
        match self.kind:
            case "fork":
                return f"child of {facts['parent']} {facts['parent_name']}"
            case "exec":
                return " ".join(facts["command"]) or "(gone before it could be read)"
            case "exit":
                return ending(facts["status"])
            case "uid" | "gid":
                return f"real {facts['real']}, effective {facts['effective']}"
            case "sid":
                return "leads a session of its own"
            case "ptrace":
                return f"traced by {facts['tracer']}" if facts["tracer"] else "traced no more"
            case "lost":
                many = facts["messages"]
                return f"{many or 'some'} messages: they came faster than we read (try --buffer)"
        return {"comm": "has a new name", "coredump": "dumps core"}.get(self.kind, "")


class Follower:
    """Turns events into happenings, for ``pid`` and its descendants (0: for all).

    Make it *after* the connector listens: what is forked between the two is then in an event, in the picture, or in
    both, and never in none of them.
    """

    def __init__(self, pid: int = 0, *, threads: bool = False) -> None:
        """Look at who is there. Raises LcmError when there is no process ``pid``."""
        picture = ProcessTree.read()
        self.threads = threads
        self._names = {stat.pid: stat.comm for stat in picture.processes.values()}
        self._wanted = {stat.pid for _, stat in picture.walk(pid)} if pid else None
        self._ended: set[int] = set()  # a thread can end after its process's first thread: only a fork takes a pid away

    def take(self, event: Event) -> Happening | None:
        """Return what the event means, or None when nobody asked for it."""
        if event.kind not in KINDS:
            return None
        fields = event.fields
        pid, tid = int(fields["tgid"]), int(fields["pid"])
        name, facts = self._note(event, pid, tid)
        wanted = self._wanted is None or pid in self._wanted
        if event.kind == "exit" and pid == tid:
            self._ended.add(pid)
        if not wanted or (pid != tid and not self.threads):
            return None
        return Happening(event.kind, pid, tid, name, event.nanoseconds, facts)

    def lost(self) -> None:
        """Messages were lost: look again for descendants that we have not heard of."""
        picture = ProcessTree.read()
        self._names.update({stat.pid: stat.comm for stat in picture.processes.values()})
        if self._wanted is not None:
            known = [pid for pid in self._wanted - self._ended if pid in picture.processes]
            self._wanted = {stat.pid for pid in known for _, stat in picture.walk(pid)}

    def _note(self, event: Event, pid: int, tid: int) -> tuple[str, dict[str, Any]]:
        """Learn names and descendants from the event; return the process's name and what the kind adds."""
        fields, kind = event.fields, event.kind
        facts: dict[str, Any] = {}
        if kind == "fork":
            parent = int(fields["parent_tgid"])
            facts = {"parent": parent, "parent_name": self._names.get(parent, "?")}
            if pid == tid:
                self._born(pid, parent)
        elif kind == "exec":
            facts = {"command": command_line(pid)}
            self._names[pid] = read_name(pid) or self._names.get(pid, "?")  # it may have gone already
        elif kind == "comm" and pid == tid:
            self._names[pid] = str(fields["comm"])
        elif kind == "exit":
            facts = {"status": int(fields["status"]), "exit_code": exit_code(int(fields["status"]))}
        elif kind == "ptrace":
            facts = {"tracer": int(fields["tracer_tgid"])}
        elif kind in ("uid", "gid"):
            facts = {"real": int(fields["real"]), "effective": int(fields["effective"])}
        name = str(fields["comm"]) if kind == "comm" else self._names.get(pid, "?")
        return name, facts

    def _born(self, pid: int, parent: int) -> None:
        """Learn of a new process: it has its parent's name, and belongs to whom its parent belongs."""
        self._names[pid] = self._names.get(parent, "?")
        self._ended.discard(pid)
        if self._wanted is not None:
            (self._wanted.add if parent in self._wanted else self._wanted.discard)(pid)


def follow(connector: Connector, follower: Follower, until_exit: int = 0) -> Iterator[Happening]:
    """Return an iterator of what happens; it ends with the exit of ``until_exit`` (0: never). Losses are said.

    Raises LcmError, at once, when there is no process ``until_exit``.
    """
    return _follow(connector, follower, until_exit, _pidfd(until_exit) if until_exit else -1)


def _follow(connector: Connector, follower: Follower, until_exit: int, pidfd: int) -> Iterator[Happening]:
    sources = [connector.fileno(), *([pidfd] if pidfd >= 0 else [])]
    told, overruns = 0, 0
    try:
        while True:
            ready, _, _ = select.select(sources, [], [])
            events = connector.receive(0)
            if connector.lost > told:
                follower.lost()
                yield _lost(connector.lost - told)
                told, overruns = connector.lost, connector.overruns
            for event in events:
                happening = follower.take(event)
                if happening:
                    yield happening
                if until_exit and event.kind == "exit" and event.fields["pid"] == until_exit:
                    return
            if pidfd in ready and connector.fileno() not in ready:  # its exit is among what we lost
                if connector.overruns > overruns:
                    yield _lost(0)
                return
    finally:
        if pidfd >= 0:
            os.close(pidfd)


def _lost(messages: int) -> Happening:
    return Happening("lost", 0, 0, "", time.monotonic_ns(), {"messages": messages})


def _pidfd(pid: int) -> int:
    try:
        return os.pidfd_open(pid)
    except ProcessLookupError as error:
        raise LcmError(f"no process {pid}", exit_code=1) from error


def read_name(pid: int) -> str:
    """Return the name of ``pid`` from /proc/PID/comm; empty when it has gone."""
    try:
        with open(f"/proc/{pid}/comm", "rb") as file:
            return file.read().decode(errors="surrogateescape").removesuffix("\n")
    except OSError:
        return ""


def ending(status: int) -> str:
    """Return how a process ended, in words: ``exit code 3``, ``killed by SIGSEGV, core dumped``. See wait(2)."""
    if status & 0x7F == 0:
        return f"exit code {exit_code(status)}"
    return f"killed by {signal_name(status & 0x7F)}" + (", core dumped" if status & 0x80 else "")
