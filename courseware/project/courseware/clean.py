"""Remove what the course made on this machine, after any crash: ``./course clean [--dry-run]``.

Everything we make bears our name: state folders, cgroups ``minidocker``, ``ociman`` and ``lcm-*``, links ``mdk*`` and
``mdv*``, the nft table ``ip lcm``, folders ``lcm-…`` for temporary files; or it lies in a state folder: jails, pinned
namespaces, and loop devices that show a file there. Found is what belongs to the user who calls;
under sudo first what belongs to the one who called sudo, as that user, then root's. Never removed: ``work/``, and what
a living command is using.

What belongs here: whose, and in which order. What does not: finding and removing one kind (``leftovers/``).
"""

from __future__ import annotations

import os
import pwd
import sys
from collections.abc import Iterator
from functools import partial

import click

from section01_processes import LcmError, spawn

from .exercises.plain import become, calling_user
from .leftovers import Leftover, checks, containers, jails, machine, named, pins, remove_tree
from .leftovers.containers import end_containers, other_shims, state_root

NOTHING, REMOVED, FAILED = 0, 3, 1


def run(clone: str, *, dry_run: bool, environment: bool) -> int:
    """Remove (or list) everything that is ours; return 0, or 1 if something could not be removed."""
    codes = []
    user = calling_user()
    if user:
        sys.stdout.flush()
        with spawn(partial(clean_as, user, clone, dry_run)) as child:
            codes.append(child.wait())
    codes.append(clean_own(clone, dry_run=dry_run, environment=environment))
    for name in machine.roots():
        click.echo(f"kept: {name}: root made it (sudo ./course clean)")
    if all(code == NOTHING for code in codes):
        click.echo("nothing to clean")
    return int(any(code not in (NOTHING, REMOVED) for code in codes))


def clean_as(user: tuple[int, int, list[int]], clone: str, dry_run: bool) -> int:
    """Become ``user`` for good, as after a login, and clean what is theirs."""
    become(*user)
    entry = pwd.getpwuid(user[0])
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "TERM", "NO_COLOR") if name in os.environ}
    os.environ.clear()
    os.environ.update(kept, HOME=entry.pw_dir, USER=entry.pw_name, LOGNAME=entry.pw_name)
    code = clean_own(clone, dry_run=dry_run, environment=False)
    sys.stdout.flush()
    return code


def clean_own(clone: str, *, dry_run: bool, environment: bool) -> int:
    """Remove (or list) what is ours and belongs to this user; return NOTHING, REMOVED or FAILED."""
    if os.path.isdir(state_root()) and not dry_run:
        end_containers(clone)
    found = failed = 0
    for item in leftovers(clone, environment=environment):
        click.echo(f"{'would remove' if dry_run else 'removing'} {item.kind}: {item.name}")
        found += 1
        if not dry_run:
            failed += not attempt(item)
    return FAILED if failed else REMOVED if found else NOTHING


def attempt(item: Leftover) -> bool:
    """Remove ``item``; say why if that fails."""
    try:
        item.remove()
    except (OSError, LcmError) as error:
        reason = getattr(error, "strerror", "") or error
        click.echo(f"course: cannot remove {item.kind} {item.name}: {reason}", err=True)
        return False
    return True


def leftovers(clone: str, *, environment: bool) -> Iterator[Leftover]:
    """Yield what of ours is there now, in the order in which it can be removed."""
    yield from named.leftovers(clone)
    for folder in named.elsewhere():
        click.echo(f"kept: named processes in {folder}, for somebody who named that folder")
    yield from checks.leftovers()
    yield from containers.state_folders(clone)
    yield from jails.leftovers(*jails.own_folder())
    yield from pins.leftovers(*pins.own_folder())
    busy = other_shims(state_root())
    if busy:
        click.echo(f"kept: cgroups, links and rules, for the containers of another state folder ({', '.join(busy)})")
    else:
        yield from machine.cgroups()
        yield from machine.links()
        yield from machine.rules()
    yield from machine.policy()
    if environment:
        link = f"{clone}/.venv"
        if os.path.islink(link):
            yield Leftover("link", link, partial(os.unlink, link))
        for name in (".venv", ".venvs", ".course", "site"):
            path = f"{clone}/{name}"
            if os.path.isdir(path) and not os.path.islink(path):
                yield Leftover("folder", path, partial(remove_tree, path))
