"""From a name to an image: ``index.json`` → manifest digest → record → layers and config.

What belongs here: reading. What does not: changing the store (``publish``), which writes blobs first, then layers,
then the record, then the reference, so that whatever can be found here is complete.

The *record* ``images/<manifest>.json`` is written once, when the image was verified and unpacked. It spares the fast
path the hashing of chain ids, and it is what keeps blobs and layers alive.
"""

from __future__ import annotations

import os

from section01_processes import read_json

from ..errors import ImageNotFound, StoreError
from .references import is_hex, normalize

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

#: The annotation of an index entry that holds its name (OCI image spec, annotations).
REF_NAME = "org.opencontainers.image.ref.name"


class Image:
    """An image in the store, ready to run."""

    __slots__ = ("config", "created", "id", "layers", "names", "size")

    def __init__(
        self, image_id: str, names: list[str], config: dict[str, Any], layers: list[str], size: int, created: str
    ) -> None:
        self.id = image_id  #: digest of the config: ``sha256:…``
        self.names = names  #: full references
        self.config = config  #: the OCI image configuration, whole; what to run is in ``config["config"]``
        self.layers = layers  #: folders of the unpacked layers, top first, as overlay's lowerdir wants them
        self.size = size  #: bytes of the unpacked layers
        self.created = created  #: RFC 3339, as the config says it


def read_index(root: str) -> list[dict[str, Any]]:
    """Return the entries of the store's ``index.json``, none if there is no store yet. Raises StoreError."""
    try:
        entries = read_json(f"{root}/index.json")["manifests"]
    except FileNotFoundError:
        return []
    except (ValueError, KeyError, TypeError) as error:
        raise StoreError(f"image store {root} is broken: index.json: {error}") from error
    return list(entries)


def entry_name(entry: dict[str, Any]) -> str:
    """Return the full reference of an index entry, empty if it has none."""
    return str((entry.get("annotations") or {}).get(REF_NAME, ""))


def read_record(root: str, manifest: str) -> dict[str, Any]:
    """Return the record of the image with this manifest digest: id, chains (bottom first), size, created, blobs."""
    try:
        record: dict[str, Any] = read_json(f"{root}/images/{manifest.removeprefix('sha256:')}.json")
    except (FileNotFoundError, ValueError) as error:
        raise StoreError(f"image store {root} is broken: no record of {manifest}", hint="imgman check") from error
    return record


def find_manifest(root: str, reference: str, index: list[dict[str, Any]]) -> str:
    """Return the manifest digest that ``reference`` means: a name, a name with digest, an id or the start of one.

    A name wins over an id, as with Docker. Raises ImageNotFound, or BadReference for what can be neither.
    """
    bare = reference.removeprefix("sha256:")
    if reference == bare:
        full = normalize(reference)
        digest = full.partition("@")[2]
        for entry in index:
            if entry_name(entry) == full or (digest and entry["digest"] == digest):
                return str(entry["digest"])
    found: dict[str, str] = {}
    if is_hex(bare) and len(bare) >= 4:
        for entry in index:
            image_id = read_record(root, entry["digest"])["id"]
            if image_id.startswith("sha256:" + bare):
                found.setdefault(image_id, str(entry["digest"]))
    if len(found) > 1:
        raise ImageNotFound(f"image id {reference} is ambiguous", hint="use more digits: " + ", ".join(sorted(found)))
    for manifest in found.values():
        return manifest
    raise ImageNotFound(f"no such image: {reference}", hint="see which there are with `images`, or load one")


def resolve_image(root: str, reference: str) -> Image:
    """Return the image that ``reference`` means, from three small files."""
    index = read_index(root)
    manifest = find_manifest(root, reference, index)
    record = read_record(root, manifest)
    image_id = record["id"]
    names = [entry_name(e) for e in index if e["digest"] == manifest and entry_name(e)]
    config = read_json(os.path.join(root, "blobs/sha256", image_id.removeprefix("sha256:")))
    layers = [f"{root}/layers/{chain}/diff" for chain in reversed(record["chains"])]
    return Image(image_id, names, config, layers, record["size"], record["created"])
