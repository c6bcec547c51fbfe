"""Where an image is loaded from: a tar archive, read once from the front, or an OCI layout folder.

Both answer the same three questions (is there a file of this name, its text, the file as a staged blob) so that the
formats (``formats``) need not care. Nothing of an archive is written under a name of its own.
"""

from __future__ import annotations

import os
import posixpath

from section01_processes import parse_json

from .compress import plain_stream
from .core.digests import check_digest
from .core.headers import members
from .errors import ArchiveError
from .staging import Blob, Staging

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .compress import Readable

#: A manifest or a config is read into memory; the distribution specification asks for 4 MiB at least.
MAX_DOCUMENT = 8 << 20
MAX_FILES = 100_000


class Source:
    """What an image is loaded from."""

    def has(self, name: str) -> bool:
        """Tell whether there is a file ``name``."""
        raise NotImplementedError

    def blob(self, name: str) -> Blob:
        """Return the file as a staged blob. Raises ArchiveError if it is not there or contradicts its name."""
        raise NotImplementedError

    def read(self, name: str) -> bytes:
        """Return the content of a small file."""
        blob = self.blob(name)
        if blob.size > MAX_DOCUMENT:
            raise ArchiveError(f"{name} is too large to be what it should be: {blob.size} bytes")
        with open(blob.path, "rb") as file:
            return file.read()

    def json(self, name: str) -> Any:
        """Return the value of a small JSON file."""
        try:
            return parse_json(self.read(name))
        except ValueError as error:
            raise ArchiveError(f"{name} in the archive is broken: {error}") from error


class TarSource(Source):
    """An archive, spooled into the staging folder member by member: it may come through a pipe, in any order."""

    def __init__(self, staging: Staging, file: Readable) -> None:
        self._files: dict[str, Blob] = {}
        self._links: dict[str, str] = {}
        stream, _ = plain_stream(file)
        for count, member in enumerate(members(stream)):
            if count >= MAX_FILES:
                raise ArchiveError(f"an image archive of more than {MAX_FILES} files is refused")
            name = posixpath.normpath(member.name)
            if getattr(member, "sparse", None):
                raise ArchiveError(f"{member.name!r} in the image archive is stored sparse, which is refused")
            if member.isreg():
                self._files[name] = staging.take(stream, member.size)
                self._links.pop(name, None)
            elif member.issym():  # old `docker save`: layers that are the same are links
                self._links[name] = posixpath.normpath(posixpath.join(posixpath.dirname(name), member.linkname))
            elif member.islnk():
                self._links[name] = posixpath.normpath(member.linkname)
        stream.finish()

    def has(self, name: str) -> bool:
        """Tell whether the archive has this file, links followed."""
        return self._follow(name) in self._files

    def blob(self, name: str) -> Blob:
        """Return the member as a staged blob."""
        found = self._files.get(self._follow(name))
        if found is None:
            raise ArchiveError(f"the archive has no file {name!r}: truncated, or not a container image")
        return _checked(name, found)

    def _follow(self, name: str) -> str:
        """Follow the archive's links from ``name``, as text and inside the archive only."""
        name = posixpath.normpath(name)
        for _ in range(10):
            if name not in self._links:
                break
            name = self._links[name]
        return name


class FolderSource(Source):
    """An OCI layout folder; blobs are copied, as what they are may change under us."""

    def __init__(self, staging: Staging, folder: str) -> None:
        self._staging = staging
        self._folder = folder
        self._blobs: dict[str, Blob] = {}

    def has(self, name: str) -> bool:
        """Tell whether the folder has this file."""
        return os.path.isfile(os.path.join(self._folder, name))

    def blob(self, name: str) -> Blob:
        """Return the file as a staged blob."""
        if name not in self._blobs:
            if not self.has(name):
                raise ArchiveError(f"{self._folder} has no file {name!r}: it is not a whole OCI layout")
            with open(os.path.join(self._folder, name), "rb", buffering=0) as file:
                self._blobs[name] = self._staging.spool(file)
        return _checked(name, self._blobs[name])


def _checked(name: str, blob: Blob) -> Blob:
    """Return ``blob``, whose name may be a digest: then it must be its own."""
    head, _, last = posixpath.normpath(name).rpartition("/")
    if head == "blobs/sha256":
        check_digest(name, f"sha256:{last}", blob.digest)
    return blob
