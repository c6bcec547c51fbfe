"""Which cgroup hierarchies this machine has: version 1, version 2, or both side by side (hybrid).

What belongs here: reading /proc/self/mountinfo and cgroup.controllers (the parsers are pure functions on text). What
does not: groups (``cgroup``). See cgroups(7), proc_pid_mountinfo(5).
"""

from __future__ import annotations

import os

from .core.files import read_value, write_value
from .errors import ControllerMissing

#: Version 1's controllers; a mount option that is none of them is an option (``noprefix``, ``xattr`` …).
V1_CONTROLLERS = (
    "blkio", "cpu", "cpuacct", "cpuset", "debug", "devices", "freezer", "hugetlb", "memory", "misc", "net_cls",
    "net_prio", "perf_event", "pids", "rdma",
)  # fmt: skip


class Hierarchy:
    """Where each controller is mounted. ``mode``: ``v1``, ``v2`` or ``hybrid``.

    ``controllers``: controller → mount point (the names are the kernel's: ``blkio`` in v1, ``io`` in v2; a named v1
    hierarchy stands as ``name=systemd``). ``unified``: v2's mount point, or "".
    """

    __slots__ = ("controllers", "mode", "unified")

    def __init__(self, mode: str, controllers: dict[str, str], unified: str) -> None:
        self.mode = mode
        self.controllers = controllers
        self.unified = unified

    def __repr__(self) -> str:
        return f"Hierarchy({self.mode}, {len(self.controllers)} controllers)"

    @classmethod
    def detect(cls, mountinfo_text: str | None = None) -> Hierarchy:
        """Return what is mounted here (or in ``mountinfo_text``). Raises ControllerMissing if nothing is."""
        if mountinfo_text is None:
            mountinfo_text = read_value("/proc/self", "mountinfo")
        controllers, unified = parse_mountinfo(mountinfo_text)
        v1 = bool(controllers)
        if not v1 and not unified:
            raise ControllerMissing("no cgroup file system is mounted", hint="mount -t cgroup2 none /sys/fs/cgroup")
        if unified and os.path.exists(f"{unified}/cgroup.controllers"):
            for name in read_value(unified, "cgroup.controllers").split():
                controllers.setdefault(name, unified)
        return cls("hybrid" if v1 and unified else "v1" if v1 else "v2", controllers, unified)

    def find(self, controller: str) -> tuple[str, int]:
        """Return mount point and version of ``controller`` (v2's name; ``io`` finds v1's ``blkio``), or ("", 0)."""
        mount = self.controllers.get(controller, "")
        if not mount and controller == "io":
            mount = self.controllers.get("blkio", "")
        return mount, 0 if not mount else 2 if mount == self.unified else 1

    def mounts(self) -> list[str]:
        """Return the mount points, each once: version 1's first, then the unified one."""
        found = dict.fromkeys(m for m in self.controllers.values() if m != self.unified)
        return [*found, self.unified] if self.unified else list(found)

    def warm_up(self) -> None:
        """Make the next entering of a cgroup cheap: move the caller to where it is already.

        The first move in a while waits for an RCU grace period (8 to 15 ms) before it takes the lock that all forks
        share; moves soon after do not. Whoever has nothing to do in a container's start can take that wait over.
        """
        own = parse_proc_cgroup(read_value("/proc/self", "cgroup"))
        for name, mount in (("", self.unified), *self.controllers.items()):
            if mount and own.get(name):
                try:
                    write_value(mount + own[name].rstrip("/"), "cgroup.procs", "0")
                except OSError:
                    continue  # not ours to write: the next one
                return


def parse_mountinfo(text: str) -> tuple[dict[str, str], str]:
    """Return version 1's controller → mount point, and version 2's mount point, from the text of mountinfo.

    Of several mounts of one hierarchy the first wins; mounts of a part of a hierarchy are passed over.
    """
    controllers: dict[str, str] = {}
    unified = ""
    for line in text.splitlines():
        head, _, tail = line.partition(" - cgroup")
        if not tail:
            continue
        fields = head.split(" ")
        mount, options = _unescape(fields[4]), tail.split(" ")
        if fields[3] != "/" and not fields[3].startswith("/.."):
            continue
        if options[0] == "2":
            unified = unified or mount
        elif options[0] == "":
            for name in options[-1].split(","):
                if name in V1_CONTROLLERS or name.startswith("name="):
                    controllers.setdefault(name, mount)
    return controllers, unified


def parse_proc_cgroup(text: str) -> dict[str, str]:
    """Return controller (``""`` for version 2) → path of a process, from the text of /proc/PID/cgroup."""
    paths: dict[str, str] = {}
    for line in text.splitlines():
        _, names, path = line.split(":", 2)
        paths.update(dict.fromkeys(names.split(","), path))
    return paths


def _unescape(text: str) -> str:
    """Return a mountinfo field with its octal escapes (space, tab, newline, backslash) undone."""
    first, *rest = text.split("\\")
    return first + "".join(chr(int(part[:3], 8)) + part[3:] for part in rest)
