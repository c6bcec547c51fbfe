"""Jails: named root folders of jailman, and how to enter one.

What belongs here: the folder per jail, and the two ways in. What does not: the command line (``cli.py``).
"""

from __future__ import annotations

import os
import shutil

from section01_processes import Step, action
from section02_namespaces import (
    CLONE_NEWNS,
    CLONE_NEWPID,
    CLONE_NEWUSER,
    IdMap,
    plan_namespaces,
    write_id_maps,
)

from .copying import copy_up
from .errors import FilesystemError
from .hostroot import HostRoot
from .mountinfo import MountTable
from .rootfs import plan_rootfs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

_NAME = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-")
_MOUNTS = (
    {"destination": "/proc", "type": "proc", "source": "proc", "options": ["nosuid", "nodev", "noexec"]},
    {"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "mode=755", "size=1m"]},
    {"destination": "/tmp", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "nodev", "mode=1777"]},
)


def state_folder(given: str = "") -> str:
    """Return where jails are kept: ``given``, else JAILMAN_STATE, else by the XDG rules, for root /var/lib/jailman."""
    found = given or os.environ.get("JAILMAN_STATE", "")
    if not found and os.geteuid() == 0:
        found = "/var/lib/jailman"
    if not found:
        data = os.environ.get("XDG_DATA_HOME") or os.path.expanduser("~/.local/share")
        found = f"{data}/jailman"
    return os.path.abspath(found)


class Jails:
    """The jails below ``folder``; each is a folder of its own name that holds its root."""

    def __init__(self, folder: str) -> None:
        self.folder = folder

    def root(self, name: str, *, exists: bool = True) -> str:
        """Return the root folder of jail ``name``. Raises FilesystemError: bad name, not there, or there already."""
        if not name or name[0] in ".-" or not set(name) <= _NAME or len(name) > 64:
            raise FilesystemError(f"{name!r} is no name for a jail", hint="letters, digits, _ . - are allowed")
        path = f"{self.folder}/{name}"
        if exists and not os.path.isdir(path):
            raise FilesystemError(f"there is no jail {name}", hint=f"jailman ls shows those in {self.folder}")
        if not exists and os.path.lexists(path):
            raise FilesystemError(f"there is a jail {name} already")
        return path

    def names(self) -> list[str]:
        """Return the names of all jails, sorted."""
        try:
            return sorted(name for name in os.listdir(self.folder) if name[0] != ".")
        except FileNotFoundError:
            return []

    def create(self, name: str, source: str, programs: Sequence[str] = ()) -> str:
        """Make jail ``name`` from the host (``source`` "host") or a copy of folder ``source``; return its root.

        It appears under its name only when it is complete.
        """
        root = self.root(name, exists=False)
        os.makedirs(self.folder, mode=0o700, exist_ok=True)
        unfinished = f"{self.folder}/.{name}.{os.getpid()}"
        os.mkdir(unfinished, 0o755)
        try:
            if source == "host":
                HostRoot().build(unfinished, programs)
            else:
                fd = os.open(source, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
                try:
                    copy_up(fd, unfinished)
                finally:
                    os.close(fd)
            os.rename(unfinished, root)
        except BaseException:
            shutil.rmtree(unfinished, ignore_errors=True)
            raise
        return root

    def remove(self, name: str) -> None:
        """Remove jail ``name``. Raises FilesystemError while something is mounted in it."""
        root = self.root(name)
        real = os.path.realpath(root)
        busy = [mount.target for mount in MountTable.of() if f"{mount.target}/".startswith(f"{real}/")]
        if busy:
            raise FilesystemError(f"jail {name} is in use: {busy[0]} is mounted", hint=f"umount {busy[0]}")
        shutil.rmtree(root)


@action("chroot(2)")
def change_root(path: str) -> None:
    """Change the root with chroot(2) alone: names are confined, a privileged process is not (see the README)."""
    os.chroot(path)
    os.chdir("/")


def plan_outside(method: str) -> list[Step]:
    """Return the steps of the first child: its namespaces. An ordinary user gets a user namespace, as its root."""
    if method == "chroot" and os.geteuid() == 0:
        return []
    uid, gid = os.geteuid(), os.getegid()
    user = CLONE_NEWUSER if uid else 0
    rest = CLONE_NEWNS | CLONE_NEWPID if method == "pivot_root" else 0
    steps = plan_namespaces(user | rest)
    if uid:
        maps = ([IdMap(0, uid, 1)], [IdMap(0, gid, 1)])
        about = "outside's user and group are root inside"
        steps.insert(1, Step(write_id_maps, 0, *maps, about=about))
    return steps


def plan_inside(root: str, method: str) -> list[Step]:
    """Return the steps of the second child (PID 1 of its namespace): the root changes."""
    if method == "chroot":
        return [Step(change_root, root, about=f"the root is {root}")]
    return plan_rootfs(root, _MOUNTS, propagation="rprivate", userns=os.geteuid() != 0)
