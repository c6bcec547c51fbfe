"""The rest of what a layer may hold: devices, fifos, extended attributes, sparse files; and limits against bombs.

``core.unpack`` stands without it; the store always unpacks with this.
"""

from __future__ import annotations

import errno
import os
import stat
import tarfile

from .errors import LayerError
from .thorough import ThoroughUnpacker

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from .core.stream import Stream

#: pax keywords of extended attributes: star and GNU tar's SCHILY, libarchive's comes base64 and is left out.
XATTR = "SCHILY.xattr."
CAPABILITY = "security.capability"
MAX_ENTRIES = 5_000_000
MAX_BYTES = 1 << 40


class LayerUnpacker(ThoroughUnpacker):
    """An Unpacker for real layers. ``warnings`` tells what was left out; ``file_capabilities`` lets them in."""

    def __init__(
        self, root: int, *, chown: bool, userxattr: bool, file_capabilities: bool = False, max_bytes: int = MAX_BYTES
    ) -> None:
        super().__init__(root, chown=chown, userxattr=userxattr)
        self.file_capabilities = file_capabilities
        self.max_bytes = max_bytes
        self.warnings: set[str] = set()
        self._entries = 0
        self.makers |= {
            tarfile.CHRTYPE: self.make_device,
            tarfile.BLKTYPE: self.make_device,
            tarfile.FIFOTYPE: self.make_device,
        }

    def place(self, member: tarfile.TarInfo, stream: Stream) -> None:
        """Place one member, within the limits."""
        self._entries += 1
        if self._entries > MAX_ENTRIES or self.size + (member.size if member.isreg() else 0) > self.max_bytes:
            raise LayerError(member.name, f"the layer exceeds {MAX_ENTRIES} members or {self.max_bytes} bytes")
        super().place(member, stream)

    def make_device(self, member: tarfile.TarInfo, parent: int, name: str, _stream: Stream) -> None:
        """Make a device or a fifo; without the privilege, a device is left out and said so."""
        kind = {tarfile.CHRTYPE: stat.S_IFCHR, tarfile.BLKTYPE: stat.S_IFBLK}.get(member.type, stat.S_IFIFO)
        device = 0 if kind == stat.S_IFIFO else os.makedev(member.devmajor, member.devminor)
        self.clear(parent, name)
        try:
            os.mknod(name, kind | 0o600, device, dir_fd=parent)
        except PermissionError:
            self.warnings.add("device nodes were left out: they need root")
            return
        self.own_name(member, parent, name)
        # By name, and chmod(2) follows links; but the name is what the lines above made in a folder closed to others.
        os.chmod(name, member.mode & 0o7777, dir_fd=parent)
        os.utime(name, ns=self.times(member), dir_fd=parent, follow_symlinks=False)

    def fill(self, member: tarfile.TarInfo, fd: int, stream: Stream) -> None:
        """Copy the member's data; of a sparse file the parts that are there, holes stay holes."""
        parts: list[tuple[int, int]] | None = getattr(member, "sparse", None)
        if parts is None:
            super().fill(member, fd, stream)
            return
        for offset, size in parts:
            if size < 0:
                raise LayerError(member.name, "broken map of a sparse file")
            os.lseek(fd, offset, os.SEEK_SET)
            stream.copy(size, fd)
            self.size += size
        os.truncate(fd, member.size)

    def own(self, member: tarfile.TarInfo, fd: int) -> None:
        """Set owner, then the attributes on the allow-list: chown(2) would take capabilities away again."""
        self._mapped(super().own, member, fd)
        for keyword, value in member.pax_headers.items():
            if keyword.startswith(XATTR):
                self.set_xattr(fd, keyword.removeprefix(XATTR), value.encode("utf-8", "surrogateescape"))

    def own_name(self, member: tarfile.TarInfo, parent: int, name: str) -> None:
        """Set the owner of what cannot be opened."""
        self._mapped(super().own_name, member, parent, name)

    def _mapped(self, own: Callable[..., None], *arguments: object) -> None:
        """Set an owner; one that the user namespace does not map stays ours, and it is said."""
        try:
            own(*arguments)
        except OSError as error:
            if error.errno != errno.EINVAL:
                raise
            self.warnings.add("owners that are not mapped in this user namespace became ours: see LCM-US-04")

    def set_xattr(self, fd: int, name: str, value: bytes) -> None:
        """Set one extended attribute if it is allowed: ``user.*`` but not overlay's own marks, never ``trusted.*``."""
        allowed = name.startswith("user.") and not name.startswith("user.overlay.")
        if not (allowed or (name == CAPABILITY and self.file_capabilities)):
            self.warnings.add(f"extended attribute {name.partition('.')[0]}.* was left out: not on the allow-list")
            return
        try:
            os.setxattr(fd, name, value)
        except OSError as error:
            if error.errno not in (errno.ENOTSUP, errno.EPERM):
                raise
            self.warnings.add(f"extended attribute {name} was left out: {error.strerror}")
