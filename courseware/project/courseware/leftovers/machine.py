"""What bears our name in the machine's own tables: cgroups, links, nft rules, a policy for package services.

What belongs here: finding those by name. What does not: deciding whether a container is alive; what runs is stopped by
MiniDocker itself, first (``containers.py``).
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from functools import partial

import click

from courseware.holding import held

from . import Leftover, call, kill_all, processes, words_of
from .checks import CGROUP

OURS = ("minidocker", "ociman", "lcm-")
POLICY = "/usr/sbin/policy-rc.d"


def cgroups() -> Iterator[Leftover]:
    """Yield our cgroup folders, leaves first; not those of a check that goes on."""
    for folder, _, _ in os.walk("/sys/fs/cgroup", topdown=False):
        parts = folder.split("/")[4:]
        if not any(part.startswith(OURS) for part in parts) or not os.access(os.path.dirname(folder), os.W_OK):
            continue
        check = next((part for part in parts if CGROUP.fullmatch(part)), "")
        if not check:
            yield Leftover("cgroup", folder, partial(os.rmdir, folder))
        elif _held(check):
            click.echo(f"kept: cgroup {folder}: a ./course command is using it")
        else:
            yield Leftover("cgroup", folder, partial(end_cgroup, folder))


def _held(name: str) -> bool:
    """Whether a living check holds its cgroup in one of the hierarchies, or the folder of the same name."""
    found = [f"{tempfile.gettempdir()}/{name}"]
    found += [folder for folder, _, _ in os.walk("/sys/fs/cgroup") if os.path.basename(folder) == name]
    return any(held(folder) for folder in found)


def end_cgroup(folder: str) -> None:
    """Kill the members of an exercise's cgroup, and remove it. Raises OSError."""

    def is_member(pid: int) -> bool:
        with contextlib.suppress(OSError), open(f"{folder}/cgroup.procs", encoding="ascii") as file:
            return str(pid) in file.read().split()
        return False

    kill_all(is_member)
    with contextlib.suppress(FileNotFoundError):  # one of its hierarchies may show it under two names
        os.rmdir(folder)


def links() -> Iterator[Leftover]:
    """Yield our network links."""
    for name in os.listdir("/sys/class/net"):
        if os.geteuid() == 0 and name.startswith(("mdk", "mdv")):
            yield Leftover("link", name, partial(remove_link, name))


def remove_link(name: str) -> None:
    """Remove a link; the other end of a veth has gone with the first."""
    if os.path.exists(f"/sys/class/net/{name}"):
        call("ip", "link", "delete", name)


def rules() -> Iterator[Leftover]:
    """Yield our nft table."""
    nft = shutil.which("nft", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
    if os.geteuid() != 0 or not nft:
        return
    if subprocess.run([nft, "list", "table", "ip", "lcm"], capture_output=True, check=False).returncode == 0:
        yield Leftover("nft table", "ip lcm", partial(call, nft, "delete", "table", "ip", "lcm"))


def policy() -> Iterator[Leftover]:
    """Yield the policy that starts no service, if a killed installation of ours has left it."""
    if os.geteuid() == 0 and _is_ours(POLICY):
        installing = processes(lambda pid: os.path.basename((words_of(pid) or [""])[0]) in ("apt-get", "dpkg"))
        if installing:
            click.echo(f"kept: {POLICY}: process {installing[0]} is installing packages")
        else:
            yield Leftover("file", POLICY, partial(os.unlink, POLICY))


def roots() -> Iterator[str]:
    """Yield what is there of root's making, for a user who cannot remove it."""
    if os.geteuid() != 0:
        found = ["/var/lib/minidocker", "/var/lib/lcm", "/var/lib/jailman", "/run/ociman", "/run/lcm", POLICY]
        yield from (path for path in found if os.path.isdir(path) or _is_ours(path))
        yield from (f"link {name}" for name in os.listdir("/sys/class/net") if name.startswith(("mdk", "mdv")))


def _is_ours(path: str) -> bool:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return "made by ./course" in file.read()
    except OSError:
        return False
