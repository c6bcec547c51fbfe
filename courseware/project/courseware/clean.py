"""Remove what the course made on this machine, after any crash: ``./course clean [--dry-run]``.

Everything we make bears our name: MiniDocker's state folder, cgroups ``minidocker``, ``ociman`` and ``lcm-*``, links
``mdk*`` and ``mdv*``, the nft table ``ip lcm``. What belongs here: finding those by name and removing them. What does
not: deciding whether a container is alive; what runs is stopped by MiniDocker itself, first.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from functools import partial
from typing import NamedTuple

import click


class Leftover(NamedTuple):
    """One thing that we made: what kind, its name, and what removes it."""

    kind: str
    name: str
    remove: Callable[[], object]


def run(clone: str, *, dry_run: bool, environment: bool) -> int:
    """Remove (or list) everything that is ours; return 0, or 1 if something could not be removed."""
    containers = state_root()
    if os.path.isdir(containers) and not dry_run:
        end_containers(clone)
    failed = 0
    found = list(leftovers(clone, environment=environment))
    for item in found:
        click.echo(f"{'would remove' if dry_run else 'removing'} {item.kind}: {item.name}")
        if not dry_run:
            failed += not attempt(item)
    if not found:
        click.echo("nothing to clean")
    return 1 if failed else 0


def attempt(item: Leftover) -> bool:
    """Remove ``item``; say why if that fails."""
    try:
        item.remove()
    except (OSError, subprocess.CalledProcessError) as error:
        click.echo(f"course: cannot remove {item.kind} {item.name}: {error}", err=True)
        return False
    return True


def state_root() -> str:
    """Return MiniDocker's state folder for this user, as MiniDocker itself chooses it."""
    from minidocker.paths import default_root

    return str(default_root())


def end_containers(clone: str) -> None:
    """Let MiniDocker kill and remove its containers, and heal what a crash left."""
    tool = f"{clone}/.venv/bin/minidocker"
    done = subprocess.run([tool, "ps", "-aq", "--no-trunc"], capture_output=True, text=True, check=False)
    names = done.stdout.split()
    if names:
        click.echo(f"removing {len(names)} containers")
        subprocess.run([tool, "rm", "-f", "-v", *names], stdout=subprocess.DEVNULL, check=False)
    subprocess.run([tool, "system", "check", "--repair"], stdout=subprocess.DEVNULL, check=False)


def leftovers(clone: str, *, environment: bool) -> Iterator[Leftover]:
    """Yield everything of ours that is there now, in the order in which it can be removed."""
    root = state_root()
    if os.path.isdir(root):
        yield Leftover("state folder", root, partial(shutil.rmtree, root))
    busy = other_shims(root)
    if busy:
        click.echo(f"kept: cgroups, links and rules, for the containers of another state folder ({', '.join(busy)})")
    else:
        yield from cgroups()
        yield from links()
        yield from rules()
    if environment:
        for name in (".venv", ".course", "site"):
            path = f"{clone}/{name}"
            if os.path.isdir(path):
                yield Leftover("folder", path, partial(shutil.rmtree, path))


def other_shims(root: str) -> list[str]:
    """Return the state folders other than ``root`` in which containers live, as far as we may see."""
    found = set()
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as file:
                words = os.fsdecode(file.read()).split("\0")
        except OSError:
            continue
        if any(word.endswith("minidocker/shim/__main__.py") for word in words):
            folders = [word.removeprefix("folder=") for word in words if word.startswith("folder=")]
            found |= {os.path.dirname(os.path.dirname(folder)) for folder in folders}
    return sorted(found - {root})


def cgroups() -> Iterator[Leftover]:
    """Yield our cgroup folders, leaves first."""
    ours = ("minidocker", "ociman", "lcm-")
    for folder, _, _ in os.walk("/sys/fs/cgroup", topdown=False):
        mine = os.access(os.path.dirname(folder), os.W_OK)
        if mine and any(part.startswith(ours) for part in folder.split("/")[4:]):
            yield Leftover("cgroup", folder, partial(os.rmdir, folder))


def links() -> Iterator[Leftover]:
    """Yield our network links."""
    for name in os.listdir("/sys/class/net"):
        if os.geteuid() == 0 and name.startswith(("mdk", "mdv")):
            yield Leftover("link", name, partial(_call, "ip", "link", "delete", name))


def rules() -> Iterator[Leftover]:
    """Yield our nft table, and our accept rules in the chain that Docker offers for them."""
    if os.geteuid() != 0 or not shutil.which("nft"):
        return
    if subprocess.run(["nft", "list", "table", "ip", "lcm"], capture_output=True, check=False).returncode == 0:
        yield Leftover("nft table", "ip lcm", partial(_call, "nft", "delete", "table", "ip", "lcm"))


def _call(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)
