"""Applying a layer's tar to a folder that nothing in the tar can leave.

Parents are opened by the kernel *inside* the root (``safe_open``: openat2 RESOLVE_IN_ROOT), and every member is made
relative to its parent's descriptor (``entries``). No path of the archive is ever resolved as a string. What does not
belong here: devices, xattrs, sparse files (``special``).
"""

from __future__ import annotations

import errno
import os
import tarfile

from ..errors import LayerError
from . import whiteouts
from .entries import Entries, enter, look, split_name
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
            tarfile.LNKTYPE: self.make_hardlink,
            **dict.fromkeys(tarfile.REGULAR_TYPES, self.make_file),
        }
        self._folders: dict[str, tarfile.TarInfo] = {}
        self._path, self._parent = "", -1  # the last parent: archives are sorted by folder

    def apply(self, stream: Stream, *, end_marker: bool = False) -> None:
        """Apply every member of the tar ``stream``. Raises ArchiveError; OSError only for a full disk."""
        try:
            for member in members(stream, end_marker=end_marker):
                _blame(member, self.place, member, stream)
            for path in sorted(self._folders, key=lambda path: path.count("/"), reverse=True):
                _blame(self._folders[path], self.finish_folder, path, self._folders[path])
        finally:
            self._forget()

    def place(self, member: tarfile.TarInfo, stream: Stream) -> None:
        """Create one member, or apply the whiteout that it is."""
        *folders, name = split_name(member.name) or [""]
        parent = self.parent(folders)
        hidden = whiteouts.hidden_name(member.name, name)
        if hidden is None:
            self.make(member, parent, name, stream)
            if member.isdir():  # filling a folder changes its times: its attributes come last
                self._folders["/".join([*folders, name])] = member
        elif name == whiteouts.OPAQUE:
            self.hide_all(parent, folders)
        elif not name.startswith(whiteouts.RESERVED):
            self.hide(parent, hidden)

    def make(self, member: tarfile.TarInfo, parent: int, name: str, stream: Stream) -> None:
        """Make ``name`` in ``parent``; an empty name is the root itself, which can only be a folder."""
        maker = self.makers.get(member.type)
        if maker is None or not (name or member.isdir()):
            raise LayerError(member.name, f"type {member.type!r} cannot be unpacked here")
        maker(member, parent, name, stream)

    def hide_all(self, parent: int, _folders: list[str]) -> None:
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
        """Return a descriptor of the folder that the path of ``folders`` leads to inside the root; make what lacks."""
        path = "/".join(folders)
        if self._parent < 0 or path != self._path:
            self._forget()
            fd = enter(self.root, folders)
            self._parent = self._make_way(folders) if fd is None else fd
            self._path = path
        return self._parent

    def _make_way(self, folders: list[str]) -> int:
        """Make the missing folders on the way, one by one; returns a descriptor of the last."""
        here = os.dup(self.root)
        for depth, name in enumerate(folders, 1):
            try:
                there = enter(self.root, folders[:depth])
                if there is None:
                    self._make_missing("/".join(folders[:depth]), here, name)
                    there = enter(self.root, folders[:depth])
            finally:
                os.close(here)
            if there is None:
                raise LayerError("/".join(folders[:depth]), "is not a folder, but other members are in it")
            here = there
        return here

    def _make_missing(self, path: str, parent: int, name: str) -> None:
        """Make a folder that the archive did not mention; only a whiteout may be in its place."""
        there = look(parent, name)
        if there and not whiteouts.is_whiteout(there):
            return
        self.make_folder(tarfile.TarInfo(path), parent, name, None)  # type: ignore[arg-type]

    def clear(self, parent: int, name: str) -> bool:
        """Remove ``name``; the remembered parent's path may then lead elsewhere."""
        removed = super().clear(parent, name)
        if removed:
            self._path = "\0"  # no path: opened anew for the next member, and closed then
        return removed

    def _forget(self) -> None:
        """Close the remembered parent."""
        if self._parent >= 0:
            os.close(self._parent)
            self._parent = -1


def _blame(member: tarfile.TarInfo, call: Callable[..., Any], *arguments: Any) -> None:
    """Call; what the kernel or Python refuses becomes an error that names the member."""
    try:
        call(*arguments)
    except (OSError, ValueError, OverflowError) as error:
        if getattr(error, "errno", 0) in FULL:
            raise
        raise LayerError(member.name, f"cannot be made: {error}") from error
