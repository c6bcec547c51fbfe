"""The tree, again and again: what is new, what is gone since the last look.

What belongs here: comparing two pictures and showing the difference, on a full screen or as plain lines. What does
not: how one picture is drawn (``views/drawing.py``).
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import click

from ..core.tree import ProcessTree
from ..errors import LcmError
from .drawing import draw, roots
from .screen import Screen, Scroll
from .text import harmless, has_line_art

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ..core.stat import ProcessStat
    from .labels import Labels

MARKS = {"new": "+ ", "gone": "- ", "": "  "}
STYLES = {"new": "green", "gone": "red", "": ""}
HELP = "q quit   up down PgUp PgDn scroll   space pause   + new   - gone"


class Watcher:
    """Looks at the processes below ``pid`` (0: at all) and knows what it saw the last time."""

    def __init__(self, pid: int = 0) -> None:
        self.pid = pid
        self.picture = ProcessTree([])
        self.new: set[int] = set()
        self.gone: set[int] = set()
        self._seen: dict[int, ProcessStat] | None = None

    def look(self) -> bool:
        """Take a new picture; ``picture`` then holds the living and, once more, those that are gone.

        Returns False when ``pid`` itself is gone: it was there at the first look, or that raised LcmError.
        """
        now = self._take()
        before = now if self._seen is None else self._seen
        self.new, self.gone = compare(before, now)
        self.picture = ProcessTree([*now.values(), *(before[pid] for pid in self.gone if pid not in now)])
        self._seen = now
        return not self.pid or self.pid in now

    def changes(self) -> Iterator[tuple[str, ProcessStat]]:
        """Yield ``("new", process)`` and ``("gone", process)``, by pid."""
        for pid in sorted(self.new | self.gone):
            for word in ("gone", "new"):  # a pid given out again is both: the old one comes first
                if pid in (self.gone if word == "gone" else self.new):
                    yield word, self.picture.processes[pid]

    def mark(self, pid: int) -> str:
        """Return ``new``, ``gone`` or nothing for a process of the picture."""
        return "new" if pid in self.new else "gone" if pid in self.gone else ""

    def _take(self) -> dict[int, ProcessStat]:
        picture = ProcessTree.read()
        if not self.pid:
            return picture.processes
        if self.pid not in picture.processes and self._seen is not None:
            return {}
        return {stat.pid: stat for _, stat in picture.walk(self.pid)}


def compare(before: Mapping[int, ProcessStat], now: Mapping[int, ProcessStat]) -> tuple[set[int], set[int]]:
    """Return the pids that are new and those that are gone. Pure.

    A pid that was given out again is in both: its start time tells the two processes apart.
    """

    def other(mine: Mapping[int, ProcessStat], theirs: Mapping[int, ProcessStat]) -> set[int]:
        return {pid for pid, stat in mine.items() if pid not in theirs or theirs[pid].start_time != stat.start_time}

    return other(now, before), other(before, now)


def watch_plain(watcher: Watcher, labels: Labels, interval: float, count: int) -> None:
    """Print the tree once, then a line for each process that comes or goes; a reader of the screen can follow that.

    Ends after ``count`` looks (0: never); raises LcmError when the watched process has gone.
    """
    watcher.look()
    for _, line in _lines(watcher, labels):
        click.echo(line)
    looks = 1
    while not count or looks < count:
        time.sleep(interval)
        alive = watcher.look()
        labels.forget()
        looks += 1
        for word, stat in watcher.changes():
            parent = watcher.picture.processes.get(stat.ppid)
            of = f", child of {parent.pid} {harmless(parent.comm)}" if parent else ""
            click.echo(f"{time.strftime('%H:%M:%S')} {MARKS[word]}{labels.text(stat)} ({word}{of})")
        if not alive:
            raise _gone(watcher)


def watch_screen(watcher: Watcher, labels: Labels, interval: float, count: int) -> None:
    """Draw the tree on a full screen, again every ``interval`` seconds, until ``q``, Ctrl-C or ``count`` looks."""
    scroll, looks = Scroll(), 1
    watcher.look()  # a pid that does not exist is an error before the screen is taken
    with Screen() as screen:
        while _stay(screen, watcher, _lines(watcher, labels), scroll, interval):
            if looks == count:
                return
            looks += 1
            labels.forget()
            if not watcher.look():
                break
        else:
            return
    raise _gone(watcher)


def _stay(screen: Screen, watcher: Watcher, lines: list[tuple[int, str]], scroll: Scroll, interval: float) -> bool:
    """Show one picture and take keys until it is time for the next; False when a key says: end."""
    paused, until = False, time.monotonic() + interval
    while True:
        _show(screen, watcher, lines, scroll, "paused" if paused else f"every {interval:g} s")
        key = screen.key(max(until - time.monotonic(), 0.02) if not paused else 3600)
        if key in ("q", "Q", "interrupt"):
            return False
        paused = paused != (key == " ")
        scroll.move(key)
        if not paused and time.monotonic() >= until:
            return True


def _gone(watcher: Watcher) -> LcmError:
    return LcmError(f"process {watcher.pid} has gone", exit_code=1)


def _lines(watcher: Watcher, labels: Labels) -> list[tuple[int, str]]:
    """Return the whole drawing: pid and line."""
    art = has_line_art()
    pids = roots(watcher.picture, watcher.pid)
    return list(draw(watcher.picture, pids, labels.text, labels.thread_texts, line_art=art))


def _show(screen: Screen, watcher: Watcher, tree: list[tuple[int, str]], scroll: Scroll, note: str) -> None:
    """Draw one picture: a line on top, the part of the tree that fits, the keys at the bottom."""
    _, rows = screen.size
    part = scroll.part(len(tree), rows - 2)
    total = len(watcher.picture.processes) - len(watcher.gone - watcher.new)
    head = f"procman tree  {total} processes  +{len(watcher.new)} -{len(watcher.gone)}  {note}"
    lines = [(f"{head}  lines {part.start + 1} to {min(part.stop, len(tree))} of {len(tree)}", "reverse")]
    for pid, line in tree[part]:
        word = watcher.mark(pid)
        lines.append((MARKS[word] + line, STYLES[word]))
    lines += [("", "")] * (rows - 1 - len(lines))
    screen.show([*lines, (HELP, "reverse")])
