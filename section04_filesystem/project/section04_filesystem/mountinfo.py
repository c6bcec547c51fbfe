"""The mount table: /proc/PID/mountinfo as objects. See proc_pid_mountinfo(5).

What belongs here: the parser (pure) and look-ups. What does not: changing it.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator


class Mount:
    """One mount.

    ``source`` (device or name), ``target`` (mount point), ``fstype``, ``flags`` (words: rw, nosuid …), ``data`` (the
    superblock's options), ``propagation`` ("private", "shared:1", "slave:2", "shared:1,slave:2", "unbindable"), ``id``,
    ``parent`` (ids), ``device`` ("8:1"), ``root`` (which folder of the file system is seen here).
    """

    __slots__ = ("data", "device", "flags", "fstype", "id", "parent", "propagation", "root", "source", "target")

    def __init__(self, source: str, target: str, fstype: str, flags: list[str], data: str, propagation: str) -> None:
        self.source = source
        self.target = target
        self.fstype = fstype
        self.flags = flags
        self.data = data
        self.propagation = propagation
        self.id = 0
        self.parent = 0
        self.device = ""
        self.root = "/"

    def __repr__(self) -> str:
        return f"<Mount {self.id} {self.source} on {self.target} type {self.fstype}>"

    @classmethod
    def parse(cls, line: str) -> Mount:
        """Return the mount that one line of mountinfo describes. Raises ValueError for another text."""
        fields = line.split(" ")
        try:
            dash = fields.index("-", 6)
            identity, parent, device, root, target, flags = fields[:6]
            fstype, source, data = fields[dash + 1], fields[dash + 2], fields[dash + 3]
        except (ValueError, IndexError):
            raise ValueError(f"not a line of mountinfo: {line!r}") from None
        mount = cls(unescape(source), unescape(target), fstype, flags.split(","), data, _propagation(fields[6:dash]))
        mount.id, mount.parent, mount.device, mount.root = int(identity), int(parent), device, unescape(root)
        return mount

    def as_dict(self) -> dict[str, object]:
        """Return all fields, for ``--json``."""
        return {name: getattr(self, name) for name in self.__slots__}


def unescape(text: str) -> str:
    """Return ``text`` with the kernel's octal escapes for space, tab, newline and backslash undone."""
    first, *rest = text.split("\\")
    return first + "".join(chr(int(part[:3], 8)) + part[3:] for part in rest)


def _propagation(fields: list[str]) -> str:
    """Return the optional fields in our words: shared:N, master:N (ours is "slave:N"), unbindable."""
    words = []
    for field in fields:
        name, _, number = field.partition(":")
        if name in ("shared", "master"):
            words.append(f"{'slave' if name == 'master' else name}:{number}")
        elif name == "unbindable":
            words.append(name)
    return ",".join(words) or "private"


class MountTable:
    """The mounts of a mount namespace, in the order in which they were made, as far as the process can see them."""

    __slots__ = ("mounts",)

    def __init__(self, mounts: list[Mount]) -> None:
        self.mounts = mounts

    def __iter__(self) -> Iterator[Mount]:
        return iter(self.mounts)

    def __len__(self) -> int:
        return len(self.mounts)

    @classmethod
    def parse(cls, text: str) -> MountTable:
        """Return the table that ``text``, the content of a mountinfo file, describes. Raises ValueError."""
        return cls([Mount.parse(line) for line in text.splitlines() if line])

    @classmethod
    def of(cls, pid: int | str = "self") -> MountTable:
        """Return the table of process ``pid``. Raises OSError."""
        with open(f"/proc/{pid}/mountinfo", encoding="utf-8", errors="surrogateescape") as file:
            return cls.parse(file.read())

    def by_id(self, number: int) -> Mount | None:
        """Return the mount with this id."""
        return next((mount for mount in self.mounts if mount.id == number), None)

    def at(self, path: str) -> Mount | None:
        """Return what is mounted exactly at ``path`` (the topmost, if several are), or None."""
        return next((mount for mount in reversed(self.mounts) if mount.target == path), None)

    def containing(self, path: str) -> Mount | None:
        """Return the mount that ``path`` (absolute, without links) lies on."""
        while True:
            found = self.at(path)
            if found is not None or path == "/":
                return found
            path = path.rpartition("/")[0] or "/"

    def children(self, mount: Mount) -> list[Mount]:
        """Return the mounts directly below ``mount``."""
        return [other for other in self.mounts if other.parent == mount.id and other.id != mount.id]
