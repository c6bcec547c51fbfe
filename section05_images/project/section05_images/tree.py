"""Removing what images and containers leave on the disk: a snapshot's folders.

The removal itself, which follows no link and no mount, is section 4's (``remove_tree``).
"""

from __future__ import annotations

import os

from section04_filesystem import empty_folder as empty_folder  # noqa: PLC0414 - for this package's other modules
from section04_filesystem import remove_tree as remove_tree  # noqa: PLC0414

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .core.snapshot import Snapshot

FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def remove_snapshot(snapshot: Snapshot) -> None:
    """Remove a snapshot's folders; fine if they are not there. Raises OSError EBUSY while it is mounted here."""
    try:
        os.rmdir(snapshot.merged)  # first: while it is mounted here, nothing may be touched
    except FileNotFoundError:
        pass
    remove_tree(snapshot.work)
    remove_tree(snapshot.upper)
