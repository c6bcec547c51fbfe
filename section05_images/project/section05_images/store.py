"""The image store's front door. The life of a load is in ``load``, the commit in ``publish``; this only leads there.

What is slow to import (tar, hashing, compression) is imported by the method that needs it: resolve, acquire, release
and list are on the fast path.
"""

from __future__ import annotations

import os

from .core.image import Image, read_image, read_index, read_record
from .errors import ImageInUse, StoreError
from .layout import StoreLock, lease_path, prepare, read_leases, write_index, write_lease
from .lookup import find_manifest
from .records import ImageRecord, list_images
from .references import normalize

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, BinaryIO

    Source = str | BinaryIO
    Lines = list[str]  # inside the class, `list` is its method
    Records = list[ImageRecord]


class ImageStore:
    """Images under ``root``, which may not exist yet.

    ``userxattr``: overlay's marks in user.* instead of trusted.*, None: find out what is allowed here.
    ``file_capabilities``: let layers bring ``security.capability``; off, so that no image makes a program privileged.
    """

    __slots__ = ("file_capabilities", "root", "userxattr")

    def __init__(self, root: str, *, userxattr: bool | None = None, file_capabilities: bool = False) -> None:
        self.root = os.path.abspath(root)
        self.userxattr = userxattr
        self.file_capabilities = file_capabilities

    # Reading

    def resolve(self, reference: str) -> Image:
        """Return the image of this name, id or beginning of an id. Raises ImageNotFound, BadReference, StoreError."""
        if not self._exists():
            return self._find(reference)  # says that there is no such image
        with StoreLock(self.root, shared=True):
            return self._find(reference)

    def list(self) -> Records:
        """Return all images."""
        if not self._exists():
            return []
        with StoreLock(self.root, shared=True):
            return list_images(self.root)

    def _exists(self) -> bool:
        """Tell whether there is a store already; reading never makes one."""
        return os.path.exists(f"{self.root}/oci-layout")

    def _find(self, reference: str) -> Image:
        """Resolve, under the lock of the caller: an image that goes meanwhile must not look like a broken store."""
        return read_image(self.root, find_manifest(self.root, reference))

    def check(self, *, repair: bool = False) -> Lines:
        """Return what is wrong, one sentence each; ``repair`` removes leftovers (never an image) and then checks."""
        from .check import check_store

        return check_store(self.root, repair=repair)

    # Using

    def acquire(self, reference: str, owner: str) -> Image:
        """Resolve and lease in one step, so that no ``remove`` can come between."""
        if not self._exists():
            return self._find(reference)  # says that there is no such image
        with StoreLock(self.root, shared=True):
            image = self._find(reference)
            write_lease(self.root, image.id, owner)
        return image

    def lease(self, image_id: str, owner: str) -> None:
        """Keep the image alive for ``owner``, a container id. Raises ImageNotFound if it is gone already."""
        with StoreLock(self.root, shared=True):
            self._find(image_id)
            write_lease(self.root, image_id, owner)

    def release(self, owner: str) -> None:
        """End the owner's lease; fine if there is none. What nobody needs any more goes with the next change."""
        try:
            os.unlink(lease_path(self.root, owner))
        except FileNotFoundError:
            pass

    # Bringing in

    def load(self, source: Source) -> Lines:
        """Load a docker archive, an OCI archive or an OCI layout folder; ``-`` is standard input.

        Returns the full references loaded (ids of images without one). Raises ArchiveError: then nothing is left.
        """
        from .load import load

        return load(self, source)

    def import_rootfs(self, source: Source, reference: str = "", changes: tuple[str, ...] | Lines = ()) -> str:
        """Make an image of one layer from a tar of a root file system; returns its id.

        ``changes``: Dockerfile lines like ``CMD ["sh"]``. Raises ArchiveError, BadReference, UsageError.
        """
        from .imports import import_rootfs

        return import_rootfs(self, source, reference, [*changes])

    def add_rootfs_dir(self, folder: str, reference: str, config: dict[str, Any]) -> str:
        """Make an image of one layer from ``folder``; returns its id.

        ``config``: (parts of) an OCI image configuration: ``{"config": {"Cmd": ["/bin/sh"]}}``. The same
        files give the same id: names are sorted, times and owners fixed.
        """
        from .imports import add_rootfs_dir

        return add_rootfs_dir(self, folder, reference, config)

    def pull(self, reference: str) -> str:
        """Not in this version. Raises StoreError that says what to do instead."""
        raise StoreError(
            f"cannot pull {reference}: the registry client is not there yet",
            hint=f"bring it as a file: skopeo copy docker://{normalize(reference)} oci-archive:FILE, then load FILE",
        )

    # Names

    def tag(self, source: str, target: str) -> None:
        """Give the image one more name; another image that had it loses it."""
        from .publish import set_names

        name = normalize(target)
        prepare(self.root)
        with StoreLock(self.root):
            manifest = find_manifest(self.root, source)
            set_names(self.root, manifest, [name])

    def remove(self, reference: str, force: bool = False) -> Lines:
        """Remove a name; with the last one, the image. Returns what was done: ``Untagged: …``, ``Deleted: …``.

        Raises ImageInUse when a container uses it, or when an id with several names is given; with ``force`` the names
        go, and the files when the last container has.
        """
        from .publish import remove_names, sweep

        prepare(self.root)
        with StoreLock(self.root):
            index = read_index(self.root)
            manifest = find_manifest(self.root, reference, index)
            image_id = read_record(self.root, manifest)["id"]
            done, last = remove_names(index, manifest, reference, force=force)
            users = read_leases(self.root).get(image_id, [])
            if last and users and not force:
                raise ImageInUse(f"image {reference} is used by {', '.join(users)}", users, hint="remove them first")
            write_index(self.root, index)
            sweep(self.root)
        return done + ([f"Deleted: {image_id}"] if last and not users else [])

    def sweep(self) -> None:
        """Remove what crashed commands left and what nobody needs any more."""
        from .publish import sweep

        if self._exists():
            with StoreLock(self.root):
                sweep(self.root)

    def unpack(self, reference: str, folder: str) -> Lines:
        """Write the image's merged root into the empty ``folder``; returns warnings. For bundles without overlay."""
        from .flat import unpack_image

        return unpack_image(self, reference, folder)
