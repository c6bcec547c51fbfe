"""What jailman keeps: its jails, what a killed one of it has left unfinished, loop devices of files in there.

A jail with somebody inside, or with something mounted in it, is refused by section 4, and named.

What belongs here: finding them below one folder. What does not: whose, and the order (``courseware.clean``).
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import partial

import click

from courseware.holding import held
from section04_filesystem import Jails, state_folder

from . import Leftover, loops, remove_empty
from .containers import stop_above


def own_folder() -> tuple[str, str]:
    """Return where jailman keeps this user's jails, and the folder above it that stays."""
    folder = state_folder()
    return folder, stop_above(folder, os.path.expanduser("~"))


def leftovers(folder: str, stop: str) -> Iterator[Leftover]:
    """Yield what jailman keeps in ``folder``, and the folder; the empty ones above it go, too, up to ``stop``."""
    if not os.path.isdir(folder):
        return
    jails = Jails(folder)
    yield from loops.leftovers(folder)
    for name in filter(partial(is_jail, folder), sorted(os.listdir(folder))):
        yield Leftover("jail", f"{name} in {folder}", partial(jails.remove, name))
    begun = [name for name in os.listdir(folder) if is_unfinished(name)]
    busy = [name for name in begun if held(f"{folder}/{name}")]
    if set(begun) - set(busy):
        names = ", ".join(sorted(set(begun) - set(busy)))
        yield Leftover("unfinished jails", f"{names} in {folder}", jails.sweep)
    others = [name for name in os.listdir(folder) if not is_jail(folder, name) and name not in begun]
    if busy or others:
        why = f"a jailman works on {busy[0]}" if busy else f"{min(others)} in it is no jail"
        click.echo(f"kept: state folder {folder}: {why}")
    else:
        yield Leftover("state folder", folder, partial(remove_empty, folder, stop))


def is_jail(folder: str, name: str) -> bool:
    """Whether jailman has made ``name`` in ``folder``, however damaged it is."""
    path = f"{folder}/{name}"
    return name[0] != "." and not os.path.islink(path) and os.path.isdir(f"{path}/root")


def is_unfinished(name: str) -> bool:
    """Whether ``name`` bears the mark of a jail that is being made or removed."""
    return name[0] == "." and name.endswith((".new", ".old"))
