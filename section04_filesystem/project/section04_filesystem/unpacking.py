"""A tar archive into a folder that nothing in the archive can leave.

Parents are opened by the kernel *inside* the root (``make_target``: openat2 RESOLVE_IN_ROOT), and every member is made
relative to its parent's descriptor, by one plain name that is never followed. So an absolute name, a name through a
link that points out, a hard link to an outside path: each ends inside the root, or at nothing.

What is decided here: ``..`` in a name is refused; owners are kept when root unpacks; setuid bits are kept, because the
jail's folder is closed to everybody else and its root is mounted nosuid; file capabilities and other attributes than
``user.*`` are not; of devices only those that every container has are made, by root.

What belongs here: making members. What does not: reading archives (``archives.py``), image layers and their whiteouts
(section 5).
"""

from __future__ import annotations

import os
import stat
import tarfile

from .archives import Archive
from .core.paths import make_target, safe_open
from .devices import DEFAULT_DEVICES
from .errors import FilesystemError, UnsafePath

_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_HARMLESS = {(major, minor) for _, major, minor in DEFAULT_DEVICES}
_XATTR = "SCHILY.xattr."


def unpack(path: str, root_fd: int) -> list[str]:
    """Unpack the archive ``path`` into the folder open at ``root_fd``; return warnings: what was left out.

    Raises FilesystemError (no archive, broken, a member that cannot be), UnsafePath, OSError for a full disk.
    """
    unpacker = _Unpacker(root_fd)
    archive = Archive(path)
    try:
        for member in archive.members():
            unpacker.place(member, archive)
        unpacker.finish_folders()
    finally:
        archive.close()
    return sorted(unpacker.warnings)


