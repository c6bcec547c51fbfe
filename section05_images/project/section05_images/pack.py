"""A folder as a layer's tar, the same bytes for the same files: names sorted, owner 0:0, one fixed time."""

from __future__ import annotations

import os
import stat
import tarfile

from .errors import ArchiveError


def pack_folder(folder: str, target: str) -> None:
    """Write the tar of ``folder`` to the new file ``target``. Raises OSError, ArchiveError for sockets."""
    links: dict[tuple[int, int], str] = {}
    with open(target, "xb") as file, tarfile.open(fileobj=file, mode="w:", format=tarfile.PAX_FORMAT) as archive:
        for path in _walk(folder):
            member = _member(folder, path, links)
            if member.isreg():
                with open(os.path.join(folder, path), "rb") as data:
                    archive.addfile(member, data)
            else:
                archive.addfile(member)


def _walk(folder: str) -> list[str]:
    """Return the relative paths of everything in ``folder``, sorted, a folder before what is in it."""
    found = []
    for here, folders, files in os.walk(folder):
        inside = os.path.relpath(here, folder)
        found += [os.path.normpath(os.path.join(inside, name)) for name in [*folders, *files]]
    return sorted(found, key=lambda path: path.split("/"))


def _member(folder: str, path: str, links: dict[tuple[int, int], str]) -> tarfile.TarInfo:
    """Return the header of one entry; a second name of a file becomes a hard link to the first."""
    status = os.lstat(os.path.join(folder, path))
    member = tarfile.TarInfo(path)
    member.mode = stat.S_IMODE(status.st_mode)
    identity = (status.st_dev, status.st_ino)
    if stat.S_ISDIR(status.st_mode):
        member.type = tarfile.DIRTYPE
    elif stat.S_ISLNK(status.st_mode):
        member.type, member.linkname = tarfile.SYMTYPE, os.readlink(os.path.join(folder, path))
    elif identity in links:
        member.type, member.linkname = tarfile.LNKTYPE, links[identity]
    elif stat.S_ISREG(status.st_mode):
        links[identity] = path
        member.size = status.st_size
    elif stat.S_ISCHR(status.st_mode) or stat.S_ISBLK(status.st_mode):
        member.type = tarfile.CHRTYPE if stat.S_ISCHR(status.st_mode) else tarfile.BLKTYPE
        member.devmajor, member.devminor = os.major(status.st_rdev), os.minor(status.st_rdev)
    elif stat.S_ISFIFO(status.st_mode):
        member.type = tarfile.FIFOTYPE
    else:
        raise ArchiveError(f"{path} is a socket: it cannot be in a layer")
    return member
