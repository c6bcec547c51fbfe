"""What the checks of an exercise have left on the machine: before must equal after.

What belongs here: telling what is ours from what others do meanwhile; a snapshot is of the whole machine. What does
not: looking at the machine (``courseware.leaks``).
"""

from __future__ import annotations

import os
import tempfile
import time
from typing import TYPE_CHECKING, NamedTuple

from courseware import leaks

if TYPE_CHECKING:
    from collections.abc import Callable

    from .model import Exercise

#: How long what a run left may take to go (the kernel ends namespaces in the background), in seconds.
PATIENCE = 15.0
#: How the folders and cgroups of a check are named.
OURS = ("lcm-ex-", "lcm-check-", "lcm-mutant-")


class Around(NamedTuple):
    """The machine, and the files that an exercise may touch, at one moment."""

    machine: leaks.Snapshot
    files: frozenset[str]


def look_around(exercise: Exercise) -> Around:
    """Return what is there now."""
    mine = {str(path) for path in exercise.folder.rglob("*") if "__pycache__" not in path.parts}
    temporary = tempfile.gettempdir()
    mine |= {os.path.join(temporary, name) for name in os.listdir(temporary) if name.startswith(OURS)}
    return Around(leaks.snapshot(), frozenset(mine))


def left_behind(before: Around, exercise: Exercise) -> list[str]:
    """Return one line for each thing that is there since ``before``, or gone, and may be of our making."""

    def look() -> set[str]:
        now = look_around(exercise)
        gone = {name for name in before.files - now.files if name.startswith(str(exercise.folder))}
        lines = {line for line in leaks.difference(before.machine, now.machine) if may_be_ours(line)}
        lines |= {f"left behind: file: {name}" for name in now.files - before.files}
        return lines | {f"gone: file: {name}" for name in gone}

    return lasting(look, PATIENCE)


def lasting(look: Callable[[], set[str]], seconds: float) -> list[str]:
    """Return what ``look`` sees at every look for ``seconds``; at once nothing, once there is nothing such."""
    end = time.monotonic() + seconds
    left = look()
    while left and time.monotonic() < end:
        time.sleep(0.2)
        left &= look()
    return sorted(left)


def may_be_ours(line: str) -> bool:
    """Whether a check can have caused this difference of two snapshots: of what all share, only what bears its name."""
    what, kind, name = line.split(": ", 2)
    if kind == "namespaces":
        return what == "left behind" and any(bears_our_name(pid) for pid in members(name))
    if kind in ("cgroups", "shims"):
        return what == "left behind" and any(ours in name for ours in OURS)
    return what == "left behind" or kind in ("mounts", "host name", "sysctls", "descriptors")


def members(namespace: str) -> list[str]:
    """Return the pids of the processes in ``namespace``, written as its link is: ``net:[4026531840]``."""
    kind = namespace.partition(":")[0]
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            if os.readlink(f"/proc/{pid}/ns/{kind}") == namespace:
                found.append(pid)
        except OSError:
            continue
    return found


def bears_our_name(pid: str) -> bool:
    """Whether process ``pid`` was started by a check: its environment, command line or cgroup names one."""
    for file in ("environ", "cmdline", "cgroup"):
        try:
            with open(f"/proc/{pid}/{file}", "rb") as content:
                text = content.read()
        except OSError:
            continue
        if any(ours.encode() in text for ours in OURS):
            return True
    return False
