"""One namespace behind a file: what it is, who owns it. See ioctl_ns(2).

What belongs here: asking the kernel about one. What does not: finding all (``explore/``), making, joining.
"""

from __future__ import annotations

import fcntl
import os

from .core.kinds import KINDS, kind_named
from .errors import NamespaceError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .core.kinds import NamespaceKind

# <linux/nsfs.h>: _IO(0xb7, 1..4)
NS_GET_USERNS = 0xB701
NS_GET_PARENT = 0xB702
NS_GET_NSTYPE = 0xB703
NS_GET_OWNER_UID = 0xB704


class Namespace:
    """A namespace: its ``kind``, its ``inode`` number (its identity), ``path`` where it was found."""

    __slots__ = ("inode", "kind", "path")

    def __init__(self, kind: NamespaceKind, inode: int, path: str) -> None:
        self.kind = kind
        self.inode = inode
        self.path = path

    def __repr__(self) -> str:
        return f"<Namespace {self.kind.name}:[{self.inode}]>"

    @classmethod
    def of(cls, pid: int | str, kind: str) -> Namespace:
        """Return the namespace of ``kind`` that process ``pid`` is in. Raises NamespaceError when it is gone."""
        found = kind_named(kind)
        path = f"/proc/{pid}/ns/{found.name}"
        try:
            return cls(found, os.stat(path).st_ino, path)
        except OSError as error:
            raise NamespaceError(f"cannot look at {path}: {error.strerror}") from error

    @classmethod
    def at(cls, path: str) -> Namespace:
        """Return the namespace behind a file (/proc/PID/ns/X or pinned). Raises NamespaceError if it is none."""
        try:
            fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)  # a fifo would wait for its other end
        except OSError as error:
            raise NamespaceError(f"cannot open {path}: {error.strerror}") from error
        try:
            flag = fcntl.ioctl(fd, NS_GET_NSTYPE)
            kind = next(kind for kind in KINDS if kind.flag == flag)
            return cls(kind, os.fstat(fd).st_ino, path)
        except (OSError, StopIteration):
            hint = "those are /proc/PID/ns/net and the like, and what is pinned"
            raise NamespaceError(f"{path} is not a namespace file", hint=hint) from None
        finally:
            os.close(fd)

    def owner(self) -> int | None:
        """Return the inode of the user namespace that owns this one (for a user namespace: its parent).

        None when it lies outside of what the caller may see.
        """
        return self._related(NS_GET_USERNS)

    def parent(self) -> int | None:
        """Return the inode of the parent of a pid or user namespace; None for other kinds and for the caller's root."""
        return self._related(NS_GET_PARENT) if self.kind.name in ("pid", "user") else None

    def owner_uid(self) -> int | None:
        """Return the uid (as the caller sees it) that made this user namespace; None for other kinds."""
        if self.kind.name != "user":
            return None
        fd = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            return int.from_bytes(fcntl.ioctl(fd, NS_GET_OWNER_UID, bytes(4)), "little")
        finally:
            os.close(fd)

    def _related(self, request: int) -> int | None:
        """Return the inode of the namespace that ``request`` answers with, or None when the kernel says EPERM."""
        fd = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            other = fcntl.ioctl(fd, request)
        except PermissionError:
            return None
        finally:
            os.close(fd)
        try:
            return os.fstat(other).st_ino
        finally:
            os.close(other)
