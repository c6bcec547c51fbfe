"""Changing the store, always under its lock, in an order that a crash at any point leaves sound.

Coming: blobs (fsync, rename, fsync of the folder) → layers (rename) → record → reference. Going: reference → record →
blobs and layers. So a reference always leads to everything, and whatever no reference or lease leads to is a leftover
that ``sweep`` may remove.
"""

from __future__ import annotations

import fcntl
import os

from section01_processes import format_json, sync_folder, write_file

from .core.image import REF_NAME, entry_name, read_index, read_record
from .errors import BadReference, ImageInUse
from .layout import TEMPORARY, read_leases, write_index
from .references import familiar_name, normalize
from .tree import FOLDER, remove_tree

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .install import NewImage

    Entries = list[dict[str, Any]]


def publish(root: str, images: list[NewImage], layers: dict[str, str]) -> None:
    """Move everything of ``images`` into the store; ``layers`` maps chain ids to staged folders. Call it locked."""
    for image in images:
        for blob in image.blobs:
            _place_blob(root, blob.path, blob.digest)
    sync_folder(f"{root}/blobs/sha256")
    for chain, staged in layers.items():
        if not os.path.exists(f"{root}/layers/{chain}"):
            os.rename(staged, f"{root}/layers/{chain}")
    sync_folder(f"{root}/layers")
    for image in images:
        known = [record["manifest"] for record in read_records(root) if record["id"] == image.id]
        if not known:  # the same image in another packing keeps its first manifest: one id, one record
            name = image.record["manifest"].removeprefix("sha256:")
            write_file(f"{root}/images/{name}.json", format_json(image.record))
        set_names(root, known[0] if known else image.record["manifest"], image.names)
    sweep(root)


def _place_blob(root: str, path: str, digest: str) -> None:
    """Move a staged file to its place among the blobs, durable before it is visible."""
    target = f"{root}/blobs/sha256/{digest.removeprefix('sha256:')}"
    if os.path.exists(target):
        return
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
    os.chmod(path, 0o600)
    os.rename(path, target)


def read_records(root: str) -> list[dict[str, Any]]:
    """Return all records, also of images that only a lease keeps."""
    names = [name for name in os.listdir(f"{root}/images") if name.endswith(".json")]
    return [read_record(root, name.removesuffix(".json")) for name in sorted(names)]


def set_names(root: str, manifest: str, names: list[str]) -> None:
    """Give the image ``names``, which others lose; an image without a name stays in the index, nameless."""
    index = read_index(root)
    mine = next((entry for entry in index if entry["digest"] == manifest), None) or _descriptor(root, manifest)
    left = [entry for entry in index if entry_name(entry) not in names]
    lost = {entry["digest"]: entry for entry in index if entry_name(entry) in names}
    left += [_named(lost[m], "") for m in lost if m != manifest and all(entry["digest"] != m for entry in left)]
    added = [_named(mine, name) for name in names]
    if added:
        left = [entry for entry in left if entry["digest"] != manifest or entry_name(entry)]
    elif all(entry["digest"] != manifest for entry in left):
        added = [_named(mine, "")]
    write_index(root, left + added)


def _descriptor(root: str, manifest: str) -> dict[str, Any]:
    """Return the index entry of an image, as its record has it."""
    record = read_record(root, manifest)
    return {"mediaType": record["media_type"], "digest": manifest, "size": record["manifest_size"]}


def _named(entry: dict[str, Any], name: str) -> dict[str, Any]:
    """Return ``entry`` with another name, or without."""
    bare = {key: value for key, value in entry.items() if key != "annotations"}
    return {**bare, "annotations": {REF_NAME: name}} if name else bare


def remove_names(index: Entries, manifest: str, reference: str, *, force: bool) -> tuple[list[str], bool]:
    """Take the name ``reference`` (an id: all names) out of ``index``; returns what was done, and if none is left.

    Raises ImageInUse for an id that has several names, without ``force``.
    """
    names = [entry_name(entry) for entry in index if entry["digest"] == manifest and entry_name(entry)]
    try:
        full = normalize(reference)
    except BadReference:
        full = ""
    going = [full] if full in names else names
    if len(going) > 1 and not force:
        raise ImageInUse(f"image {reference} has several names: {', '.join(names)}", names, hint="remove by name")
    index[:] = [e for e in index if e["digest"] != manifest or entry_name(e) not in [*going, ""]]
    return [f"Untagged: {familiar_name(name)}" for name in going], len(going) == len(names)


def sweep(root: str) -> list[str]:
    """Remove what nothing leads to, and what dead commands left; returns the paths removed. Call it locked."""
    removed = []
    for path in leftovers(root):
        removed.append(path)
        if not os.path.isdir(path):
            os.unlink(path)
        elif os.path.basename(path).startswith(TEMPORARY):
            remove_tree(path)
        else:  # never half a layer under its own name
            going = f"{root}/layers/{TEMPORARY}going-{os.path.basename(path)}"
            os.rename(path, going)
            remove_tree(going)
    return removed


def leftovers(root: str) -> list[str]:
    """Return the paths of everything that nothing leads to; records first, since they lead to the rest."""
    wanted = {entry["digest"] for entry in read_index(root)}
    leased = read_leases(root)
    records = read_records(root)
    alive = [r for r in records if r["manifest"] in wanted or r["id"] in leased]
    blobs = {digest.removeprefix("sha256:") for record in alive for digest in record["blobs"]}
    chains = {chain for record in alive for chain in record["chains"]}
    images = {record["manifest"].removeprefix("sha256:") + ".json" for record in alive}
    found = [f"{root}/images/{name}" for name in os.listdir(f"{root}/images") if name not in images]
    found += [f"{root}/blobs/sha256/{name}" for name in os.listdir(f"{root}/blobs/sha256") if name not in blobs]
    found += [f"{root}/{name}" for name in os.listdir(root) if name.startswith(".") and name.endswith("~")]
    for name in os.listdir(f"{root}/layers"):
        path = f"{root}/layers/{name}"
        if (name not in chains) and not (name.startswith(TEMPORARY) and in_progress(path)):
            found.append(path)
    return found


def in_progress(path: str) -> bool:
    """Tell whether a living command holds the staging folder ``path``."""
    try:
        fd = os.open(path, FOLDER)
    except FileNotFoundError:
        return True  # its owner removes it just now
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(fd)
    return False
