"""What a killed check of an exercise, demo or ``course lab`` leaves: processes, folders, loop devices, cgroups.

A folder or cgroup that a living command uses is held (``courseware.holding``): it is kept, and said.

What belongs here: finding them. What does not: making them (``courseware.exercises``, ``courseware.lab_shell``).
"""

from __future__ import annotations

import contextlib
import os
import re
import tempfile
from collections.abc import Iterator
from functools import partial

import click

from courseware.holding import held

from . import Leftover, above, environment_of, is_course, kill_all, loops, processes, remove_tree, words_of

#: A check of an exercise, the mutant that is judged, the place in which an answer runs; the demo.
FOLDER = re.compile(r"lcm-(check|mutant|ex|demo)-[a-z0-9_]{8}")
CGROUP = re.compile(r"lcm-ex-([0-9]+-)?[a-z0-9_]{8}")
LAB = b"LCM_LAB=1"


def leftovers() -> Iterator[Leftover]:
    """Yield what nobody holds."""
    for path in folders():
        if reason := in_use(path):
            click.echo(f"kept: folder {path}: {reason}")
        else:
            yield from loops.leftovers(path)
            yield Leftover("folder", path, partial(remove, path))
    lab = processes(is_lost_lab)
    if lab:
        yield Leftover("processes of a lab", " ".join(map(str, lab)), partial(kill_all, is_lost_lab))


def folders() -> list[str]:
    """Return this user's folders for temporary files, those of checks first: what runs them is ended with these."""
    top = tempfile.gettempdir()
    mine = []
    for name in os.listdir(top):
        with contextlib.suppress(FileNotFoundError):
            if FOLDER.fullmatch(name) and os.lstat(f"{top}/{name}").st_uid == os.geteuid():
                mine.append(f"{top}/{name}")
    return sorted(mine, key=lambda path: (not os.path.basename(path).startswith("lcm-check-"), path))


def in_use(path: str) -> str:
    """Return why ``path`` must stay, or ""."""
    if os.path.islink(path) or not os.path.isdir(path):
        return "it is no folder"
    return "a ./course command is using it" if held(path) else ""


def remove(path: str) -> None:
    """End the processes that a check has left in ``path``, and remove it."""
    kill_all(lambda pid: bears(pid, path))
    if not in_use(path) and os.path.isdir(path):
        remove_tree(path)


def is_test(pid: int) -> bool:
    """Whether ``pid`` is a test process of an exercise."""
    return "courseware.exercises.plugin" in words_of(pid)


def bears(pid: int, path: str) -> bool:
    """Whether ``pid`` belongs to the folder ``path``: by its environment, or as the test process of that check."""
    if f"={path}/".encode() in environment_of(pid):
        return True
    return is_test(pid) and any(word.startswith(f"{path}/") for word in words_of(pid))


def is_lost_lab(pid: int) -> bool:
    """Whether ``pid`` belongs to a lab whose command has ended."""
    marked = LAB in environment_of(pid).split(b"\0")
    return marked and not any(is_course(parent, "lab") for parent in above(pid))
