"""The life of an image on its way in: draft → layers unpacked and proven → published.

1. unpack each layer that the store lacks into the staging folder, hashing what is unpacked
2. compare with the diff id that the config promises
3. under the lock: is every layer there now? (another command may have removed one meanwhile: then again)
4. publish
"""

from __future__ import annotations

import os

from section01_processes import format_json, read_json, warn, write_file

from ._syscalls import syncfs
from .compress import plain_stream
from .core.digests import chain_ids, check_digest
from .errors import ArchiveError
from .formats import CONFIGS, MACHINES, Draft
from .layout import StoreLock
from .publish import publish
from .special import LayerUnpacker
from .tree import FOLDER

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .compress import Readable
    from .staging import Blob, Staging
    from .store import ImageStore

LAYER_TYPES = {
    "": "application/vnd.oci.image.layer.v1.tar",
    "gzip": "application/vnd.oci.image.layer.v1.tar+gzip",
}


class NewImage:
    """An image that is complete in the staging folder."""

    __slots__ = ("blobs", "chains", "id", "names", "record")

    def __init__(self, draft: Draft, staging: Staging) -> None:
        config = staging.write(draft.config_bytes)
        manifest = staging.write(draft.manifest_bytes or make_manifest(config, draft.layers))
        self.id = config.digest
        self.names = draft.names
        self.chains = chain_ids(draft.config["rootfs"]["diff_ids"])
        self.blobs = [*draft.layers, config, manifest]
        self.record: dict[str, Any] = {
            "id": config.digest,
            "manifest": manifest.digest,
            "manifest_size": manifest.size,
            "media_type": draft.media_type,
            "chains": self.chains,
            "blobs": sorted({blob.digest for blob in self.blobs}),
            "created": str(draft.config.get("created") or ""),
            "size": 0,
        }


def make_manifest(config: Blob, layers: list[Blob]) -> bytes:
    """Return an OCI manifest for a config and its layers."""
    for layer in layers:
        if layer.compression not in LAYER_TYPES:
            raise ArchiveError(f"a layer compressed with {layer.compression} has no place in an OCI image")
    parts = [(CONFIGS[0], config), *((LAYER_TYPES[layer.compression], layer) for layer in layers)]
    described = [{"mediaType": kind, "digest": blob.digest, "size": blob.size} for kind, blob in parts]
    manifest = {
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": described[0],
        "layers": described[1:],
    }
    return format_json(manifest).encode()


def install(store: ImageStore, staging: Staging, drafts: list[Draft]) -> list[NewImage]:
    """Unpack, prove and publish ``drafts``: all of them, or on any error none."""
    images = [NewImage(draft, staging) for draft in drafts]
    for draft in drafts:
        _warn_of_machine(draft)
    work = _Work(store, staging)
    while True:
        for draft in drafts:
            work.prove(draft)
        work.sync()
        with StoreLock(store.root):
            if all(work.has(chain) for image in images for chain in image.chains):
                for image in images:
                    image.record["size"] = sum(work.layer_size(chain) for chain in image.chains)
                publish(store.root, images, work.staged)
                return images


def _warn_of_machine(draft: Draft) -> None:
    """Warn when the image is for another machine: its programs will not start."""
    machine = os.uname().machine
    wanted, found = MACHINES.get(machine, machine), draft.config.get("architecture")
    if found and found != wanted:
        warn(f"image {', '.join(draft.names) or 'without name'} is for {found}, this machine is {wanted}: LCM-ENV-07")


class _Work:
    """The layers of one load: which are unpacked where, and which blobs have proven their diff id."""

    def __init__(self, store: ImageStore, staging: Staging) -> None:
        self.store = store
        self.staging = staging
        self.staged: dict[str, str] = {}
        self.proven: dict[str, str] = {}
        self.userxattr = store.userxattr

    def has(self, chain: str) -> bool:
        """Tell whether the layer is unpacked, in the store or in the staging folder."""
        return chain in self.staged or os.path.isdir(f"{self.store.root}/layers/{chain}")

    def prove(self, draft: Draft) -> None:
        """Unpack the layers that lack, bottom first, and check every blob against its diff id."""
        diff_ids = draft.config["rootfs"]["diff_ids"]
        for blob, diff_id, chain in zip(draft.layers, diff_ids, chain_ids(diff_ids), strict=True):
            if not self.has(chain):
                self.staged[chain] = self.unpack(blob, diff_id, chain)
            elif self.proven.get(blob.digest) != diff_id:
                with open(blob.path, "rb", buffering=0) as file:
                    check_digest(f"layer {blob.digest}, uncompressed,", diff_id, plain_stream(file)[0].finish())
            self.proven[blob.digest] = diff_id

    def unpack(self, blob: Blob, diff_id: str, chain: str) -> str:
        """Unpack one layer into the staging folder; returns its path there."""
        path = f"{self.staging.path}/{chain}"
        os.makedirs(f"{path}/diff")
        os.chmod(f"{path}/diff", 0o755)
        with open(blob.path, "rb", buffering=0) as file:
            size, digest = self._apply(file, f"{path}/diff")
        check_digest(f"layer {blob.digest}, uncompressed,", diff_id, digest)
        write_file(f"{path}/layer.json", format_json({"diff_id": diff_id, "size": size}), durable=False)
        return path

    def _apply(self, file: Readable, folder: str) -> tuple[int, str]:
        """Apply a layer's tar to ``folder``; returns bytes of files and the diff id."""
        root = os.open(folder, FOLDER)
        try:
            if self.userxattr is None:
                self.userxattr = not _may_write_trusted(root)
            unpacker = LayerUnpacker(
                root,
                chown=os.geteuid() == 0,
                userxattr=self.userxattr,
                file_capabilities=self.store.file_capabilities,
            )
            stream, _ = plain_stream(file)
            unpacker.apply(stream)
            for text in sorted(unpacker.warnings):
                warn(text)
            return unpacker.size, stream.finish()
        finally:
            os.close(root)

    def layer_size(self, chain: str) -> int:
        """Return the bytes of files in an unpacked layer."""
        folder = self.staged.get(chain) or f"{self.store.root}/layers/{chain}"
        return int(read_json(f"{folder}/layer.json")["size"])

    def sync(self) -> None:
        """Make what was unpacked durable, before a rename makes it look complete."""
        if self.staged:
            fd = os.open(self.staging.path, FOLDER)
            try:
                syncfs(fd)
            finally:
                os.close(fd)


def _may_write_trusted(fd: int) -> bool:
    """Find out by trying whether trusted.* attributes are open to us: not without root, not in a user namespace."""
    try:
        os.setxattr(fd, "trusted.overlay.probe", b"")
        os.removexattr(fd, "trusted.overlay.probe")
    except OSError:
        return False
    return True
