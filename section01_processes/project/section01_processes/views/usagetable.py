"""The table of ``procman top``: sorted, filtered, as lines of text.

What belongs here: columns, sort keys, the lines on top. What does not: samples (``usage.py``), the terminal
(``views/screen.py``).
"""

from __future__ import annotations

import os
import time
from collections import Counter
from typing import TYPE_CHECKING

from ..states import STATES
from ..status import command_line
from .text import fit, harmless

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ..usage import Usage

#: name of the sort key → (its key on the keyboard, its value; the largest comes first, but for pid and name)
SORT_KEYS: dict[str, tuple[str, Callable[[Usage], object]]] = {
    "cpu": ("c", lambda u: u.cpu or 0.0),
    "memory": ("m", lambda u: u.memory),
    "threads": ("t", lambda u: u.stat.threads),
    "fds": ("f", lambda u: u.descriptors or 0),
    "io": ("i", lambda u: (u.read_rate or 0.0) + (u.write_rate or 0.0)),
    "state": ("s", lambda u: -"RDTtZXSIP".find(u.stat.state)),
    "pid": ("p", lambda u: u.stat.pid),
    "name": ("n", lambda u: u.stat.comm.lower()),
}
ASCENDING = ("pid", "name")
HEADER = f"{'PID':>7} S {'CPU%':>5} {'RSS':>6} {'THR':>4} {'FDS':>5} {'READ/s':>7} {'WRITE/s':>7} COMMAND"


def arrange(usages: Sequence[Usage], sort: str, text: str = "", *, reverse: bool = False) -> list[Usage]:
    """Return the processes whose name contains ``text`` (or whose pid it is), in order. Pure."""
    wanted = text.lower()
    found = [u for u in usages if wanted in u.stat.comm.lower() or wanted == str(u.stat.pid)] if text else list(usages)
    found.sort(key=lambda u: u.stat.pid)
    found.sort(key=SORT_KEYS[sort][1], reverse=(sort not in ASCENDING) != reverse)  # type: ignore[arg-type]
    return found


def line(usage: Usage, columns: int = 0) -> str:
    """Return one process as a line, cut to ``columns`` cells (0: not cut). What is not known is a dash."""
    stat = usage.stat
    words = command_line(stat.pid)
    command = " ".join(words) if words else f"[{stat.comm}]"
    cpu = "-" if usage.cpu is None else f"{usage.cpu:.1f}" if usage.cpu < 1000 else f"{usage.cpu:.0f}"
    fds = "-" if usage.descriptors is None else str(usage.descriptors)
    text = (
        f"{stat.pid:7} {stat.state} {cpu:>5} {amount(usage.memory):>6} {stat.threads:4} {fds:>5} "
        f"{amount(usage.read_rate):>7} {amount(usage.write_rate):>7} {harmless(command)}"
    )
    return fit(text, columns) if columns else text


def amount(value: float | None) -> str:
    """Return bytes for people, in at most five characters: ``0``, ``812``, ``1.5K``, ``23M``, ``1.2G``; a dash."""
    if value is None:
        return "-"
    for unit in ("", "K", "M", "G", "T"):
        if value < 999.5 or unit == "T":
            break
        value /= 1024
    return f"{value:.1f}{unit}" if unit and value < 9.95 else f"{value:.0f}{unit}"


def summary(usages: Sequence[Usage]) -> list[str]:
    """Return the two lines on top: the machine (from psutil), and how many processes are in which state."""
    import psutil

    memory, load = psutil.virtual_memory(), os.getloadavg()
    machine = (
        f"procman top  {time.strftime('%H:%M:%S')}  {psutil.cpu_count()} CPUs {psutil.cpu_percent():.0f}%  "
        f"load {load[0]:.2f} {load[1]:.2f} {load[2]:.2f}  memory {amount(memory.total - memory.available)} of "
        f"{amount(memory.total)}"
    )
    states = Counter(usage.stat.state for usage in usages)
    told = ", ".join(f"{states[letter]} {word}" for letter, word in STATES.items() if states[letter])
    return [machine, f"{len(usages)} processes: {told}"]
