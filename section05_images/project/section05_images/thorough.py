"""What real archives do beyond the plain case.

Members whose parents were never mentioned, a file over a folder, hard links, times to the nanosecond. And speed: the
last parent stays open, as archives are sorted by folder.

``core.unpack`` stands without it. Devices, xattrs and sparse files: ``special``.
"""

from __future__ import annotations

import os
import stat
import tarfile

from .core import whiteouts
from .core.entries import enter, look
from .core.unpack import Unpacker, split_name
from .errors import LayerError
from .tree import FOLDER, empty_folder

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .core.stream import Stream


class ThoroughUnpacker(Unpacker):
    """An Unpacker that takes archives as they come."""

    def __init__(self, root: int, *, chown: bool, userxattr: bool) -> None:
        super().__init__(root, chown=chown, userxattr=userxattr)
        self.makers[tarfile.LNKTYPE] = self.make_hardlink
        self._path, self._parent = "", -1

    def apply(self, stream: Stream, *, end_marker: bool = False) -> None:
        """Apply every member, and close the remembered parent."""
        try:
            super().apply(stream, end_marker=end_marker)
        finally:
            self._forget()

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

    def clear(self, parent: int, name: str) -> bool:
        """Remove ``name``, whatever it is; the remembered parent's path may then lead elsewhere."""
        try:
            removed = super().clear(parent, name)
        except IsADirectoryError:
            fd = os.open(name, FOLDER, dir_fd=parent)
            try:
                empty_folder(fd)
            finally:
                os.close(fd)
            os.rmdir(name, dir_fd=parent)
            removed = True
        if removed:
            self._path = "\0"  # no path: opened anew for the next member, and closed then
        return removed

    def times(self, member: tarfile.TarInfo) -> tuple[int, int]:
        """Return the exact times; tarfile's float is not."""
        text = member.pax_headers.get("mtime", "")
        if not text:
            return super().times(member)
        whole, _, fraction = text.partition(".")
        part = int(fraction[:9].ljust(9, "0")) if fraction else 0
        moment = int(whole or "0") * 10**9 + (-part if whole.startswith("-") else part)
        return moment, moment

    def parent(self, folders: list[str]) -> int:
        """Return a descriptor of the folder, the last one again if it is the same; make what lacks on the way."""
        path = "/".join(folders)
        if self._parent < 0 or path != self._path:
            self._forget()
            fd = enter(self.root, folders)
            self._parent = self._make_way(folders) if fd is None else fd
            self._path = path
        return self._parent

    def leave(self, parent: int) -> None:
        """Keep the parent open for the next member."""

    def _make_way(self, folders: list[str]) -> int:
        """Make the missing folders on the way, one by one; returns a descriptor of the last."""
        here = os.dup(self.root)
        for depth in range(1, len(folders) + 1):
            try:
                there = enter(self.root, folders[:depth])
                if there is None:
                    self._make_missing(here, folders[depth - 1])
                    there = super().parent(folders[:depth])
            finally:
                os.close(here)
            here = there
        return here

    def _make_missing(self, parent: int, name: str) -> None:
        """Make a folder that the archive did not mention, in the place of nothing or of a whiteout."""
        there = look(parent, name)
        if there is None or whiteouts.is_whiteout(there):
            self.make_folder(tarfile.TarInfo(name), parent, name, None)  # type: ignore[arg-type]

    def _forget(self) -> None:
        """Close the remembered parent."""
        if self._parent >= 0:
            os.close(self._parent)
            self._parent = -1
