"""Copy the content of one folder into another, empty one: an image's /data into a new volume.

What belongs here: copying by descriptors, without following a link. What does not: layers (section 5).
"""

from __future__ import annotations

import errno
import os
import stat

from section01_processes import action

from .errors import FilesystemError

#: Extended attributes that are copied. Not: security.capability (would give rights), trusted.* (overlay's marks).
XATTRS = ("system.posix_acl_access", "system.posix_acl_default")
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


@action("openat(2)")
def copy_up(source_fd: int, target: str, *, one_filesystem: bool = False) -> bool:
    """Copy what is in the folder ``source_fd`` (may be O_PATH) to the folder ``target``, if that is empty.

    Owners, modes, times, holes, links (hard ones too), fifos and ACLs and user.* attributes are kept; devices, sockets
    and other attributes are left out. The folder's own mode and owner are copied too. ``one_filesystem``: what is
    mounted in it is an empty folder in the copy. Returns whether it copied.
    Raises OSError, with the entry's path in the folder as its file name; FilesystemError for folders nested hundreds
    deep.
    """
    target_fd = os.open(target, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        if os.listdir(target_fd):
            return False
        folder = os.open(f"/proc/self/fd/{source_fd}", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            device = os.fstat(folder).st_dev if one_filesystem else -1
            _copy_folder(folder, target_fd, copy := _Copy(target_fd, device), "")
        except OSError as error:
            error.filename, error.filename2 = copy.at, None
            raise
        except RecursionError:
            raise FilesystemError(f"cannot copy to {target}: its folders are nested too deep") from None
        finally:
            os.close(folder)
        return True
    finally:
        os.close(target_fd)


class _Copy:
    """A copy under way: which inode was copied to which path (relative to ``folder``), for its further names.

    ``device``: the only one to copy from, or -1. ``at``: the path that it is at.
    """

    __slots__ = ("at", "device", "folder", "seen")

    def __init__(self, folder: int, device: int) -> None:
        self.at = ""
        self.folder = folder
        self.device = device
        self.seen: dict[tuple[int, int], str] = {}


def _copy_folder(source: int, target: int, copy: _Copy, prefix: str) -> None:
    """Copy the entries of folder ``source`` and then its own attributes (last: times change while we write)."""
    status = os.fstat(source)
    if copy.device in (-1, status.st_dev):
        for name in sorted(os.listdir(source)):
            copy.at = prefix + name
            _copy_entry(source, target, name, copy, prefix)
    copy.at = prefix
    _copy_attributes(status, source, target)


def _copy_entry(source: int, target: int, name: str, copy: _Copy, prefix: str) -> None:
    """Copy one entry of any kind; ``prefix``: where ``target`` is, relative to where the copy began."""
    status = os.stat(name, dir_fd=source, follow_symlinks=False)
    kind, identity = stat.S_IFMT(status.st_mode), (status.st_dev, status.st_ino)
    if kind != stat.S_IFDIR and status.st_nlink > 1:
        if identity in copy.seen:
            first = copy.seen[identity]
            os.link(first, name, src_dir_fd=copy.folder, dst_dir_fd=target, follow_symlinks=False)
            return
        if kind in (stat.S_IFLNK, stat.S_IFIFO, stat.S_IFREG):
            copy.seen[identity] = prefix + name
    if kind == stat.S_IFLNK:
        os.symlink(os.readlink(name, dir_fd=source), name, dir_fd=target)
        _own(status, name, target)
    elif kind == stat.S_IFIFO:
        os.mkfifo(name, stat.S_IMODE(status.st_mode), dir_fd=target)
        _own(status, name, target)
    elif kind == stat.S_IFREG:
        _copy_file(source, target, name)
    elif kind == stat.S_IFDIR:
        os.mkdir(name, 0o700, dir_fd=target)
        inner, outer = os.open(name, _FOLDER, dir_fd=source), os.open(name, _FOLDER, dir_fd=target)
        try:
            _copy_folder(inner, outer, copy, f"{prefix}{name}/")
        finally:
            os.close(inner)
            os.close(outer)


def _copy_file(source: int, target: int, name: str) -> None:
    """Copy a regular file inside the kernel."""
    reader = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=source)
    try:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        writer = os.open(name, flags, 0o600, dir_fd=target)
        try:
            _copy_data(reader, writer)
            _copy_attributes(os.fstat(reader), reader, writer)
        finally:
            os.close(writer)
    finally:
        os.close(reader)


def _copy_data(reader: int, writer: int) -> None:
    """Copy what a file holds by sendfile(2), from hole to hole (lseek(2), SEEK_DATA): holes stay holes."""
    size, at = os.fstat(reader).st_size, 0
    while at < size:
        try:
            at = os.lseek(reader, at, os.SEEK_DATA)
        except OSError as error:
            if error.errno != errno.ENXIO:  # only a hole follows
                raise
            break
        end = os.lseek(reader, at, os.SEEK_HOLE)
        os.lseek(writer, at, os.SEEK_SET)
        while at < end and (sent := os.sendfile(writer, reader, at, min(end - at, 1 << 30))):
            at += sent
        if at < end:  # it became shorter meanwhile
            break
    os.truncate(writer, size)


def _copy_attributes(status: os.stat_result, source: int, target: int) -> None:
    """Give ``target`` owner, then mode (chown takes setuid off), allowed attributes and times of ``source``."""
    _try_chown(target, status)
    os.fchmod(target, stat.S_IMODE(status.st_mode))
    for name in os.listxattr(source):
        if (name.startswith("user.") and not name.startswith("user.overlay.")) or name in XATTRS:
            os.setxattr(target, name, os.getxattr(source, name))
    os.utime(target, ns=(status.st_atime_ns, status.st_mtime_ns))


def _own(status: os.stat_result, name: str, folder: int) -> None:
    """Set owner and times of a link or fifo by name: both cannot be opened."""
    try:
        os.chown(name, status.st_uid, status.st_gid, dir_fd=folder, follow_symlinks=False)
    except PermissionError:
        if os.geteuid() == 0:
            raise
    os.utime(name, ns=(status.st_atime_ns, status.st_mtime_ns), dir_fd=folder, follow_symlinks=False)


def _try_chown(fd: int, status: os.stat_result) -> None:
    """Set the owner; who is not root keeps what he makes."""
    try:
        os.fchown(fd, status.st_uid, status.st_gid)
    except PermissionError:
        if os.geteuid() == 0:
            raise
