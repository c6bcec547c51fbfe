"""What the files of an archive mean: docker archives (``manifest.json``) and OCI layouts (``index.json``).

Pure reading: the result is a list of Draft, in which every digest and size that the archive promises has been checked.
Only the layers' diff ids are still to be proven, by unpacking them.
"""

from __future__ import annotations

import os

from section01_processes import parse_json

from .core.digests import check_digest, digest_hex, digest_of
from .core.image import REF_NAME
from .errors import ArchiveError, BadReference
from .references import is_hex, normalize

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .sources import Source
    from .staging import Blob

INDEXES = ("application/vnd.oci.image.index.v1+json", "application/vnd.docker.distribution.manifest.list.v2+json")
MANIFESTS = ("application/vnd.oci.image.manifest.v1+json", "application/vnd.docker.distribution.manifest.v2+json")
CONFIGS = ("application/vnd.oci.image.config.v1+json", "application/vnd.docker.container.image.v1+json")
MACHINES = {"x86_64": "amd64", "aarch64": "arm64"}


class Draft:
    """An image that is being brought in: config and layers as blobs, and the manifest if it came with one."""

    __slots__ = ("config", "config_bytes", "layers", "manifest_bytes", "media_type", "names")

    def __init__(self, config_bytes: bytes, layers: list[Blob], names: list[str]) -> None:
        self.config_bytes = config_bytes
        self.config = parse_config(config_bytes)
        self.layers = layers
        self.names = names
        self.manifest_bytes = b""
        self.media_type = MANIFESTS[0]
        diff_ids = self.config["rootfs"]["diff_ids"]
        if len(diff_ids) != len(layers):
            raise ArchiveError(f"the config names {len(diff_ids)} layers, the manifest {len(layers)}")


def parse_config(data: bytes) -> dict[str, Any]:
    """Return an image configuration as a dictionary whose ``rootfs.diff_ids`` are sound. Raises ArchiveError."""
    try:
        config = parse_json(data)
        diff_ids = config["rootfs"]["diff_ids"] or []
    except (ValueError, KeyError, TypeError) as error:
        raise ArchiveError(f"the image configuration is broken: {error!r}") from error
    if not isinstance(diff_ids, list) or not isinstance(config.get("config") or {}, dict):
        raise ArchiveError("the image configuration is broken: rootfs.diff_ids must be a list and config an object")
    for diff_id in diff_ids:
        digest_hex(diff_id)
    config["rootfs"]["diff_ids"] = diff_ids
    return dict(config)


def read_drafts(source: Source) -> list[Draft]:
    """Return the images in ``source``. Raises ArchiveError if it is neither format, or broken."""
    try:
        if source.has("manifest.json"):
            drafts = [_docker_draft(source, item) for item in source.json("manifest.json")]
        elif source.has("index.json"):
            drafts = [_oci_draft(source, *found) for found in _oci_images(source)]
        else:
            raise ArchiveError(
                "neither a `docker save` archive nor an OCI layout: manifest.json and index.json are missing",
                hint="a plain root file system is brought in by import",
            )
    except (KeyError, TypeError, AttributeError, IndexError) as error:
        raise ArchiveError(f"the archive's manifest is broken: {error!r}") from error
    if not drafts:
        raise ArchiveError("the archive holds no image")
    return drafts


def _docker_draft(source: Source, item: dict[str, Any]) -> Draft:
    """Read one entry of manifest.json; the config's file name is its digest, in the old form and the new."""
    config = source.read(item["Config"])
    stem = item["Config"].rpartition("/")[2].removesuffix(".json")
    if len(stem) == 64 and is_hex(stem):
        check_digest(item["Config"], f"sha256:{stem}", digest_of(config))
    names = [normalize(tag) for tag in item.get("RepoTags") or []]
    return Draft(config, [source.blob(layer) for layer in item["Layers"]], names)


def _oci_images(source: Source) -> list[tuple[str, dict[str, Any]]]:
    """Return (name, descriptor of a manifest) for each image of index.json; the name may be empty."""
    groups: dict[str, list[dict[str, Any]]] = {}
    for entry in source.json("index.json")["manifests"]:
        groups.setdefault(_name_of(entry), []).append(entry)
    found = []
    for name, entries in groups.items():
        if len(entries) > 1 and any(entry.get("platform") for entry in entries):
            entries = [_choose(entries)]
        found += [(name, _manifest_descriptor(source, entry)) for entry in entries]
    return found


def _name_of(entry: dict[str, Any]) -> str:
    """Return the full reference that an index entry's annotations give it: containerd's, else the layout's own."""
    annotations = entry.get("annotations") or {}
    name = annotations.get("io.containerd.image.name") or annotations.get(REF_NAME) or ""
    try:
        return normalize(name) if name else ""
    except BadReference:
        return ""  # a layout may call its images anything; it is still known by its id


def _manifest_descriptor(source: Source, entry: dict[str, Any]) -> dict[str, Any]:
    """Follow indexes inside the index to the manifest for this machine."""
    for _ in range(4):
        if entry.get("mediaType") not in INDEXES:
            return entry
        entry = _choose(source_document(source, entry)["manifests"])
    raise ArchiveError("indexes inside indexes, more than four deep")


def _choose(entries: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the entry for this machine's platform."""
    machine = os.uname().machine
    wanted = MACHINES.get(machine, machine)
    seen = []
    for entry in entries:
        platform = entry.get("platform") or {}
        if platform.get("os") == "linux" and platform.get("architecture") == wanted:
            return entry
        seen.append(f"{platform.get('os', '?')}/{platform.get('architecture', '?')}")
    raise ArchiveError(f"no image for linux/{wanted} in the archive, only {', '.join(seen) or 'none'}")


def _described(source: Source, descriptor: dict[str, Any]) -> Blob:
    """Return the blob that a descriptor means, of the digest (by its name) and the size that it promises."""
    blob = source.blob(f"blobs/sha256/{digest_hex(descriptor['digest'])}")
    if blob.size != descriptor["size"]:
        raise ArchiveError(f"{descriptor['digest']} has {blob.size} bytes, its descriptor says {descriptor['size']}")
    return blob


def source_document(source: Source, descriptor: dict[str, Any]) -> Any:
    """Return the JSON document that a descriptor means."""
    _described(source, descriptor)
    return source.json(f"blobs/sha256/{digest_hex(descriptor['digest'])}")


def _oci_draft(source: Source, name: str, descriptor: dict[str, Any]) -> Draft:
    """Read one manifest and what it refers to."""
    manifest = source_document(source, descriptor)
    kind = manifest["config"].get("mediaType")
    if kind not in CONFIGS:
        raise ArchiveError(f"{descriptor['digest']} is not a container image but {kind}")
    _described(source, manifest["config"])
    config = source.read(f"blobs/sha256/{digest_hex(manifest['config']['digest'])}")
    draft = Draft(config, [_described(source, layer) for layer in manifest["layers"]], [name] if name else [])
    draft.manifest_bytes = source.read(f"blobs/sha256/{digest_hex(descriptor['digest'])}")
    draft.media_type = manifest.get("mediaType") or descriptor.get("mediaType") or MANIFESTS[0]
    return draft
