"""A stream that is read once, forward, and hashed on the way: no layer is ever held in memory.

``tarfile`` reads headers from it as from a file; seeking forward reads and drops.
"""

from __future__ import annotations

import hashlib
import os

from ..errors import ArchiveError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

CHUNK = 1 << 18
#: What one header, with all its extensions, may take: more is an attack on our memory (pax headers have no limit).
HEADER_LIMIT = 4 << 20


class Stream:
    """Bytes from ``source(size) -> bytes``, hashed and counted; ``position`` is how far they were consumed."""

    def __init__(self, source: Callable[[int], bytes]) -> None:
        self._source = source
        self._hash = hashlib.sha256()
        self._chunk = b""
        self._at = 0
        self._allowed = HEADER_LIMIT
        self.position = 0
        self.total = 0  #: bytes taken from the source so far

    def _fill(self) -> bool:
        """Take the next chunk from the source; False at its end."""
        self._chunk, self._at = self._source(CHUNK), 0
        self._hash.update(self._chunk)
        self.total += len(self._chunk)
        return bool(self._chunk)

    def some(self, limit: int) -> bytes:
        """Return 1..``limit`` bytes, or none at the end."""
        if self._at == len(self._chunk) and not self._fill():
            return b""
        data = self._chunk[self._at : self._at + limit]
        self._at += len(data)
        self.position += len(data)
        return data

    def read(self, size: int) -> bytes:
        """Return ``size`` bytes, fewer only at the end. For headers: raises ArchiveError beyond HEADER_LIMIT."""
        self._allowed -= size
        if self._allowed < 0:
            raise ArchiveError(f"a tar header of more than {HEADER_LIMIT >> 20} MiB is refused")
        parts = []
        while size and (part := self.some(size)):
            parts.append(part)
            size -= len(part)
        return b"".join(parts)

    def tell(self) -> int:
        """Return the position."""
        return self.position

    def seek(self, position: int) -> int:
        """Go forward to ``position``, and allow the next header. Raises ArchiveError when the stream ends first."""
        self._allowed = HEADER_LIMIT
        if position < self.position:
            raise ArchiveError("broken tar header: a member ends before it begins")
        while self.position < position:
            if not self.some(position - self.position):
                raise ArchiveError("the archive is truncated")
        return position

    def copy(self, size: int, fd: int) -> None:
        """Write the next ``size`` bytes to ``fd``. Raises ArchiveError when the stream ends first."""
        while size:
            data = memoryview(self.some(size))
            if not data:
                raise ArchiveError("the archive is truncated")
            size -= len(data)
            while data:
                data = data[os.write(fd, data) :]

    def finish(self) -> str:
        """Read to the end and return the digest of everything."""
        while self._fill():
            pass
        return "sha256:" + self._hash.hexdigest()
