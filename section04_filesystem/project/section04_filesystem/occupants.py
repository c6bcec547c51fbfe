"""Who is inside a folder: processes that have it as their root, and mounts in it, of any mount namespace we can see.

What belongs here: looking, and the pure question where a mount lies. What does not: ending and unmounting them.

A path means something else in each mount namespace. So a mount is placed by *file system and folder in it*, which
mountinfo tells of every mount and of the mount that it is attached to: that is the same in all of them.
"""

from __future__ import annotations

import os

from .errors import FilesystemError
from .mountinfo import MountTable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from .mountinfo import Mount


class Occupants:
    """Who is inside a folder: ``pids``, and ``mounts`` as pairs (pid whose namespace has it; 0: ours, target there)."""

    __slots__ = ("mounts", "pids")

    def __init__(self, pids: list[int], mounts: list[tuple[int, str]]) -> None:
        self.pids = pids
        self.mounts = mounts

    def __bool__(self) -> bool:
        return bool(self.pids or self.mounts)

    def __str__(self) -> str:
        pids = [f"process {pid} ({_name(pid)}) runs in it" for pid in self.pids[:5]]
        mounts = [f"{target} is mounted{f' (as process {pid} sees it)' if pid else ''}" for pid, target in self.mounts]
        more = len(self.pids) - 5
        return ", ".join([*pids, *([f"and {more} more"] if more > 0 else []), *(mounts[:5] if not pids else [])])

    @classmethod
    def of(cls, folder: str) -> Occupants:
        """Look who is inside ``folder``. What other users' processes do is not shown to an ordinary user."""
        path = os.path.realpath(folder)
        table = MountTable.of("self")
        place = place_of(table, path)
        roots = dict(_roots())
        here = os.stat(path)
        inside = [pid for pid, (link, root) in roots.items()
                  if os.path.samestat(root, here) or f"{link}/".startswith(f"{path}/")]  # fmt: skip
        mounts = [(0, mount.target) for mount in mounts_within(table, place)]
        for pid in _one_of_each_namespace(roots):
            other = _table(pid)
            mounts += [(pid, mount.target) for mount in mounts_within(other, place)]
        return cls(sorted(inside), mounts)


def place_of(table: MountTable, path: str) -> tuple[str, str]:
    """Return (device, folder in its file system) of ``path`` (absolute, without links), seen by ``table``. Pure."""
    mount = table.containing(path)
    if mount is None:
        return "", path
    return mount.device, _join(mount.root, os.path.relpath(path, mount.target))


def mounts_within(table: MountTable, place: tuple[str, str]) -> list[Mount]:
    """Return the mounts that show the folder ``place``, or something in it, or are attached to something in it. Pure.

    Not those that merely show a folder above it (the whole file system).
    """
    found = []
    for mount in table:
        above = table.by_id(mount.parent)
        if _is_within((mount.device, mount.root), place):
            found.append(mount)
        elif above is not None and above.id != mount.id:
            at = _join(above.root, os.path.relpath(mount.target, above.target))
            if _is_within((above.device, at), place):
                found.append(mount)
    return found


def _join(root: str, rest: str) -> str:
    return root if rest == "." else f"{root.rstrip('/')}/{rest}"


def _is_within(place: tuple[str, str], other: tuple[str, str]) -> bool:
    return place[0] == other[0] and f"{place[1]}/".startswith(f"{other[1].rstrip('/')}/")


def _roots() -> Iterator[tuple[int, tuple[str, os.stat_result]]]:
    """Yield (pid, (root as a path, root as a file)) of every process that we may look at."""
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            yield int(pid), (os.readlink(f"/proc/{pid}/root"), os.stat(f"/proc/{pid}/root"))
        except OSError:  # gone, a zombie, or somebody else's
            continue


def _one_of_each_namespace(roots: dict[int, tuple[str, os.stat_result]]) -> list[int]:
    """Return one pid of each mount namespace that is not ours, and of each root in it (mountinfo shows no more)."""
    found: dict[tuple[str, int, int], int] = {}
    own = os.readlink("/proc/self/ns/mnt")
    for pid, (_, root) in roots.items():
        try:
            namespace = os.readlink(f"/proc/{pid}/ns/mnt")
        except OSError:
            continue
        if namespace != own:
            found.setdefault((namespace, root.st_dev, root.st_ino), pid)
    return sorted(found.values())


def _table(pid: int) -> MountTable:
    """Return the mounts of process ``pid``; none when it is gone."""
    try:
        return MountTable.of(pid)
    except (OSError, FilesystemError):
        return MountTable([])


def _name(pid: int) -> str:
    """Return the name of process ``pid``, printable."""
    try:
        with open(f"/proc/{pid}/comm", encoding="utf-8", errors="replace") as file:
            return file.read().strip()
    except OSError:
        return "gone"
