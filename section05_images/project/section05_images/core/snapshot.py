"""A snapshot: an image's layers below, a folder of one's own above, merged by overlay.

Fast path: the shim plans it. What does not belong here: the store; removing (``tree``).
"""

from __future__ import annotations

import os
from errno import EINVAL, EPERM

from section01_processes import Step, action
from section04_filesystem import mount_overlay


class Snapshot:
    """The folders of one container's root: ``upper`` (its changes), ``work`` (overlay's own), ``merged`` (the root)."""

    __slots__ = ("layers", "merged", "upper", "work")

    def __init__(self, folder: str, layers: list[str]) -> None:
        """``folder``: the container's, exists; ``layers``: ``Image.layers``, top first."""
        self.layers = list(layers)
        self.upper = f"{folder}/upper"
        self.work = f"{folder}/work"
        self.merged = f"{folder}/rootfs"


@action("mkdir(2)")
def make_folder(path: str, like: str = "") -> None:
    """Make ``path``, with mode and owner of the folder ``like`` (or 0700); fine if it exists.

    The merged root shows the attributes of ``upper``: a /-folder of mode 0555 in the image must stay 0555.
    """
    try:
        os.mkdir(path, 0o700)
    except FileExistsError:
        return
    if like:
        model = os.stat(like)
        try:
            os.chown(path, model.st_uid, model.st_gid)
        except OSError as error:
            if error.errno not in (EPERM, EINVAL):  # an ordinary user; an owner that this user namespace does not map
                raise
        os.chmod(path, model.st_mode & 0o7777)


def plan_snapshot(snapshot: Snapshot, userxattr: bool = False) -> list[Step]:
    """Return the steps that mount ``snapshot``; they run in a mount namespace of the container's shim.

    ``userxattr``: keep overlay's marks in user.* (needed in a user namespace; the layers must have been unpacked so).
    """
    lower = snapshot.layers
    steps = [
        Step(make_folder, snapshot.upper, lower[0] if lower else "", about="the container's own changes"),
        Step(make_folder, snapshot.work, about="overlay's working folder"),
        Step(make_folder, snapshot.merged, about="where the root will be"),
    ]
    if not lower:  # an image FROM scratch; overlay wants at least one layer
        lower = [snapshot.merged]
    mount = (snapshot.merged, lower, snapshot.upper, snapshot.work, userxattr)
    return [*steps, Step(mount_overlay, *mount, about=f"{len(lower)} layer(s), merged")]
