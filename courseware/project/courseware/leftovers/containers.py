"""Containers: MiniDocker's and ociman's, and the folders in which they keep them.

What belongs here: finding the folders and letting each tool end its own. What does not: what bears our name in the
machine's tables (``machine.py``), which goes once no container is left.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from functools import partial

import click

from . import Leftover, call, remove_tree, remove_with_parents, words_of

#: The shim's program: its command line is ``… folder=ROOT/containers/ID …``.
SHIM = "minidocker/shim/__main__.py"


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


def state_folders(clone: str) -> Iterator[Leftover]:
    """Yield the containers of ociman, and the state folders of both."""
    home, tool = os.path.expanduser("~"), f"{clone}/.venv/bin/ociman"
    run = "/run" if os.geteuid() == 0 else os.environ.get("XDG_RUNTIME_DIR", f"/run/user/{os.geteuid()}")
    folder = f"{run}/ociman"
    if os.path.isdir(folder):
        for name in sorted(os.listdir(folder)):
            yield Leftover(
                "container of ociman", name, partial(call, tool, "--root", folder, "delete", "--force", name)
            )
        yield Leftover("state folder", folder, partial(remove_tree, folder))
    root = state_root()
    if os.path.isdir(root):
        yield Leftover("state folder", root, partial(remove_with_parents, root, stop_above(root, home)))


def stop_above(folder: str, home: str) -> str:
    """Return the folder above ``folder`` that stays even if it is empty: the home folder, or what it lies in."""
    return home if folder.startswith(f"{home}/.local/") else os.path.dirname(folder)


def other_shims(root: str) -> list[str]:
    """Return the state folders other than ``root`` in which containers live: of anybody for root, else our own."""
    found = set()
    for pid in filter(str.isdigit, os.listdir("/proc")):
        words = words_of(pid)
        if os.geteuid() and not _is_mine(pid):
            continue
        if any(word.endswith(SHIM) for word in words):
            folders = [word.removeprefix("folder=") for word in words if word.startswith("folder=")]
            found |= {os.path.dirname(os.path.dirname(folder)) for folder in folders}
    return sorted(found - {root})


def _is_mine(pid: str) -> bool:
    """Whether the process runs as this user."""
    try:
        return os.stat(f"/proc/{pid}").st_uid == os.geteuid()
    except FileNotFoundError:
        return False
