"""What people type, looked up: a short name, a name with digest, an id or the beginning of one. Fast path."""

from __future__ import annotations

from .core.image import entry_name, read_index, read_record
from .errors import ImageNotFound
from .references import is_hex, normalize

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def find_manifest(root: str, reference: str, index: list[dict[str, Any]] | None = None) -> str:
    """Return the manifest digest that ``reference`` means in the store ``root``.

    A name wins over an id, as with Docker. Raises ImageNotFound, or BadReference for what can be neither.
    """
    index = read_index(root) if index is None else index
    bare = reference.removeprefix("sha256:")
    if reference == bare:
        full = normalize(reference)
        digest = full.partition("@")[2]
        for entry in index:
            if entry_name(entry) == full or (digest and entry["digest"] == digest):
                return str(entry["digest"])
    found = _by_id(root, bare, index) if is_hex(bare) and len(bare) >= 4 else {}
    if len(found) > 1:
        raise ImageNotFound(f"image id {reference} is ambiguous", hint="use more digits: " + ", ".join(sorted(found)))
    for manifest in found.values():
        return manifest
    hint = "`images` lists those that there are, `load` brings one in"
    raise ImageNotFound(f"no such image: {reference}", hint=hint)


def _by_id(root: str, bare: str, index: list[dict[str, Any]]) -> dict[str, str]:
    """Return manifest digests by the ids that begin with the hexadecimal digits ``bare``."""
    ids = {str(entry["digest"]): str(read_record(root, entry["digest"])["id"]) for entry in index}
    return {image_id: manifest for manifest, image_id in ids.items() if image_id.startswith("sha256:" + bare)}
