"""How mounts are related: peer groups over all mount namespaces that we can see, and two tables compared.

What belongs here: looking over several tables; the comparison is pure. What does not: one table (``mountinfo.py``).
"""

from __future__ import annotations

import os

from .errors import FilesystemError
from .mountinfo import MountTable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from .mountinfo import Mount

#: A mount in the table of the process that was asked: (pid, mount).
Member = tuple[int, "Mount"]


class View:
    """The mount namespaces that the caller can see: ``tables`` by the pid that was asked, ``inodes`` of the namespaces.

    ``hidden`` counts the processes whose namespace was not ours to see (another user's).
    """

    __slots__ = ("hidden", "inodes", "tables")

    def __init__(self, tables: Mapping[int, MountTable], inodes: Mapping[int, int], hidden: int) -> None:
        self.tables = tables
        self.inodes = inodes
        self.hidden = hidden

    @classmethod
    def of_all(cls, first: int | str = "self") -> View:
        """Read one table per mount namespace; of that of process ``first`` by ``first``.

        A process that is chrooted sees less than its namespace has: one is asked that is not, if there is any.
        """
        own = os.getpid() if first == "self" else int(first)
        asked: dict[int, tuple[bool, int]] = {_namespace(own): (False, own)}
        hidden = 0
        for pid in sorted(int(name) for name in os.listdir("/proc") if name.isdecimal()):
            try:
                inode, chrooted = _namespace(pid), os.readlink(f"/proc/{pid}/root") != "/"
                asked[inode] = min(asked.get(inode, (True, 1 << 32)), (chrooted, pid))
            except PermissionError:
                hidden += 1
            except OSError:  # ended meanwhile
                continue
        asked[_namespace(own)] = (False, own)
        tables, inodes = {}, {}
        for inode, (_, pid) in asked.items():
            try:
                tables[pid], inodes[pid] = MountTable.of(pid), inode
            except FilesystemError:  # ended meanwhile
                continue
        return cls(tables, inodes, hidden)

    def groups(self) -> list[dict[str, object]]:
        """Return the peer groups, by number: id, peers, slaves (each with pid, namespace, target), master, above.

        ``master``: the group that this one is a slave of, too (0: none). ``above``: groups that its members name as
        the nearest they can see above it, where the master is out of sight (propagate_from).
        """
        return [
            {
                "group": number,
                "peers": self._rows(members),
                "slaves": self._rows(slaves),
                "master": next((mount.number("master") for _, mount in members), 0),
                "above": sorted({mount.number("propagate_from") for _, mount in members + slaves} - {0}),
            }
            for number, (members, slaves) in sorted(peer_groups(self.tables).items())
        ]

    def _rows(self, members: Iterable[Member]) -> list[dict[str, object]]:
        return [{"pid": pid, "namespace": self.inodes[pid], "id": mount.id, "target": mount.target}
                for pid, mount in members]  # fmt: skip


def peer_groups(tables: Mapping[int, MountTable]) -> dict[int, tuple[list[Member], list[Member]]]:
    """Return per peer group its peers and its slaves. A group whose members are all out of sight has only slaves."""
    groups: dict[int, tuple[list[Member], list[Member]]] = {}
    for pid, table in tables.items():
        for mount in table:
            for place, name in enumerate(("shared", "master")):
                number = mount.number(name) if mount.optional else 0
                if number:
                    groups.setdefault(number, ([], []))[place].append((pid, mount))
    return groups


def compare_tables(left: MountTable, right: MountTable) -> list[dict[str, object]]:
    """Return where two tables differ, in the order of the first: target, what ("left", "right", "differs"), changes.

    Mounts are matched by target and, where several lie on each other, from the lowest up; ids differ between
    namespaces and say nothing. ``changes``: field → [left, right] for file system, source, root, flags, data and
    propagation (in words: the numbers of groups only where both are shared and the groups are not the same).
    """
    rows: list[dict[str, object]] = []
    ours, theirs = _by_target(left), _by_target(right)
    for target in [*ours, *(target for target in theirs if target not in ours)]:
        one, two = ours.get(target, []), theirs.get(target, [])
        for level in range(max(len(one), len(two))):
            if level >= len(two):
                rows.append({"target": target, "what": "left", "changes": {}, "fstype": one[level].fstype})
            elif level >= len(one):
                rows.append({"target": target, "what": "right", "changes": {}, "fstype": two[level].fstype})
            elif changes := _changes(one[level], two[level]):
                rows.append({"target": target, "what": "differs", "changes": changes, "fstype": one[level].fstype})
    return rows


def _changes(one: Mount, two: Mount) -> dict[str, list[str]]:
    """Return the fields in which two mounts differ, with both values."""
    fields = ("fstype", "source", "device", "root", "data", "propagation")
    pairs = {name: [str(getattr(one, name)), str(getattr(two, name))] for name in fields}
    pairs["flags"] = [",".join(mount.flags) for mount in (one, two)]
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}


def _by_target(table: MountTable) -> dict[str, list[Mount]]:
    """Return the mounts per target, the lowest first."""
    found: dict[str, list[Mount]] = {}
    for _, mount in table.walk():
        found.setdefault(mount.target, []).append(mount)
    return found


def _namespace(pid: int) -> int:
    """Return the inode of the process's mount namespace. Raises OSError."""
    return os.stat(f"/proc/{pid}/ns/mnt").st_ino
