"""The stage: a small host of the test's own, where escapes lead.

It has a pid namespace (the runner is its PID 1: what /proc/1/root shows is the stage), a mount namespace with private
mounts, and one tmpfs that holds the canary, the jails and nothing else. When the runner ends, the kernel ends every
process and every mount of it. An ordinary user's stage lies in a user namespace, and the user is its root.

It is mounted over a folder of the host's that nobody needs meanwhile (/mnt), in that namespace alone, so that not even
an empty folder is made on the host.

    FOLDER/outside/     canary, device (what the loop device shows), socket; moved-… (what rename-out moved)
    FOLDER/jails/NAME/  the roots

What belongs here: making it, and what the attempts are told of it. What does not: jails (``methods.py``).
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import sys

from section01_processes import Child, LcmError, spawn
from section04_filesystem import _syscalls
from section04_filesystem.binds import mount, umount
from section04_filesystem.core.flags import MNT_DETACH
from section04_filesystem.errors import FilesystemError
from section04_filesystem.loops import LOOP_MAJOR, attach_loop

from .keeper import keep
from .link import Link

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from section04_filesystem.loops import LoopDevice

_HELD_FROM = 100  # the descriptor "open from before" has the first free number from here on
WORK = "/work"
ATTEMPT_SECONDS = 12
_LAST_PID = 7000


class Stage:
    """The stage below ``folder``; make it in the child that is to be its PID 1, and ``close`` it there."""

    def __init__(self, folder: str, *, root: bool) -> None:
        self.folder, self.outside, self.jails = folder, f"{folder}/outside", f"{folder}/jails"
        self.lacks: dict[str, str] = {} if root else {"root": "needs root on the host"}
        self._loop: LoopDevice | None = None
        mount("stage", folder, "tmpfs", data="mode=755,size=256m")
        mount("proc", "/proc", "proc")
        for path in (self.outside, self.jails):
            os.mkdir(path, 0o755)
        abstract = f"jailman-{os.urandom(8).hex()}"
        self._keeper, told = self._start_keeper(abstract)
        fd = os.open(self.outside, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        self.held = fcntl.fcntl(fd, fcntl.F_DUPFD, _HELD_FROM)  # stays open across execve
        os.close(fd)
        status = os.fstat(self.held)
        self.world: dict[str, Any] = {
            **told, "canary": f"{self.outside}/canary", "socket": f"{self.outside}/socket", "abstract": abstract,
            "work": WORK, "held": self.held, "held_is": [status.st_dev, status.st_ino], "seconds": ATTEMPT_SECONDS,
        }  # fmt: skip
        self._equip()

    def nonce(self) -> bytes:
        """Return the nonce, read from the canary."""
        with open(f"{self.outside}/canary", "rb") as file:
            return file.read()

    def new_root(self, name: str, owner: int = 0) -> str:
        """Make the folder of a jail's root, with the folders that mounts need and a working folder for all."""
        root = f"{self.jails}/{name}"
        for folder in ("", "/proc", "/dev", "/tmp", "/sys", WORK):
            os.mkdir(root + folder, 0o755)
            os.chown(root + folder, owner, owner)
        os.chmod(root + WORK, 0o777)
        return root

    def close(self) -> None:
        """Let go of the loop device; the rest ends with the namespaces."""
        if self._loop:
            self._loop.close()
        self._keeper.signal(9)
        self._keeper.wait()
        self._keeper.close()

    def _start_keeper(self, abstract: str) -> tuple[Child, dict[str, Any]]:
        with contextlib.suppress(OSError), open("/proc/sys/kernel/ns_last_pid", "w", encoding="ascii") as file:
            file.write(str(_LAST_PID))  # of this pid namespace: its processes get numbers that no jail has
        reader, writer = os.pipe()
        link = Link(reader, writer)
        child = spawn(lambda: keep(link, self.outside, abstract))
        told = link.receive(ATTEMPT_SECONDS)
        link.close()
        if told is None:
            raise OSError(5, "the outsider of the stage did not start")
        return child, told

    def _equip(self) -> None:
        """Add what some techniques need, and note in ``lacks`` what this machine does not have."""
        self.world["handle"], self.world["device"], self.world["hierarchy"] = [0, ""], [0, 0], ""
        if self.lacks:
            return
        try:
            kind, handle = _syscalls.name_to_handle_at(os.fsencode(self.world["canary"]))
            self.world["handle"] = [kind, handle.hex()]
        except OSError as error:
            self.lacks["handles"] = f"no file handles here: {error.strerror}"
        try:
            self._loop = attach_loop(f"{self.outside}/device", read_only=True)
            self.world["device"] = [LOOP_MAJOR, self._loop.number]
        except (LcmError, OSError) as error:
            self.lacks["loop"] = f"no loop device: {error}"
        self.world["hierarchy"] = find_v1_hierarchy(f"{self.folder}/probe")
        if not self.world["hierarchy"]:
            self.lacks["cgroup-v1"] = "no cgroup v1 hierarchy is in use here"
        if not os.path.exists("/proc/sysrq-trigger"):
            self.lacks["sysrq"] = "this kernel has no sysrq-trigger"


def find_place() -> str:
    """Return a folder that everybody can reach and that holds nothing we need: the stage is mounted over it.

    Not in TMPDIR, which may be closed to others: a refusal of *its* permissions would look like isolation.
    """
    needed = [os.path.realpath(path) for path in (*sys.path, sys.prefix, sys.base_prefix, os.getcwd()) if path]
    for place in ("/mnt", "/media", "/srv", "/opt"):
        if os.path.isdir(place) and not any(f"{path}/".startswith(f"{place}/") for path in needed):
            return place
    raise FilesystemError("no folder can be covered by the test's stage", hint="mkdir /mnt")


def find_v1_hierarchy(place: str) -> str:
    """Return the controllers of a v1 hierarchy that is in use and shows its release_agent to us, or ""; cgroups(7).

    Only one that exists already: mounting a new one would change every process's /proc/PID/cgroup.
    """
    with open("/proc/self/cgroup", encoding="utf-8") as file:
        names = [line.split(":")[1] for line in file]
    os.mkdir(place)
    for controllers in (name for name in names if name and "=" not in name):
        try:
            mount("cgroup", place, "cgroup", data=controllers)
        except OSError:
            continue
        found = os.path.exists(f"{place}/release_agent")
        umount(place, detach=bool(MNT_DETACH))
        if found:
            return controllers
    return ""
