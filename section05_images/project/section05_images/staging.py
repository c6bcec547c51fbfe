"""Work in progress: a folder ``layers/.tmp-…`` that vanishes with its owner.

Whatever comes in is first written here under numbers, hashed on the way, and moved into the store only when all of it
is known to be right. A crash leaves the folder; the flock on it is gone then, and the next ``sweep`` removes it.
"""

from __future__ import annotations

import fcntl
import os

from .core.stream import CHUNK, Stream
from .core.unpack import FULL
from .errors import ArchiveError, StoreError
from .layout import TEMPORARY, StoreLock, prepare
from .publish import sweep
from .tree import FOLDER, remove_tree

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType
    from typing import Self

    from .compress import Readable


class Blob:
    """A file in the staging folder, not yet a blob of the store."""

    __slots__ = ("compression", "digest", "path", "size")

    def __init__(self, path: str, digest: str, size: int, compression: str) -> None:
        self.path = path
        self.digest = digest
        self.size = size
        self.compression = compression  #: "", "gzip", … as its first bytes say


class Staging:
    """A context manager: the folder of one load, import or build. What was not moved out is removed at its end."""

    def __init__(self, root: str) -> None:
        self.root = root
        self.path = ""
        self._fd = -1
        self._number = 0

    def __enter__(self) -> Self:
        """Make the folder and lock it, before anybody can take it for a leftover; remove what really is one."""
        prepare(self.root)
        with StoreLock(self.root):
            sweep(self.root)
            self.path = f"{self.root}/layers/{TEMPORARY}{os.getpid()}-{os.urandom(4).hex()}"
            os.mkdir(self.path, 0o700)
            self._fd = os.open(self.path, FOLDER)
            fcntl.flock(self._fd, fcntl.LOCK_EX)
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        """Remove the folder. The first error survives."""
        try:
            remove_tree(self.path)
        except OSError as second:
            if error is None:
                raise
            error.add_note(f"and the staging folder stays: {second}")
        finally:
            os.close(self._fd)
        if isinstance(error, OSError) and error.errno in FULL:
            raise StoreError(f"no space left for images in {self.root}: nothing was added") from error

    def new_path(self) -> str:
        """Return the path of a new file: a number, never a name from outside."""
        self._number += 1
        return f"{self.path}/{self._number}"

    def write(self, data: bytes) -> Blob:
        """Stage ``data``."""
        from io import BytesIO

        return self.spool(BytesIO(data))

    def spool(self, source: Readable) -> Blob:
        """Stage everything that ``source`` gives."""
        return self.take(Stream(source.read), None)

    def take(self, stream: Stream, size: int | None) -> Blob:
        """Stage the next ``size`` bytes of ``stream``; None: all. Raises ArchiveError when it ends before."""
        from .compress import compression

        path = self.new_path()
        head = b""
        part = Stream(_limited(stream, size))
        with open(path, "xb", buffering=0) as file:
            while data := part.some(CHUNK):
                head = head or data[:6]
                _write(file.fileno(), data)
        return Blob(path, part.finish(), part.total, compression(head))


def _write(fd: int, data: bytes) -> None:
    """Write all of ``data``."""
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(fd, rest) :]


def _limited(stream: Stream, size: int | None) -> Callable[[int], bytes]:
    """Return a read function for the next ``size`` bytes of ``stream``."""
    left = size

    def read(limit: int) -> bytes:
        nonlocal left
        data = stream.some(limit if left is None else min(left, limit)) if left != 0 else b""
        if left is not None:
            if left and not data:
                raise ArchiveError("the archive is truncated")
            left -= len(data)
        return data

    return read
