"""`load`: from an archive or a folder to images in the store."""

from __future__ import annotations

import os
import sys

from .errors import ArchiveError
from .formats import read_drafts
from .install import install
from .sources import FolderSource, Source, TarSource
from .staging import Staging

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType
    from typing import BinaryIO

    from .compress import Readable
    from .store import ImageStore


def load(store: ImageStore, source: str | BinaryIO) -> list[str]:
    """Load every image of ``source`` (path, folder, ``-`` or an open file); all of them or none.

    Returns their full references, or the id of one that has none. Raises ArchiveError, StoreError, OSError.
    """
    with Staging(store.root) as staging:
        drafts = read_drafts(_open_source(staging, source))
        images = install(store, staging, drafts)
    return [name for image in images for name in image.names or [image.id]]


def preview(archive: str) -> list[str]:
    """Return what ``load`` would bring in, one line per image; unpacks nothing and keeps nothing."""
    from tempfile import TemporaryDirectory

    with TemporaryDirectory() as folder, Staging(f"{folder}/store") as staging:
        drafts = read_drafts(_open_source(staging, archive))
        return [f"would load {', '.join(d.names) or 'an image without name'}: {len(d.layers)} layers" for d in drafts]


def _open_source(staging: Staging, source: str | BinaryIO) -> Source:
    """Return the Source behind a path or an open file."""
    if isinstance(source, str) and source != "-" and os.path.isdir(source):
        return FolderSource(staging, source)
    with Input(source) as file:
        return TarSource(staging, file)


class Input:
    """A context manager that opens a path, takes ``-`` for standard input, and leaves open what came open."""

    def __init__(self, source: str | BinaryIO) -> None:
        self._source = source
        self._file: BinaryIO | None = None

    def __enter__(self) -> Readable:
        """Open it. Raises ArchiveError for what cannot be opened."""
        if not isinstance(self._source, str):
            return self._source
        if self._source == "-":
            return sys.stdin.buffer
        try:
            self._file = open(self._source, "rb")
        except OSError as error:
            raise ArchiveError(f"cannot read {self._source}: {error.strerror}") from error
        return self._file

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        """Close what was opened here."""
        if self._file is not None:
            self._file.close()
