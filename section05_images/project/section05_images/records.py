"""What ``images`` lists: one line per image, read from the index and the records. Fast path."""

from __future__ import annotations

from .core.image import entry_name, read_index, read_record
from .references import familiar_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class ImageRecord:
    """One image as a list shows it."""

    __slots__ = ("created", "id", "manifest", "names", "size")

    def __init__(self, record: dict[str, Any], names: list[str]) -> None:
        self.id: str = record["id"]
        self.manifest: str = record["manifest"]
        self.names = names  #: full references; empty for an image that lost its name
        self.size: int = record["size"]
        self.created: str = record["created"]

    @property
    def short_names(self) -> list[str]:
        """The names as people type them."""
        return [familiar_name(name) for name in self.names]

    def as_dict(self) -> dict[str, Any]:
        """Return it for JSON."""
        return {
            "id": self.id,
            "names": self.names,
            "manifest": self.manifest,
            "size": self.size,
            "created": self.created,
        }


def list_images(root: str) -> list[ImageRecord]:
    """Return all images of the store, newest name last."""
    names: dict[str, list[str]] = {}
    for entry in read_index(root):
        known = names.setdefault(entry["digest"], [])
        if name := entry_name(entry):
            known.append(name)
    return [ImageRecord(read_record(root, manifest), known) for manifest, known in names.items()]
