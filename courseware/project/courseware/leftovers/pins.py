"""What nsman keeps: namespaces that are pinned by name, below one folder.

A pin is a mount, seen in the mount namespace that it was made in. From another one it is not ours to remove, and the
folder below it must stay: the kernel would take the mount with it.

What belongs here: finding them below one folder. What does not: whose, and the order (``courseware.clean``).
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import partial

import click

from section01_processes import LcmError, UsageError
from section02_namespaces import pinned_names, release_pins, state_folder
from section04_filesystem import MountTable, Occupants

from . import Leftover, remove_empty


def own_folder() -> tuple[str, str]:
    """Return where nsman keeps this user's pins, and the folder above it that stays.

    Without XDG_RUNTIME_DIR, as for who called sudo, it is taken to be what logind sets it to.
    """
    try:
        folder = state_folder()
    except UsageError:
        folder = f"/run/user/{os.geteuid()}/lcm/nsman"
    return folder, folder.removesuffix("/lcm/nsman") if folder.endswith("/lcm/nsman") else os.path.dirname(folder)


def leftovers(folder: str, stop: str) -> Iterator[Leftover]:
    """Yield what is pinned below ``folder``, and the folder; the empty ones above it go, too, up to ``stop``."""
    if not os.path.isdir(folder):
        return
    if pid := pinned_elsewhere(folder):
        click.echo(f"kept: state folder {folder}: process {pid} has something pinned there, in its mount namespace")
        return
    kinds: dict[str, list[str]] = {}
    for path, name in pinned_names(folder).items():
        kinds.setdefault(name, []).append(os.path.basename(path))
    if kinds:
        names = ", ".join(f"{name} ({' '.join(sorted(found))})" for name, found in sorted(kinds.items()))
        yield Leftover("pinned namespaces", f"{names} in {folder}", partial(release_pins, folder))
    yield Leftover("state folder", folder, partial(remove, folder, stop))


def remove(folder: str, stop: str) -> None:
    """Unpin what is left in ``folder``, and remove it. Raises LcmError, OSError."""
    release_pins(folder)
    remove_empty(folder, stop)


def pinned_elsewhere(folder: str) -> int:
    """Return a process in whose mount namespace something is mounted below ``folder`` that is no copy of ours; or 0."""
    ours = {mount.device for mount in MountTable.of()}
    for pid, target in Occupants.of(folder).mounts:
        try:
            table = MountTable.of(pid) if pid else ()
        except (OSError, LcmError):  # it has ended
            continue
        if any(mount.target == target and mount.device not in ours for mount in table):
            return pid
    return 0