class _Unpacker:
    """Makes members under ``root``; ``folders``: those whose attributes come last, because filling changes them."""

    def __init__(self, root: int) -> None:
        self.root = root
        self.is_root = os.geteuid() == 0
        self.folders: dict[str, tarfile.TarInfo] = {}
        self.warnings: set[str] = set()

    def place(self, member: tarfile.TarInfo, archive: Archive) -> None:
        """Make one member. Raises FilesystemError, which names it; OSError for a full disk."""
        *above, name = _components(member.name) or [""]
        try:
            if not name:
                self._place_root(member)
                return
            parent = make_target(self.root, "/" + "/".join(above))
            try:
                self._make(member, parent, name, archive)
            finally:
                os.close(parent)
        except (OSError, ValueError, OverflowError) as error:
            reason = getattr(error, "strerror", None) or error
            raise FilesystemError(f"member {member.name!r} cannot be unpacked: {reason}") from error

    def _place_root(self, member: tarfile.TarInfo) -> None:
        """Take the root's own attributes, if it is a folder."""
        if not member.isdir():
            raise FilesystemError(f"member {member.name!r} cannot be unpacked: it would replace the root")
        self.folders["/"] = member

    def _make(self, member: tarfile.TarInfo, parent: int, name: str, archive: Archive) -> None:
        """Make ``name`` in ``parent``, in the place of whatever is there but a folder."""
        if member.isdir():
            self._make_folder(parent, name)
            self.folders["/" + "/".join(_components(member.name))] = member
            return
        if member.islnk():
            self._make_hard_link(member, parent, name)
            return
        _clear(parent, name)
        if member.isreg():
            self._make_file(member, parent, name, archive)
        elif member.issym():
            os.symlink(member.linkname, name, dir_fd=parent)
            self._own_name(member, parent, name)
        else:
            self._make_special(member, parent, name)

    def _make_folder(self, parent: int, name: str) -> None:
        """Make a folder, or keep the one that is there."""
        try:
            if stat.S_ISDIR(os.lstat(name, dir_fd=parent).st_mode):
                return
            os.unlink(name, dir_fd=parent)
        except FileNotFoundError:
            pass
        os.mkdir(name, 0o700, dir_fd=parent)

    def _make_file(self, member: tarfile.TarInfo, parent: int, name: str, archive: Archive) -> None:
        """Make a regular file; of a sparse one the parts that are there, holes stay holes."""
        fd = os.open(name, _NEW_FILE, 0o600, dir_fd=parent)
        with open(fd, "wb", buffering=0) as file:
            at = member.offset_data
            for offset, size in getattr(member, "sparse", None) or [(0, member.size)]:
                if size < 0 or offset < 0:
                    raise FilesystemError(f"member {member.name!r} has a broken map of its holes")
                file.seek(offset)
                for piece in archive.data(at, size):
                    _write_all(fd, piece)
                at += size
            file.truncate(member.size)
            self._dress(member, fd)

    def _make_hard_link(self, member: tarfile.TarInfo, parent: int, name: str) -> None:
        """Link to an earlier member: its path is resolved inside the root like any other, its last name not followed.

        A link to itself is that file already.
        """
        *above, target = _components(member.linkname) or [""]
        folder = safe_open(self.root, "/" + "/".join(above), os.O_PATH | os.O_DIRECTORY)
        try:
            status = os.lstat(target, dir_fd=folder)
            if stat.S_ISDIR(status.st_mode):
                raise FilesystemError(f"member {member.name!r} cannot be unpacked: a hard link to a folder")
            if not _is_same(status, name, parent):
                _clear(parent, name)
                os.link(target, name, src_dir_fd=folder, dst_dir_fd=parent, follow_symlinks=False)
        finally:
            os.close(folder)

    def _make_special(self, member: tarfile.TarInfo, parent: int, name: str) -> None:
        """Make a fifo, or one of the devices that every container has; leave out, with a warning, what else it is."""
        if member.isfifo():
            os.mkfifo(name, 0o600, dir_fd=parent)
        elif member.ischr() and self.is_root and (member.devmajor, member.devminor) in _HARMLESS:
            os.mknod(name, stat.S_IFCHR | 0o600, os.makedev(member.devmajor, member.devminor), dir_fd=parent)
        else:
            kind = f"device {member.devmajor}:{member.devminor}" if member.isdev() else f"type {member.type!r}"
            self.warnings.add(f"{member.name!r} was left out: {kind}")
            return
        self._own_name(member, parent, name)
        os.chmod(name, member.mode & 0o777, dir_fd=parent)  # by name; nobody else reaches this folder yet

    def finish_folders(self) -> None:
        """Set the attributes of folders, the deepest first; a later member may have taken a folder's place."""
        for path, member in sorted(self.folders.items(), key=lambda item: -item[0].count("/")):
            try:
                fd = safe_open(self.root, path, _FOLDER)
            except OSError:
                continue
            try:
                self._dress(member, fd)
            finally:
                os.close(fd)

    def _dress(self, member: tarfile.TarInfo, fd: int) -> None:
        """Set owner, mode (chown takes setuid off), attributes and times."""
        if self.is_root:
            os.fchown(fd, *_owner(member))
        os.fchmod(fd, member.mode & 0o7777)
        for keyword, value in member.pax_headers.items():
            if keyword.startswith(_XATTR):
                self._set_attribute(fd, keyword.removeprefix(_XATTR), value)
        os.utime(fd, ns=_times(member))

    def _set_attribute(self, fd: int, name: str, value: str) -> None:
        """Set an extended attribute if it is the user's own."""
        if not name.startswith("user.") or name.startswith("user.overlay."):
            self.warnings.add(f"attributes {name} were left out")
            return
        os.setxattr(fd, name, value.encode("utf-8", "surrogateescape"))

    def _own_name(self, member: tarfile.TarInfo, parent: int, name: str) -> None:
        """Set owner and times of what cannot be opened."""
        if self.is_root:
            os.chown(name, *_owner(member), dir_fd=parent, follow_symlinks=False)
        os.utime(name, ns=_times(member), dir_fd=parent, follow_symlinks=False)


def _components(name: str) -> list[str]:
    """Return the components of a member's name, from the root on. Raises UnsafePath for one that climbs."""
    parts = [part for part in name.split("/") if part not in ("", ".")]
    if ".." in parts:
        raise UnsafePath(f"member {name!r} climbs with '..'", hint="refused", explain="LCM-IM-03")
    return parts


def _clear(parent: int, name: str) -> None:
    """Remove what is in the way; a folder is not (EISDIR)."""
    try:
        os.unlink(name, dir_fd=parent)
    except FileNotFoundError:
        pass


def _is_same(status: os.stat_result, name: str, parent: int) -> bool:
    try:
        return os.path.samestat(status, os.lstat(name, dir_fd=parent))
    except FileNotFoundError:
        return False


def _write_all(fd: int, data: bytes) -> None:
    """Write all of ``data``; write(2) may take less at a time."""
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(fd, rest) :]


def _owner(member: tarfile.TarInfo) -> tuple[int, int]:
    """Return user and group. -1 would mean "leave as it is" to chown(2), so it is refused."""
    if not (0 <= member.uid < 2**32 - 1 and 0 <= member.gid < 2**32 - 1):
        raise FilesystemError(f"member {member.name!r} has an impossible owner {member.uid}:{member.gid}")
    return member.uid, member.gid


def _times(member: tarfile.TarInfo) -> tuple[int, int]:
    """Return access and modification time in nanoseconds, to the microsecond that a float can hold."""
    moment = round(member.mtime * 10**6) * 1000
    return moment, moment
