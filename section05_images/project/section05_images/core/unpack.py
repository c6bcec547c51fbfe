"""Applying a layer's tar to a folder that nothing in the tar can leave.

Parents are opened by the kernel *inside* the root (``safe_open``: openat2 RESOLVE_IN_ROOT), and every member is made
relative to its parent's descriptor (``entries``). No path of the archive is ever resolved as a string. What does not
belong here: members without their parents, types that replace each other, hard links (``thorough``); devices, xattrs,
sparse files (``special``).
"""

from __future__ import annotations

import errno
import os
import tarfile

from ..errors import LayerError
from . import whiteouts
from .entries import Entries, enter
from .headers import members

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from .stream import Stream

#: Not the layer's fault: passed on as they are.
FULL = (errno.ENOSPC, errno.EDQUOT)


class Unpacker(Entries):
    """Applies tar streams to the folder open at ``root``."""

    def __init__(self, root: int, *, chown: bool, userxattr: bool) -> None:
        super().__init__(root, chown=chown, userxattr=userxattr)
        self.makers = {
            tarfile.DIRTYPE: self.make_folder,
            tarfile.SYMTYPE: self.make_symlink,
            **dict.fromkeys(tarfile.REGULAR_TYPES, self.make_file),
        }
        self.folders: dict[str, tarfile.TarInfo] = {}

    def apply(self, stream: Stream, *, end_marker: bool = False) -> None:
        """Apply every member of the tar ``stream``. Raises ArchiveError; OSError only for a full disk."""
        for member in members(stream, end_marker=end_marker):
            _blame(member, self.place, member, stream)
        for path in sorted(self.folders, key=lambda path: path.count("/"), reverse=True):
            _blame(self.folders[path], self.finish_folder, path, self.folders[path])

    def place(self, member: tarfile.TarInfo, stream: Stream) -> None:
        """Create one member, or apply the whiteout that it is."""
        *folders, name = split_name(member.name) or [""]
        parent = self.parent(folders)
        try:
            hidden = whiteouts.hidden_name(member.name, name)
            if hidden is None:
                self.make(member, parent, name, stream)
                if member.isdir():  # filling a folder changes its times: its attributes come last
                    self.folders["/".join([*folders, name])] = member
            elif name == whiteouts.OPAQUE:
                self.hide_all(parent)
            elif not name.startswith(whiteouts.RESERVED):
                self.hide(parent, hidden)
        finally:
            self.leave(parent)

    def make(self, member: tarfile.TarInfo, parent: int, name: str, stream: Stream) -> None:
        """Make ``name`` in ``parent``; an empty name is the root itself, which can only be a folder."""
        maker = self.makers.get(member.type)
        if maker is None or not (name or member.isdir()):
            raise LayerError(member.name, f"type {member.type!r} cannot be unpacked here")
        maker(member, parent, name, stream)

    def hide_all(self, parent: int) -> None:
        """Apply an opaque whiteout to the folder open at ``parent``."""
        whiteouts.mark_opaque(parent, userxattr=self.userxattr)

    def finish_folder(self, path: str, member: tarfile.TarInfo) -> None:
        """Set the attributes of a folder, if it is still one."""
        fd = enter(self.root, path.split("/"), os.O_NOFOLLOW)
        if fd is None:
            return  # a later member took its place
        try:
            self.dress(member, fd)
        finally:
            os.close(fd)

    def parent(self, folders: list[str]) -> int:
        """Return a descriptor of the folder that the path of ``folders`` leads to inside the root."""
        fd = enter(self.root, folders)
        if fd is None:
            raise LayerError("/".join(folders), "is not a folder, but other members are in it")
        return fd

    def leave(self, parent: int) -> None:
        """Close what ``parent`` returned."""
        os.close(parent)


def split_name(name: str) -> list[str]:
    """Return the components of a member's name; a leading ``/`` means the root of the layer. Refuses ``..``."""
    parts = [part for part in name.split("/") if part not in ("", ".")]
    if ".." in parts:
        raise LayerError(name, "it climbs with '..'", explain="LCM-IM-03")
    return parts


def _blame(member: tarfile.TarInfo, call: Callable[..., Any], *arguments: Any) -> None:
    """Call; what the kernel or Python refuses becomes an error that names the member."""
    try:
        call(*arguments)
    except (OSError, ValueError, OverflowError) as error:
        if getattr(error, "errno", 0) in FULL:
            raise
        raise LayerError(member.name, f"cannot be made: {error}") from error
