"""The mount table: /proc/PID/mountinfo as objects. See proc_pid_mountinfo(5).

What belongs here: the parser (pure) and look-ups. What does not: changing it, comparing tables (``relations.py``).
"""

from __future__ import annotations

import os

from .errors import FilesystemError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator


class Mount:
    """One mount.

    ``source`` (device or name), ``target`` (mount point), ``fstype``, ``flags`` (words: rw, nosuid …), ``data`` (the
    superblock's options as the file system wrote them), ``propagation`` ("private", "shared:1", "slave:2",
    "shared:1,slave:2", "unbindable"), ``id``, ``parent`` (ids), ``device`` ("8:1"), ``root`` (which folder of the file
    system is seen here), ``optional`` (the optional fields as the kernel wrote them).
    """

    __slots__ = (
        *("data", "device", "flags", "fstype", "id", "optional"),
        *("parent", "propagation", "root", "source", "target"),
    )

    def __init__(self, source: str, target: str, fstype: str, flags: list[str], data: str, optional: str) -> None:
        self.source = source
        self.target = target
        self.fstype = fstype
        self.flags = flags
        self.data = data
        self.optional = optional
        self.propagation = _propagation(optional) if optional else "private"
        self.id = 0
        self.parent = 0
        self.device = ""
        self.root = "/"

    def __repr__(self) -> str:
        return f"<Mount {self.id} {self.source} on {self.target} type {self.fstype}>"

    @classmethod
    def parse(cls, line: str) -> Mount:
        """Return the mount that one line of mountinfo describes. Raises ValueError for another text."""
        try:
            before, _, after = line.partition(" - ")  # no field before the dash can be a dash with blanks around
            identity, parent, device, root, target, flags, *optional = before.split(" ")
            fstype, source, data = after.split(" ", 2)
            mount = cls(
                unescape(source), unescape(target), unescape(fstype), flags.split(","), data, " ".join(optional)
            )
            mount.id, mount.parent, mount.device, mount.root = int(identity), int(parent), device, unescape(root)
        except ValueError:
            raise ValueError(f"not a line of mountinfo: {line!r}") from None
        return mount

    def number(self, name: str) -> int:
        """Return N of the optional field ``name:N`` (shared, master, propagate_from), or 0 without that field.

        ``propagate_from`` is the nearest dominating peer group that the reader can see, where ``master`` is not seen.
        """
        for field in self.optional.split(" "):
            key, _, value = field.partition(":")
            if key == name and value.isdecimal():
                return int(value)
        return 0

    def as_dict(self) -> dict[str, object]:
        """Return all fields, for ``--json``; the peer groups as numbers, too."""
        fields: dict[str, object] = {name: getattr(self, name) for name in self.__slots__ if name != "optional"}
        return fields | {name: self.number(name) for name in ("shared", "master", "propagate_from")}


def unescape(text: str) -> str:
    """Return ``text`` with the kernel's octal escapes (space, tab, newline, backslash, ``#``) undone."""
    if "\\" not in text:
        return text
    first, *rest = text.split("\\")
    return first + "".join(chr(int(part[:3], 8)) + part[3:] for part in rest)


def _propagation(optional: str) -> str:
    """Return the optional fields in our words: shared:N, master:N (ours is "slave:N"), unbindable; private if none.

    In this order, whatever the kernel's; fields of a newer kernel, and ``propagate_from``, are left out.
    """
    words = {}
    for field in optional.split(" "):
        name, _, number = field.partition(":")
        words[name] = number
    known = [f"{ours}:{words[name]}" for name, ours in (("shared", "shared"), ("master", "slave")) if name in words]
    return ",".join(known + ["unbindable"] * ("unbindable" in words)) or "private"


class MountTable:
    """The mounts of a mount namespace, in the kernel's order, as far as the process can see them."""

    __slots__ = ("_below", "_ids", "_places", "mounts")

    def __init__(self, mounts: list[Mount]) -> None:
        self.mounts = mounts
        self._ids: dict[int, Mount] = {}
        self._places: dict[tuple[int, str], Mount] = {}
        self._below: dict[int, list[Mount]] = {}

    def __iter__(self) -> Iterator[Mount]:
        return iter(self.mounts)

    def __len__(self) -> int:
        return len(self.mounts)

    @classmethod
    def parse(cls, text: str) -> MountTable:
        """Return the table that ``text``, the content of a mountinfo file, describes. Raises ValueError.

        Only a newline ends a line: the kernel escapes no other character that Python would break a line at.
        """
        parse = Mount.parse
        return cls([parse(line) for line in text.split("\n") if line])

    @classmethod
    def of(cls, pid: int | str = "self") -> MountTable:
        """Return the table of process ``pid``; bytes that are not UTF-8 become surrogates (PEP 383).

        Raises FilesystemError when the process has gone, has ended, or belongs to somebody else.
        """
        try:
            with open(f"/proc/{pid}/mountinfo", "rb") as file:
                return cls.parse(os.fsdecode(file.read()))
        except PermissionError:
            why = f"may not read the mounts of process {pid}: it belongs to another user, or hides"
            raise FilesystemError(why, hint="try sudo") from None
        except (FileNotFoundError, ProcessLookupError):
            hint = "" if os.path.exists("/proc/self") else "no proc file system is at /proc: mount -t proc proc /proc"
            raise FilesystemError(f"there is no process {pid} (any more)", hint=hint) from None
        except OSError as error:
            if error.errno != 22:
                raise
            raise FilesystemError(f"process {pid} has ended (a zombie): it has no mounts any more") from None

    def _index(self) -> None:
        """Sort the mounts by id, by place (parent, target) and by parent: once, when the first question comes."""
        self._ids = {mount.id: mount for mount in self.mounts}
        for mount in self.mounts:
            parent = mount.parent if mount.parent in self._ids and mount.parent != mount.id else 0
            self._places[parent, mount.target] = mount
            self._below.setdefault(parent, []).append(mount)

    def by_id(self, number: int) -> Mount | None:
        """Return the mount with this id."""
        if not self._ids:
            self._index()
        return self._ids.get(number)

    def at(self, path: str) -> Mount | None:
        """Return what is mounted exactly at ``path`` as a look-up finds it (the topmost, if several are), or None."""
        found = self.containing(path)
        return found if found is not None and found.target == path else None

    def containing(self, path: str) -> Mount | None:
        """Return the mount that ``path`` (absolute, without links) lies on; None below a root that is no mount.

        As the kernel's own look-up does: from the root along the path, at each place into what is mounted there on
        what we are on. So a mount hidden below another one is not found.
        """
        if not self._ids:
            self._index()
        here, found, place = 0, None, "/"
        parts = [part for part in path.split("/") if part]
        for part in ["", *parts]:
            place = f"{place.rstrip('/')}/{part}"
            while (mount := self._places.get((here, place))) is not None:
                here, found = mount.id, mount
        return found

    def children(self, mount: Mount) -> list[Mount]:
        """Return the mounts directly below ``mount``."""
        if not self._ids:
            self._index()
        return self._below.get(mount.id, [])

    def walk(self) -> Iterator[tuple[int, Mount]]:
        """Yield (depth, mount) for all, each below its parent; the roots are those whose parent is not seen."""
        if not self._ids:
            self._index()
        waiting = [(0, mount) for mount in reversed(self._below.get(0, []))]
        while waiting:
            depth, mount = waiting.pop()
            yield depth, mount
            waiting += [(depth + 1, child) for child in reversed(self._below.get(mount.id, []))]
