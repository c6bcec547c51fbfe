"""`check`: everything that the index promises is there, every blob is what its name says, nothing is left over."""

from __future__ import annotations

import os

from .core.digests import chain_ids
from .core.image import read_index, read_record
from .core.stream import Stream
from .errors import ImageError
from .formats import parse_config
from .layout import StoreLock
from .publish import leftovers, sweep


def check_store(root: str, *, repair: bool = False) -> list[str]:
    """Return the problems of the store, one sentence each; ``repair`` first removes leftovers, and only those."""
    if not os.path.exists(f"{root}/oci-layout"):
        return []
    with StoreLock(root):
        try:
            if repair:
                sweep(root)
            problems = [f"left over: {os.path.relpath(path, root)}" for path in leftovers(root)]
            manifests = sorted({entry["digest"] for entry in read_index(root)})
        except (ImageError, KeyError) as error:
            return [str(error)]
        for manifest in manifests:
            problems += _check_image(root, manifest)
        problems += [
            f"blob {name} is damaged: its content has another digest"
            for name in sorted(os.listdir(f"{root}/blobs/sha256"))
            if not _blob_is_sound(f"{root}/blobs/sha256/{name}", name)
        ]
    return problems


def _check_image(root: str, manifest: str) -> list[str]:
    """Check one image: record, blobs, layers."""
    try:
        record = read_record(root, manifest)
        lost = [digest for digest in record["blobs"] if not os.path.exists(_blob(root, digest))]
        problems = [f"image {record['id']} lacks blob {digest}" for digest in lost]
        chains = record["chains"]
        gone = [chain for chain in chains if not os.path.exists(f"{root}/layers/{chain}/layer.json")]
        problems += [f"image {record['id']} lacks layer {chain}" for chain in gone]
        if record["id"] not in lost:
            with open(_blob(root, record["id"]), "rb") as file:
                if chain_ids(parse_config(file.read())["rootfs"]["diff_ids"]) != chains:
                    problems.append(f"image {record['id']}: its record names other layers than its config")
    except (ImageError, KeyError, TypeError) as error:
        return [f"image with manifest {manifest}: {error}"]
    return problems


def _blob(root: str, digest: str) -> str:
    """Return the path of a blob."""
    return f"{root}/blobs/sha256/{digest.removeprefix('sha256:')}"


def _blob_is_sound(path: str, name: str) -> bool:
    """Tell whether the file's digest is its name."""
    with open(path, "rb", buffering=0) as file:
        return Stream(file.read).finish() == f"sha256:{name}"
