"""What is said about one process in the tree: its name, and on wish its groups, namespaces, cgroups.

What belongs here: one process as a piece of text, and as a row. What does not: how the pieces hang together
(``views/drawing.py``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..details import cgroups_of, namespaces_of, short_cgroups, threads_of
from ..states import state_name
from ..status import terminal_name
from .text import harmless, paint, valid_text

if TYPE_CHECKING:
    from ..core.stat import ProcessStat

#: States that are told in the tree; the others are everyday.
TOLD = "DTtZX"


class Labels:
    """Makes the text of a process; remembers the namespaces that it has read, as each parent is asked for often."""

    __slots__ = ("_known", "cgroups", "colour", "groups", "namespaces", "threads", "unknown")

    def __init__(
        self,
        *,
        threads: bool = False,
        groups: bool = False,
        namespaces: bool = False,
        cgroups: bool = False,
        colour: bool = False,
    ) -> None:
        """Each flag is a wish for more; ``unknown`` counts the processes whose namespaces we may not read."""
        self.threads = threads
        self.groups = groups
        self.namespaces = namespaces
        self.cgroups = cgroups
        self.colour = colour
        self.unknown = 0
        self._known: dict[int, dict[str, int] | None] = {}

    def forget(self) -> None:
        """Forget what was read: the next picture may show another world."""
        self._known.clear()
        self.unknown = 0

    def text(self, stat: ProcessStat) -> str:
        """Return the line's text: ``812 bash``, the state where it matters, and what was wished for."""
        colour = self.colour
        text = f"{paint(str(stat.pid), 'cyan', True) if colour else stat.pid} {harmless(stat.comm)}{_told(stat)}"
        if self.groups:
            text += paint(f"  {group_text(stat)}", "dim", colour)
        if self.namespaces:
            text += paint(self._namespace_text(stat), "yellow", colour)
        if self.cgroups:
            paths = cgroups_of(stat.pid)
            text += paint("  cgroup " + (harmless(short_cgroups(paths)) if paths is not None else "?"), "dim", colour)
        return text

    def thread_texts(self, stat: ProcessStat) -> list[str]:
        """Return a text for each thread besides the first, in braces as pstree marks them; none if not wished for."""
        if not self.threads or stat.threads < 2:
            return []
        return [
            paint(f"{{{thread.pid} {harmless(thread.comm)}}}", "dim", self.colour) + _told(thread)
            for thread in threads_of(stat.pid)
        ]

    def row(self, stat: ProcessStat) -> dict[str, Any]:
        """Return what was wished for as fields for JSON, besides those that every row has."""
        fields: dict[str, Any] = {"name": valid_text(stat.comm)}
        if self.threads:
            fields["threads"] = [
                {"tid": t.pid, "name": valid_text(t.comm), "state": state_name(t.state)} for t in threads_of(stat.pid)
            ]
        if self.groups:
            fields["session_leader"] = stat.session == stat.pid
            fields["group_leader"] = stat.pgrp == stat.pid
            fields["foreground"] = bool(stat.tty) and stat.foreground == stat.pgrp
        if self.namespaces:
            fields["namespaces"] = self.namespaces_of(stat.pid)
            fields["new_namespaces"] = self.changed(stat)
        if self.cgroups:
            paths = cgroups_of(stat.pid)
            fields["cgroups"] = None if paths is None else {valid_text(k): valid_text(p) for k, p in paths.items()}
        return fields

    def changed(self, stat: ProcessStat) -> list[str]:
        """Return the kinds of namespaces that are not the parent's; none where one of the two is not known."""
        mine, parents = self.namespaces_of(stat.pid), self.namespaces_of(stat.ppid) if stat.ppid else None
        return [kind for kind, inode in (mine or {}).items() if parents and parents.get(kind, inode) != inode]

    def namespaces_of(self, pid: int) -> dict[str, int] | None:
        """Return ``details.namespaces_of``, read once in the life of this object."""
        if pid not in self._known:
            self._known[pid] = namespaces_of(pid)
            self.unknown += self._known[pid] is None
        return self._known[pid]

    def _namespace_text(self, stat: ProcessStat) -> str:
        """Return the mark of a process that has other namespaces than its parent."""
        mine = self.namespaces_of(stat.pid)
        if mine is None:
            return "  namespaces ?"
        changed = self.changed(stat)
        return "  new " + " ".join(f"{kind}:[{mine[kind]}]" for kind in changed) if changed else ""


def _told(stat: ProcessStat) -> str:
    """Return the state in words where it is worth telling."""
    return f" ({state_name(stat.state)})" if stat.state in TOLD else ""


def group_text(stat: ProcessStat) -> str:
    """Return session, group, terminal, who leads, and whether the terminal's Ctrl-C would reach it."""
    text = f"sid {stat.session}{' (leader)' if stat.session == stat.pid else ''}"
    text += f" pgid {stat.pgrp}{' (leader)' if stat.pgrp == stat.pid else ''}"
    if stat.tty:
        text += f" {terminal_name(stat.tty)}{' foreground' if stat.foreground == stat.pgrp else ''}"
    return text
