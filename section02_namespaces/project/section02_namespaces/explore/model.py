"""What a survey found: values only.

What belongs here: the shapes, and what follows from them alone. What does not: looking (the other files), rows and
text (``rows.py``).
"""

from __future__ import annotations

from ..core.kinds import KINDS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

_ORDER = {kind.name: number for number, kind in enumerate(KINDS)}


class Found:
    """One namespace, and everything that was found to keep it alive.

    ``kind`` is the kernel's name, ``inode`` its identity. In it are ``pids`` (processes, ascending) and ``threads``
    ((pid, tid), where the process is elsewhere); only the next children of ``heirs`` will be (pids, by
    ``pid_for_children`` and ``time_for_children``). ``mounts`` are (path, inode of the mount namespace in which that
    path is); ``descriptors`` are (pid, fd). ``children`` have it as their parent, ``owned`` as their owner (inodes; a
    user namespace's child is not told twice). ``owner`` and ``parent`` are inodes, ``owner_uid`` a uid as we see it;
    None is what there is not, or what lies outside of what we may see.
    """

    __slots__ = (
        "children", "descriptors", "heirs", "inode", "kind", "mounts", "name", "owned", "owner", "owner_uid", "parent",
        "pids", "threads",
    )  # fmt: skip

    def __init__(self, kind: str, inode: int) -> None:
        self.kind = kind
        self.inode = inode
        self.name = ""
        self.owner: int | None = None
        self.parent: int | None = None
        self.owner_uid: int | None = None
        self.pids: list[int] = []
        self.threads: list[tuple[int, int]] = []
        self.heirs: list[int] = []
        self.mounts: list[tuple[str, int]] = []
        self.descriptors: list[tuple[int, int]] = []
        self.children: list[int] = []
        self.owned: list[int] = []

    def __repr__(self) -> str:
        return f"<Found {self.kind}:[{self.inode}]>"

    @property
    def first(self) -> int:
        """The lowest pid in it; else that of a process whose thread, child or descriptor is; 0: there is none."""
        if self.pids:
            return self.pids[0]
        others = [pid for pid, _ in self.threads] + self.heirs + [pid for pid, _ in self.descriptors]
        return min(others, default=0)

    @property
    def kept_by(self) -> list[str]:
        """Which sorts of thing keep it alive: of process, thread, child, mount, descriptor, children, owned."""
        sorts = {"process": self.pids, "thread": self.threads, "child": self.heirs, "mount": self.mounts,
                 "descriptor": self.descriptors, "children": self.children, "owned": self.owned}  # fmt: skip
        return [sort for sort, things in sorts.items() if things]


class Survey:
    """Every namespace found, by inode (iterating: by kind and inode); how many processes could not be read."""

    __slots__ = ("spaces", "unreadable")

    def __init__(self) -> None:
        self.spaces: dict[int, Found] = {}
        self.unreadable = 0

    def __iter__(self) -> Iterator[Found]:
        return iter(sorted(self.spaces.values(), key=lambda space: (_ORDER[space.kind], space.inode)))

    def at(self, link: str) -> Found:
        """Return the namespace that a link ``net:[4026531833]`` names, noted if it is new."""
        kind, _, number = link[:-1].partition(":[")
        inode = int(number)
        return self.spaces.get(inode) or self.spaces.setdefault(inode, Found(kind, inode))
