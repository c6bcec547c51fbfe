"""An image's layers merged into one plain folder, without overlay: for bundles, and where overlay cannot be had.

Whiteouts are carried out instead of noted: what a layer hides is removed, but never what the layer itself brings.
"""

from __future__ import annotations

import os
import stat

from .compress import plain_stream
from .core.entries import look
from .core.image import read_record
from .core.stream import Stream
from .errors import StoreError
from .lookup import find_manifest
from .special import LayerUnpacker
from .tree import FOLDER

TYPE_CHECKING = False
if TYPE_CHECKING:
    import tarfile

    from .store import ImageStore


class FlatUnpacker(LayerUnpacker):
    """Applies one layer over what the layers below left in the same folder."""

    def __init__(self, root: int, *, chown: bool, file_capabilities: bool) -> None:
        super().__init__(root, chown=chown, userxattr=False, file_capabilities=file_capabilities)
        self._brought: set[tuple[int, int]] = set()  # (device, inode) of what this layer made

    def make(self, member: tarfile.TarInfo, parent: int, name: str, stream: Stream) -> None:
        """Make one member, and remember it."""
        super().make(member, parent, name, stream)
        self._remember(look(parent, name) if name else None)

    def make_folder(self, member: tarfile.TarInfo, parent: int, name: str, stream: Stream) -> None:
        """Make a folder; also those on the way are this layer's."""
        super().make_folder(member, parent, name, stream)
        self._remember(look(parent, name) if name else None)

    def hide(self, parent: int, name: str) -> None:
        """Remove what a whiteout hides."""
        there = look(parent, name)
        if there is None:
            return
        if (there.st_dev, there.st_ino) not in self._brought:
            self.clear(parent, name)
        elif stat.S_ISDIR(there.st_mode):
            self.hide_below(parent, name)

    def hide_below(self, parent: int, name: str) -> None:
        """Remove what lower layers left in the folder ``name``."""
        fd = os.open(name, FOLDER, dir_fd=parent)
        try:
            self.hide_all(fd)
        finally:
            os.close(fd)

    def hide_all(self, parent: int) -> None:
        """Remove what lower layers left in the folder open at ``parent``."""
        for name in os.listdir(parent):
            self.hide(parent, name)

    def _remember(self, there: os.stat_result | None) -> None:
        """Note that this layer brings it."""
        if there is not None:
            self._brought.add((there.st_dev, there.st_ino))


def unpack_image(store: ImageStore, reference: str, folder: str) -> list[str]:
    """Write the merged root of an image into ``folder``, which is made, or empty. Returns warnings."""
    os.makedirs(folder, exist_ok=True)
    if os.listdir(folder):
        raise StoreError(f"{folder} is not empty", hint="name a new folder")
    record = read_record(store.root, find_manifest(store.root, reference))
    warnings: set[str] = set()
    root = os.open(folder, FOLDER)
    try:
        for path in _layer_blobs(store, record["manifest"]):
            unpacker = FlatUnpacker(root, chown=os.geteuid() == 0, file_capabilities=store.file_capabilities)
            with open(path, "rb", buffering=0) as file:
                unpacker.apply(plain_stream(file)[0])
            warnings |= unpacker.warnings
    finally:
        os.close(root)
    return sorted(warnings)


def _layer_blobs(store: ImageStore, manifest: str) -> list[str]:
    """Return the paths of the layer blobs, bottom first."""
    from section01_processes import read_json

    blobs = f"{store.root}/blobs/sha256/"
    layers = read_json(blobs + manifest.removeprefix("sha256:"))["layers"]
    return [blobs + layer["digest"].removeprefix("sha256:") for layer in layers]
