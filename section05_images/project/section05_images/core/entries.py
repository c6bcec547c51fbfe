"""Making one thing in a folder: a file, a folder, a symbolic link, a whiteout.

Each function gets a descriptor of the parent and one plain name, and never follows what that name may already be.
"""

from __future__ import annotations

import errno
import os
import stat

from section04_filesystem import safe_open

from ..errors import LayerError
from . import whiteouts

TYPE_CHECKING = False
if TYPE_CHECKING:
    import tarfile

    from .stream import Stream

_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


class Entries:
    """Makes entries under the folder open at ``root``; ``size`` counts the bytes of files."""

    def __init__(self, root: int, *, chown: bool, userxattr: bool) -> None:
        self.root = root
        self.chown = chown
        self.userxattr = userxattr
        self.size = 0

    def make_folder(self, _member: tarfile.TarInfo, parent: int, name: str, _stream: Stream) -> None:
        """Make a folder, or keep the one that is there; its attributes are set when it is full."""
        there = look(parent, name) if name else os.stat(parent)  # no name: the root
        if there and stat.S_ISDIR(there.st_mode):
            return
        self.clear(parent, name)
        os.mkdir(name, 0o755, dir_fd=parent)
        os.chmod(name, 0o755, dir_fd=parent)  # the umask; the name is the folder of the line before
        if there and whiteouts.is_whiteout(there):  # hidden, then made anew: the folder below stays hidden
            self.hide_below(parent, name)

    def make_file(self, member: tarfile.TarInfo, parent: int, name: str, stream: Stream) -> None:
        """Make a regular file and fill it."""
        self.clear(parent, name)
        fd = os.open(name, _NEW_FILE, 0o600, dir_fd=parent)
        try:
            self.fill(member, fd, stream)
            self.dress(member, fd)
        finally:
            os.close(fd)

    def fill(self, member: tarfile.TarInfo, fd: int, stream: Stream) -> None:
        """Copy the member's data."""
        self.size += member.size
        stream.copy(member.size, fd)

    def make_symlink(self, member: tarfile.TarInfo, parent: int, name: str, _stream: Stream) -> None:
        """Make a symbolic link; where it points to is the container's business and never ours."""
        self.clear(parent, name)
        os.symlink(member.linkname, name, dir_fd=parent)
        self.own_name(member, parent, name)
        os.utime(name, ns=self.times(member), dir_fd=parent, follow_symlinks=False)

    def hide(self, parent: int, name: str) -> None:
        """Apply the whiteout of ``name``: it hides what is below, never what this layer itself brings."""
        there = look(parent, name)
        if there is None:
            whiteouts.make_whiteout(parent, name)
        elif stat.S_ISDIR(there.st_mode):
            self.hide_below(parent, name)

    def hide_below(self, parent: int, name: str) -> None:
        """Mark the folder ``name`` opaque."""
        fd = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=parent)
        try:
            whiteouts.mark_opaque(fd, userxattr=self.userxattr)
        finally:
            os.close(fd)

    def clear(self, parent: int, name: str) -> bool:
        """Remove a file ``name``; tell whether it was there. A folder stays, and is an error (EISDIR)."""
        try:
            os.unlink(name, dir_fd=parent)
        except FileNotFoundError:
            return False
        return True

    def own(self, member: tarfile.TarInfo, fd: int) -> None:
        """Set the owner of what is open."""
        if self.chown:
            os.chown(fd, *owner(member))

    def own_name(self, member: tarfile.TarInfo, parent: int, name: str) -> None:
        """Set the owner of what cannot be opened: a link itself, a device."""
        if self.chown:
            os.chown(name, *owner(member), dir_fd=parent, follow_symlinks=False)

    def dress(self, member: tarfile.TarInfo, fd: int) -> None:
        """Set owner, mode, times, in this order: chown(2) clears the setuid bit."""
        self.own(member, fd)
        os.chmod(fd, member.mode & 0o7777)
        os.utime(fd, ns=self.times(member))

    def times(self, member: tarfile.TarInfo) -> tuple[int, int]:
        """Return access and modification time, both the member's, in nanoseconds."""
        return int(member.mtime) * 10**9, int(member.mtime) * 10**9


def enter(root: int, folders: list[str], flags: int = 0) -> int | None:
    """Return a descriptor of the folder that this path leads to inside ``root``, or None if there is none."""
    try:
        return safe_open(root, "/".join(folders) or ".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC | flags)
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ENOTDIR):
            return None
        raise


def look(parent: int, name: str) -> os.stat_result | None:
    """Return what ``name`` in ``parent`` is, links not followed, or None."""
    try:
        return os.lstat(name, dir_fd=parent)
    except FileNotFoundError:
        return None


def owner(member: tarfile.TarInfo) -> tuple[int, int]:
    """Return uid and gid. -1 would mean "leave as it is" to chown(2), so it is refused."""
    if not (0 <= member.uid < 2**32 - 1 and 0 <= member.gid < 2**32 - 1):
        raise LayerError(member.name, f"impossible owner {member.uid}:{member.gid}")
    return member.uid, member.gid
