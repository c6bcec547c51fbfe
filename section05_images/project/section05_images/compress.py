"""Compressed or not: what a stream is, told by its first bytes, and its plain bytes.

gzip, xz and bzip2 by the standard library. zstd is refused with a sentence: Python has it from 3.14 on only.
"""

from __future__ import annotations

import zlib

from .core.stream import Stream
from .errors import ArchiveError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Protocol

    class Readable(Protocol):
        """Anything that can be read forward."""

        def read(self, size: int, /) -> bytes:
            """Return up to ``size`` bytes, none at the end."""


MAGIC = {b"\x1f\x8b": "gzip", b"\xfd7zXZ\0": "xz", b"BZh": "bzip2", b"\x28\xb5\x2f\xfd": "zstd"}


class _Joined:
    """A stream whose beginning was read already."""

    mode = "rb"

    def __init__(self, head: bytes, rest: Readable) -> None:
        self._head = head
        self._rest = rest

    def read(self, size: int = -1) -> bytes:
        """Return up to ``size`` bytes: of the head first."""
        if self._head:
            data, self._head = self._head[:size], self._head[size:]
            return data
        return self._rest.read(size)


def compression(head: bytes) -> str:
    """Return "gzip", "xz", "bzip2", "zstd" or "" for the first 6 bytes of a stream."""
    return next((name for magic, name in MAGIC.items() if head.startswith(magic)), "")


def plain_stream(file: Readable) -> tuple[Stream, str]:
    """Return the uncompressed bytes of ``file`` as a Stream, and how they were compressed. Raises ArchiveError."""
    head = b""
    while len(head) < 6 and (more := file.read(6 - len(head))):
        head += more
    name = compression(head)
    return Stream(_guard(_reader(name, _Joined(head, file)))), name


def _reader(name: str, joined: Any) -> Callable[[int], bytes]:
    """Return the read function that undoes compression ``name``."""
    read: Callable[[int], bytes] = joined.read
    if name == "gzip":
        import gzip

        read = gzip.GzipFile(fileobj=joined, mode="rb").read
    elif name == "xz":
        import lzma

        read = lzma.LZMAFile(joined).read
    elif name == "bzip2":
        import bz2

        read = bz2.BZ2File(joined).read
    elif name == "zstd":
        hint = "save it with gzip: skopeo copy --dest-compress-format gzip …"
        raise ArchiveError("the archive or layer is compressed with zstd, which is not supported here", hint=hint)
    return read


def _guard(read: Callable[[int], bytes]) -> Callable[[int], bytes]:
    """Return ``read`` with the decompressors' many errors as one."""

    def guarded(size: int) -> bytes:
        try:
            return read(size)
        except (EOFError, zlib.error) as error:
            raise ArchiveError(f"the compressed data is truncated or broken: {error}") from error
        except Exception as error:
            if getattr(error, "errno", None) or error.__class__.__name__ not in ("LZMAError", "BadGzipFile", "OSError"):
                raise
            raise ArchiveError(f"the compressed data is broken: {error}") from error

    return guarded
