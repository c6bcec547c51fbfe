"""Images of one layer: from the tar of a root file system, or from a folder of this machine."""

from __future__ import annotations

import os
from time import gmtime, strftime

from section01_processes import format_json

from .changes import apply_changes
from .compress import plain_stream
from .core.stream import Stream
from .formats import MACHINES, Draft
from .install import install
from .load import Input
from .references import normalize
from .staging import Staging

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, BinaryIO

    from .store import ImageStore


def import_rootfs(store: ImageStore, source: str | BinaryIO, reference: str, changes: list[str]) -> str:
    """Make an image from a tar (plain, gzip, xz, bzip2) of a root file system; returns its id."""
    names = [normalize(reference)] if reference else []
    config = {"config": apply_changes({}, changes)}
    created = strftime("%Y-%m-%dT%H:%M:%SZ", gmtime())
    with Staging(store.root) as staging:
        with Input(source) as file:
            stream, _ = plain_stream(file)
            layer = staging.take(stream, None)  # stored plain: its digest is its diff id
        with open(layer.path, "rb", buffering=0) as file:
            _check_tar(Stream(file.read))
        document = make_config(config, layer.digest, created, f"imported from {source if source != '-' else 'stdin'}")
        return install(store, staging, [Draft(document, [layer], names)])[0].id


def add_rootfs_dir(store: ImageStore, folder: str, reference: str, config: dict[str, Any]) -> str:
    """Make an image from ``folder``; the same files and config give the same id."""
    from .pack import pack_folder

    names = [normalize(reference)]
    with Staging(store.root) as staging:
        path = staging.new_path()
        pack_folder(folder, path)
        with open(path, "rb", buffering=0) as file:
            layer = staging.spool(file)
        os.unlink(path)
        document = make_config(config, layer.digest, "1970-01-01T00:00:00Z", "made from a folder")
        return install(store, staging, [Draft(document, [layer], names)])[0].id


def make_config(config: dict[str, Any], diff_id: str, created: str, comment: str) -> bytes:
    """Return ``config``, completed to an image configuration of one layer (OCI image spec, config)."""
    machine = os.uname().machine
    document = {
        "created": created,
        "architecture": MACHINES.get(machine, machine),
        "os": "linux",
        "config": {},
        **config,
        "rootfs": {"type": "layers", "diff_ids": [diff_id]},
        "history": [{"created": created, "comment": comment}],
    }
    return format_json(document).encode()


def _check_tar(stream: Stream) -> None:
    """Refuse what is no tar, or was cut off: no digest vouches for what is imported."""
    from .core.headers import members

    for _ in members(stream, end_marker=True):
        pass
