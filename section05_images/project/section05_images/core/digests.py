"""Digest, diff id, chain id: three names for bytes.

- The *digest* names a blob as it is stored, perhaps compressed.
- The *diff id* names a layer's tar, uncompressed: the same for all compressions.
- The *chain id* names a layer on top of those below it: what an unpacked folder may be shared by.
"""

from __future__ import annotations

import hashlib

from ..errors import ArchiveError, DigestMismatch

_HEX = frozenset("0123456789abcdef")


def digest_of(data: bytes) -> str:
    """Return the digest of ``data``: ``sha256:`` and 64 hexadecimal digits."""
    return "sha256:" + hashlib.sha256(data).hexdigest()


def digest_hex(digest: object) -> str:
    """Return the hexadecimal part of a digest. Raises ArchiveError: it becomes part of a path, so it is checked."""
    if not (
        isinstance(digest, str) and digest.startswith("sha256:") and len(digest) == 71 and _HEX.issuperset(digest[7:])
    ):
        raise ArchiveError(f"not a sha256 digest: {digest!r}")
    return digest[7:]


def check_digest(about: str, expected: str, found: str) -> None:
    """Raise DigestMismatch unless the two are equal."""
    if expected != found:
        raise DigestMismatch(about, expected, found)


def chain_ids(diff_ids: list[str]) -> list[str]:
    """Return the chain id (hexadecimal) of each layer, bottom first (OCI image spec, config, "Layer ChainID").

    chain(1) = diff(1); chain(n) = sha256("chain(n-1) diff(n)").
    """
    chains: list[str] = []
    for diff_id in diff_ids:
        digest_hex(diff_id)
        chains.append(digest_of(f"{chains[-1]} {diff_id}".encode()) if chains else diff_id)
    return [chain[7:] for chain in chains]
