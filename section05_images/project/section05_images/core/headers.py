"""Tar headers, one after the other. ``tarfile`` parses them and is trusted with nothing else.

tarfile's own loop takes a broken header in the middle for the end of the archive; this one says that it is broken.
"""

from __future__ import annotations

import tarfile

from ..errors import ArchiveError, LayerError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from .stream import Stream


class _Archive(tarfile.TarFile):
    """What TarInfo.fromtarfile asks its archive for, without TarFile's reading ahead."""

    def __init__(self, stream: Stream) -> None:
        self.fileobj = stream  # type: ignore[assignment]
        self.encoding = "utf-8"
        self.errors = "surrogateescape"  # names are bytes
        self.pax_headers = {}
        self.offset = 0


def members(stream: Stream, *, end_marker: bool = False) -> Iterator[tarfile.TarInfo]:
    """Yield the members of the tar ``stream``; between two, the caller may read the member's data from it.

    ``end_marker``: insist on the zero block that ends an archive, for input that no digest vouches for.
    Raises ArchiveError for what is not tar or ends too early. See tar(5).
    """
    archive = _Archive(stream)
    while True:
        stream.seek(archive.offset)
        try:
            member = tarfile.TarInfo.fromtarfile(archive)
        except tarfile.EOFHeaderError:  # type: ignore[attr-defined]
            return
        except tarfile.EmptyHeaderError as error:  # type: ignore[attr-defined]
            if end_marker:
                raise ArchiveError("the archive is truncated: it has no end mark") from error
            return
        except tarfile.TruncatedHeaderError as error:  # type: ignore[attr-defined]
            raise ArchiveError("the archive is truncated inside a header") from error
        except (tarfile.TarError, ValueError, ArithmeticError, LookupError, RecursionError) as error:
            raise ArchiveError(f"not a tar header at byte {stream.position}: {error}") from error
        if member.size < 0:
            raise LayerError(member.name, "its size is negative")
        yield member
