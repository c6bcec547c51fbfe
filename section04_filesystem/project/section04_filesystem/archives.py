"""Tar archives, whatever they are compressed with: members one by one, and errors that say what is broken.

``tarfile`` parses headers and is trusted with nothing else: where files go is ``unpacking.py``'s affair.

What belongs here: opening, and the loop over members. What does not: image layers, which a digest vouches for (section
5 has a stream of its own, which hashes on the way).
"""

from __future__ import annotations

import os
import tarfile
import zlib
from typing import TYPE_CHECKING, Any

from .errors import FilesystemError

if TYPE_CHECKING:
    from collections.abc import Iterator

#: What one header may take with its extensions (long names, pax): more is an attack on our memory.
HEADER_LIMIT = 4 << 20
_MAGIC = {b"\x1f\x8b": "gzip", b"BZh": "bz2", b"\xfd7zXZ\0": "lzma", b"\x28\xb5\x2f\xfd": "compression.zstd"}


class Archive:
    """The archive ``path``; close it. Raises FilesystemError for what is no tar, OSError."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._file = _open_plain(path)
        try:
            names = {"encoding": "utf-8", "errors": "surrogateescape"}  # names are bytes
            self._tar: Any = tarfile.TarFile(fileobj=_Limited(self._file), **names)  # type: ignore[arg-type]
        except Exception as error:
            self._file.close()
            raise self._broken(error, "is no tar archive") from error

    def members(self) -> Iterator[tarfile.TarInfo]:
        """Yield the members in their order; between two, the caller may ``read``. Raises FilesystemError."""
        member = self._tar.firstmember
        self._tar.firstmember = None
        while member is not None:
            yield member
            try:
                member = self._tar.next()
                self._tar.members.clear()
            except Exception as error:
                raise self._broken(error, "is truncated or broken") from error
        self._check_end()

    def data(self, offset: int, size: int) -> Iterator[bytes]:
        """Yield ``size`` bytes from ``offset`` of the archive, in pieces. Raises FilesystemError."""
        try:
            self._file.seek(offset)
            while size > 0:
                piece = self._file.read(min(size, 1 << 18))
                if not piece:
                    raise EOFError("it ends inside a file")
                size -= len(piece)
                yield piece
        except Exception as error:
            raise self._broken(error, "is truncated or broken") from error

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _check_end(self) -> None:
        """Insist on the block of zeros that ends an archive: tarfile takes any broken header for the end.

        What follows is read to its end, because that is where a compressed file has its checksum.
        """
        try:
            self._file.seek(self._tar.offset)
            block = self._file.read(tarfile.BLOCKSIZE)
            while self._file.read(1 << 18):
                pass
        except Exception as error:
            raise self._broken(error, "is truncated or broken") from error
        if block.strip(b"\0") or len(block) < tarfile.BLOCKSIZE:
            what = "has a broken header" if block.strip(b"\0") else "is truncated: it has no end mark"
            raise FilesystemError(f"{self.path} {what}")

    def _broken(self, error: Exception, what: str) -> Exception:
        """Return ``error`` as one of ours, unless it is the disk's or ours already."""
        known = (tarfile.TarError, EOFError, zlib.error, ValueError, ArithmeticError, LookupError, RecursionError)
        name = error.__class__.__name__
        if isinstance(error, known) or name in ("LZMAError", "ZstdError", "BadGzipFile") or _is_bz2(error):
            return FilesystemError(f"{self.path} {what}: {error}")
        return error


class _Limited:
    """What tarfile reads headers from: no single read may be larger than HEADER_LIMIT."""

    def __init__(self, file: Any) -> None:
        self._file = file
        self.tell, self.seek = file.tell, file.seek

    def read(self, size: int = -1) -> bytes:
        """Return up to ``size`` bytes."""
        if not 0 <= size <= HEADER_LIMIT:
            raise tarfile.ReadError(f"a header of more than {HEADER_LIMIT >> 20} MiB is refused")
        data: bytes = self._file.read(size)
        return data


def _is_bz2(error: Exception) -> bool:
    return isinstance(error, OSError) and error.errno is None  # bz2 and gzip have no better word for broken data


def _open_plain(path: str) -> Any:
    """Return the file's uncompressed bytes as a file. Raises OSError, FilesystemError for what Python cannot read."""
    with open(path, "rb") as file:
        head = file.read(6)
    name = next((name for magic, name in _MAGIC.items() if head.startswith(magic)), "builtins")
    try:
        return __import__(name, fromlist=["open"]).open(path, "rb")
    except ImportError:
        file_name = os.path.basename(path)
        hint = f"Python has it from 3.14 on; unpack it first: zstd -d {file_name}"
        raise FilesystemError(f"{path} is compressed with zstd, which this Python cannot read", hint=hint) from None
