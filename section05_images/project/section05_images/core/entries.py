"""Making one thing in a folder: a file, a folder, a link, a whiteout.

Each function gets a descriptor of the parent and one plain name, and never follows what that name may already be:
what is there is removed first, except that a folder over a folder merges, as Docker has it.
"""

from __future__ import annotations

import errno
import os
import stat
import tarfile

from section04_filesystem import safe_open

from ..errors import LayerError
from . import whiteouts
from .tree import FOLDER, empty_folder

TYPE_CHECKING = False
if TYPE_CHECKING:
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
        if not name:
            return  # the root
        there = look(parent, name)
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
        if self.chown:
            os.chown(name, *owner(member), dir_fd=parent, follow_symlinks=False)
        os.utime(name, ns=times(member), dir_fd=parent, follow_symlinks=False)

    def make_hardlink(self, member: tarfile.TarInfo, parent: int, name: str, _stream: Stream) -> None:
        """Give a file of this layer one more name. The target is found inside the root and not followed."""
        *folders, target = split_name(member.linkname) or [""]
        source = enter(self.root, folders)
        try:
            there = look(source, target) if source is not None else None
            if source is None or there is None or stat.S_ISDIR(there.st_mode):
                raise LayerError(member.name, f"hard link to {member.linkname!r}, which is no file of this layer")
            self.clear(parent, name)
            os.link(target, name, src_dir_fd=source, dst_dir_fd=parent, follow_symlinks=False)
        finally:
            if source is not None:
                os.close(source)

    def hide(self, parent: int, name: str) -> None:
        """Apply the whiteout of ``name``: it hides what is below, never what this layer itself brings."""
        there = look(parent, name)
        if there is None:
            whiteouts.make_whiteout(parent, name)
        elif stat.S_ISDIR(there.st_mode):
            self.hide_below(parent, name)

    def hide_below(self, parent: int, name: str) -> None:
        """Mark the folder ``name`` opaque."""
        fd = os.open(name, FOLDER, dir_fd=parent)
        try:
            whiteouts.mark_opaque(fd, userxattr=self.userxattr)
        finally:
            os.close(fd)

    def clear(self, parent: int, name: str) -> bool:
        """Remove ``name``, whatever it is; tell whether it was there."""
        try:
            os.unlink(name, dir_fd=parent)
        except FileNotFoundError:
            return False
        except IsADirectoryError:
            fd = os.open(name, FOLDER, dir_fd=parent)
            try:
                empty_folder(fd)
            finally:
                os.close(fd)
            os.rmdir(name, dir_fd=parent)
        return True

    def own(self, member: tarfile.TarInfo, fd: int) -> None:
        """Set the owner."""
        if self.chown:
            os.chown(fd, *owner(member))

    def dress(self, member: tarfile.TarInfo, fd: int) -> None:
        """Set owner, mode, times, in this order: chown(2) clears the setuid bit."""
        self.own(member, fd)
        os.chmod(fd, member.mode & 0o7777)
        os.utime(fd, ns=times(member))


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


def split_name(name: str) -> list[str]:
    """Return the components of a member's name; a leading ``/`` means the root of the layer. Refuses ``..``."""
    parts = [part for part in name.split("/") if part not in ("", ".")]
    if ".." in parts:
        raise LayerError(name, "it climbs with '..'", explain="LCM-IM-03")
    return parts


def owner(member: tarfile.TarInfo) -> tuple[int, int]:
    """Return uid and gid. -1 would mean "leave as it is" to chown(2), so it is refused."""
    if not (0 <= member.uid < 2**32 - 1 and 0 <= member.gid < 2**32 - 1):
        raise LayerError(member.name, f"impossible owner {member.uid}:{member.gid}")
    return member.uid, member.gid


def times(member: tarfile.TarInfo) -> tuple[int, int]:
    """Return access and modification time, both the member's, in nanoseconds; exact, which tarfile's float is not."""
    text = member.pax_headers.get("mtime", "")
    whole, _, fraction = text.partition(".")
    if not text:
        moment = int(member.mtime * 10**9) if isinstance(member.mtime, float) else member.mtime * 10**9
    else:
        part = int(fraction[:9].ljust(9, "0")) if fraction else 0
        moment = int(whole or "0") * 10**9 + (-part if whole.startswith("-") else part)
    return moment, moment
