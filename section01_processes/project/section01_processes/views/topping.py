"""``procman top`` as it runs: on a full screen with keys, or as plain text.

What belongs here: the loop and its keys. What does not: the lines (``views/usagetable.py``), samples (``usage.py``).
"""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

import click

from ..usage import Sampler
from .screen import Screen, Scroll
from .text import harmless, valid_text
from .usagetable import HEADER, SORT_KEYS, arrange, line, summary

if TYPE_CHECKING:
    from ..usage import Usage

FIRST = 0.5  # seconds between the first two samples: without a second there is no rate
HELP = "q quit  c m t f i s p n sort  r reverse  / filter  space pause  up down scroll"


class Wishes:
    """What the user wants to see; keys change it."""

    __slots__ = ("asking", "filter", "paused", "reverse", "sort", "typed")

    def __init__(self, sort: str = "cpu", text: str = "", *, reverse: bool = False) -> None:
        self.sort = sort
        self.filter = text
        self.reverse = reverse
        self.paused = False
        self.asking = False
        self.typed = ""

    def press(self, key: str) -> bool:
        """Take a key; False when it says: end."""
        if key == "interrupt":
            return False
        if self.asking:
            self._type(key)
            return True
        for name, (letter, _) in SORT_KEYS.items():
            if key == letter:
                self.reverse = self.reverse if name != self.sort else not self.reverse
                self.sort = name
        if key == "r":
            self.reverse = not self.reverse
        elif key == "/":
            self.asking, self.typed = True, ""
        elif key == "escape":
            self.filter = ""
        elif key == " ":
            self.paused = not self.paused
        return key not in ("q", "Q")

    def _type(self, key: str) -> None:
        """Take a key of the filter's line: Enter keeps it, Escape leaves it."""
        if key in ("enter", "escape"):
            self.asking = False
            self.filter = self.typed if key == "enter" else self.filter
        elif key == "backspace":
            self.typed = self.typed[:-1]
        elif len(key) == 1 and key.isprintable():
            self.typed += key

    def note(self) -> str:
        """Return what is in force, in words."""
        text = f"sorted by {self.sort}{', reversed' if self.reverse else ''}"
        text += f", filter {harmless(self.filter)!r}" if self.filter else ""
        return text + (", paused" if self.paused else "")


def top_plain(wishes: Wishes, interval: float, count: int, lines: int, *, as_json: bool) -> None:
    """Print a table (or one JSON object in a line) every ``interval`` seconds, ``count`` times (0: until stopped)."""
    sampler = Sampler()
    summary(sampler.sample())
    done = 0
    while not count or done < count:
        time.sleep(interval if done else min(interval, FIRST))
        usages = sampler.sample()
        if wishes.sort in ("fds", "io"):
            sampler.read_details(usages)
        shown = arrange(usages, wishes.sort, wishes.filter, reverse=wishes.reverse)[: lines or None]
        sampler.read_details(shown)
        if as_json:
            rows = [{**usage.as_row(), "name": valid_text(usage.stat.comm)} for usage in shown]
            for row in rows:
                row["command"] = [valid_text(word) for word in row["command"]]
            click.echo(json.dumps({"time": time.time(), "processes": rows}))
        else:
            head = summary(usages)
            click.echo("\n".join([*head, wishes.note(), HEADER, *(line(u) for u in shown), ""]))
        done += 1


def top_screen(wishes: Wishes, interval: float, count: int) -> None:
    """Show the table on a full screen until ``q``, Ctrl-C, or ``count`` samples (0: no end)."""
    sampler, scroll = Sampler(), Scroll()
    usages, head, done = sampler.sample(), summary([]), 0
    with Screen() as screen:
        going = wishes.press(screen.key(min(interval, FIRST)))
        while going and (not count or done < count):
            if not wishes.paused:
                usages = sampler.sample()
                head = summary(usages)
                done += 1
            until = time.monotonic() + interval
            while going:
                _show(screen, sampler, usages, head, wishes, scroll)
                key = screen.key(max(until - time.monotonic(), 0.02))
                going = wishes.press(key)
                if not wishes.asking:
                    scroll.move(key)
                if time.monotonic() >= until:
                    break


def _show(
    screen: Screen, sampler: Sampler, usages: list[Usage], head: list[str], wishes: Wishes, scroll: Scroll
) -> None:
    """Draw one sample: the machine, the header, as many processes as fit, the keys."""
    columns, rows = screen.size
    if wishes.sort in ("fds", "io"):
        sampler.read_details(usages)
    found = arrange(usages, wishes.sort, wishes.filter, reverse=wishes.reverse)
    part = scroll.part(len(found), rows - 5)
    sampler.read_details(found[part])
    note = f"{wishes.note()}; {part.start + 1} to {min(part.stop, len(found))} of {len(found)}"
    lines = [(text, "") for text in [*head, note]]
    lines.append((HEADER, "reverse"))
    lines += [(line(usage, columns), _style(usage)) for usage in found[part]]
    lines += [("", "")] * (rows - 1 - len(lines))
    screen.show([*lines, (f"filter: {wishes.typed}_" if wishes.asking else HELP, "reverse")])


def _style(usage: Usage) -> str:
    """Return the colour that repeats what the state's letter and the CPU's number say."""
    return "red" if usage.stat.state in "DZ" else "yellow" if usage.stat.state in "Tt" else ""
