"""The store on disk: which folders there are, the lock, the leases.

    oci-layout  index.json  blobs/sha256/<digest>   an OCI image layout, readable by skopeo as ``oci:ROOT:NAME``
    images/<manifest digest>.json                   records: see ``core.image``
    layers/<chain id>/{diff/, layer.json}           unpacked layers, complete because they came by rename
    layers/.tmp-…/                                  work in progress; its owner holds a flock on the folder
    leases/<owner>                                  a symbolic link whose text is the image id it keeps alive
    lock                                            flock: shared to resolve and lease, exclusive to change

Fast path: no heavy imports here.
"""

from __future__ import annotations

import fcntl
import os

from section01_processes import format_json, write_file

from .errors import ImageError, StoreError

FOLDERS = ("blobs", "blobs/sha256", "images", "layers", "leases")
TEMPORARY = ".tmp-"


class StoreLock:
    """A context manager that holds the store's flock. It is never held while a layer is unpacked."""

    __slots__ = ("_fd", "_how", "_root")

    def __init__(self, root: str, *, shared: bool = False) -> None:
        self._root = root
        self._how = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
        self._fd = -1

    def __enter__(self) -> None:
        """Take the lock; waits for whoever has it."""
        try:
            self._fd = os.open(f"{self._root}/lock", os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            self._fd = os.open(f"{self._root}/lock", os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
        fcntl.flock(self._fd, self._how)

    def __exit__(self, *_error: object) -> None:
        """Release the lock."""
        os.close(self._fd)


def prepare(root: str) -> None:
    """Make the store's folders and first files where they lack. Raises OSError, StoreError."""
    if os.path.exists(f"{root}/oci-layout"):
        return
    os.makedirs(root, mode=0o700, exist_ok=True)
    if os.listdir(root) and not os.path.isdir(f"{root}/images") and not os.path.exists(f"{root}/lock"):
        raise StoreError(f"{root} is not an image store and not empty", hint="name another folder")
    with StoreLock(root):
        for folder in FOLDERS:
            os.makedirs(f"{root}/{folder}", mode=0o700, exist_ok=True)
        if not os.path.exists(f"{root}/index.json"):
            write_index(root, [])
        write_file(f"{root}/oci-layout", '{"imageLayoutVersion":"1.0.0"}')


def write_index(root: str, entries: list[dict[str, object]]) -> None:
    """Replace the store's index.json."""
    index = {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": entries}
    write_file(f"{root}/index.json", format_json(index))


def write_lease(root: str, image_id: str, owner: str) -> None:
    """Note that ``owner`` (a container id) uses the image; a second time is fine. Call it under the lock."""
    path = lease_path(root, owner)
    try:
        os.symlink(image_id, path)
    except FileExistsError as error:
        if os.readlink(path) != image_id:
            raise ImageError(f"{owner} has a lease on another image: {os.readlink(path)}") from error


def lease_path(root: str, owner: str) -> str:
    """Return the path of the owner's lease. Raises ImageError for an owner that is no file name."""
    if not owner or "/" in owner or owner.startswith("."):
        raise ImageError(f"{owner!r} cannot own a lease")
    return f"{root}/leases/{owner}"


def read_leases(root: str) -> dict[str, list[str]]:
    """Return the owners by image id."""
    users: dict[str, list[str]] = {}
    try:
        owners = os.listdir(f"{root}/leases")
    except FileNotFoundError:
        return {}
    for owner in sorted(owners):
        try:
            users.setdefault(os.readlink(f"{root}/leases/{owner}"), []).append(owner)
        except FileNotFoundError:
            pass  # released meanwhile
    return users
