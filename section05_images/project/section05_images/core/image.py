"""From a name to an image: ``index.json`` → manifest digest → record → layers and config.

What belongs here: reading. What does not: what a name may look like (``references``, ``lookup``), changing the store
(``publish``): blobs first, then layers, then the record, then the reference, so that whatever is found here is whole.

The *record* ``images/<manifest>.json`` is written once, when the image was verified and unpacked. It spares the fast
path the hashing of chain ids, and it is what keeps blobs and layers alive.
"""

from __future__ import annotations

from section01_processes import read_json

from ..errors import StoreError

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


def read_image(root: str, manifest: str) -> Image:
    """Return the image with this manifest digest, from three small files."""
    record = read_record(root, manifest)
    names = [entry_name(entry) for entry in read_index(root) if entry["digest"] == manifest and entry_name(entry)]
    config = read_json(f"{root}/blobs/sha256/{record['id'].removeprefix('sha256:')}")
    layers = [f"{root}/layers/{chain}/diff" for chain in reversed(record["chains"])]
    return Image(record["id"], names, config, layers, record["size"], record["created"])
