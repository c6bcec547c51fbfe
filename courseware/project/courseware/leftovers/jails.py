"""What jailman keeps: its jails, what a killed one of it has left unfinished, loop devices of files in there.

A jail with somebody inside, or with something mounted in it, stays and is named; section 4 looks once more, with the
jail locked, before it removes one.

What belongs here: finding them below one folder. What does not: whose, and the order (``courseware.clean``).
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import partial

import click

from courseware.holding import held
from section04_filesystem import Jails, Occupants, state_folder

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
    if not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
        click.echo(f"kept: state folder {folder}: it is not ours to change")
        return
    jails = Jails(folder)
    yield from loops.leftovers(folder)
    names = sorted(os.listdir(folder))
    stay = [f"{name} in it is no jail" for name in names if not is_jail(folder, name) and not is_begun(folder, name)]
    for name in (name for name in names if is_jail(folder, name)):
        if inside := Occupants.of(f"{folder}/{name}/root"):
            click.echo(f"kept: jail {name} in {folder}: {inside}")
            stay.append(f"jail {name} is in use")
        else:
            yield Leftover("jail", f"{name} in {folder}", partial(jails.remove, name))
    begun = [name for name in names if is_begun(folder, name)]
    busy = [name for name in begun if in_work(f"{folder}/{name}")]
    stay += [f"a jailman works on {name}" for name in busy]
    if dead := [name for name in begun if name not in busy]:
        yield Leftover("unfinished jails", f"{', '.join(dead)} in {folder}", jails.sweep)
    if stay:
        click.echo(f"kept: state folder {folder}: {stay[0]}")
    else:
        yield Leftover("state folder", folder, partial(remove_empty, folder, stop))


def is_jail(folder: str, name: str) -> bool:
    """Whether jailman has made ``name`` in ``folder``, however damaged it is."""
    path = f"{folder}/{name}"
    return name[0] != "." and not os.path.islink(path) and os.path.isdir(f"{path}/root")


def is_begun(folder: str, name: str) -> bool:
    """Whether ``name`` in ``folder`` bears the mark of a jail that is being made or removed."""
    path = f"{folder}/{name}"
    return name[0] == "." and name.endswith((".new", ".old")) and os.path.isdir(path) and not os.path.islink(path)


def in_work(path: str) -> bool:
    """Whether somebody works on the unfinished jail ``path``, or nobody can tell: it is another user's."""
    try:
        return held(path)
    except OSError:
        return True
