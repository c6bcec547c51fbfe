"""How a layer says "this is gone": ``.wh.name`` in the tar, a character device 0:0 in overlay's folder.

OCI image spec, layer, "Whiteouts"; kernel, filesystems/overlayfs, "whiteouts and opaque directories".
"""

from __future__ import annotations

import os
import stat

from ..errors import LayerError

PREFIX = ".wh."
OPAQUE = ".wh..wh..opq"
RESERVED = ".wh..wh."  # aufs kept its own files under these names; they mean nothing to us


def hidden_name(member: str, name: str) -> str | None:
    """Return the name that the file name ``name`` hides, or None when it is no whiteout.

    Raises LayerError for ``.wh.``, ``.wh..`` and ``.wh...``, which would hide the folder itself or its parent.
    """
    if not name.startswith(PREFIX):
        return None
    hidden = name.removeprefix(PREFIX)
    if hidden in ("", ".", ".."):
        raise LayerError(member, "a whiteout must name a file", explain="LCM-IM-02")
    return hidden


def make_whiteout(parent: int, name: str) -> None:
    """Make the device 0:0 that overlay takes for "nothing here". mknod(2); needs no privilege since Linux 5.8."""
    os.mknod(name, stat.S_IFCHR, os.makedev(0, 0), dir_fd=parent)


def is_whiteout(status: os.stat_result) -> bool:
    """Tell whether this is overlay's whiteout."""
    return stat.S_ISCHR(status.st_mode) and status.st_rdev == 0


def mark_opaque(folder: int, *, userxattr: bool) -> None:
    """Make overlay not look below this folder. In a user namespace trusted.* is closed: user.*, with ``userxattr``."""
    os.setxattr(folder, "user.overlay.opaque" if userxattr else "trusted.overlay.opaque", b"y")
