"""The errors of section 5.

ImageError (LcmError)
├── BadReference (UsageError)   an image name that cannot be one
├── ImageNotFound               the store has no image of this name or id
├── ImageInUse                  a container or another name still needs the image
├── StoreError                  the store itself: full, broken, not ours
└── ArchiveError                what was given to load, import or unpack is not what it says
    ├── DigestMismatch          bytes that are not those the digest promised
    └── LayerError              a member of a layer that is malformed, or reaches for the outside
"""

from __future__ import annotations

from section01_processes import LcmError, UsageError


class ImageError(LcmError):
    """Any error of section 5."""


class BadReference(UsageError, ImageError):
    """An image name that cannot be one."""


class ImageNotFound(ImageError):
    """The store has no image of this name or id."""


class ImageInUse(ImageError):
    """A container or another name still needs the image; ``users`` says who."""

    def __init__(self, message: str, users: list[str], *, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.users = users


class StoreError(ImageError):
    """The store itself is in trouble: full, broken, or not a store."""


class ArchiveError(ImageError):
    """What was given to load, import or unpack is not what it says it is."""


class DigestMismatch(ArchiveError):
    """Bytes that are not those the digest promised."""

    def __init__(self, about: str, expected: str, found: str) -> None:
        super().__init__(f"{about} does not match its digest: expected {expected}, found {found}")
        self.expected = expected
        self.found = found


class LayerError(ArchiveError):
    """A member of a layer that is malformed or reaches for the outside; ``member`` is its name."""

    def __init__(self, member: str, reason: str, *, hint: str = "", explain: str = "") -> None:
        super().__init__(f"layer member {member!r}: {reason}", hint=hint, explain=explain)
        self.member = member
