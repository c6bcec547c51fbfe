"""Images: a content store in the OCI layout, safe unpacking of layers, overlay snapshots.

The public surface of the section. Names load on first use, so that the fast path (resolve, lease, snapshot) loads
neither ``tarfile`` nor ``hashlib``.
"""

from __future__ import annotations

from section01_processes import lazy_exports

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .core.image import Image as Image
    from .core.snapshot import Snapshot as Snapshot
    from .core.snapshot import plan_snapshot as plan_snapshot
    from .errors import ArchiveError as ArchiveError
    from .errors import BadReference as BadReference
    from .errors import ImageError as ImageError
    from .errors import ImageInUse as ImageInUse
    from .errors import ImageNotFound as ImageNotFound
    from .records import ImageRecord as ImageRecord
    from .references import familiar_name as familiar_name
    from .references import normalize as normalize
    from .store import ImageStore as ImageStore
    from .stumbling import STUMBLING_BLOCKS as STUMBLING_BLOCKS
    from .tree import remove_snapshot as remove_snapshot
    from .tree import remove_tree as remove_tree

_WHERE = {
    "ArchiveError": "errors",
    "BadReference": "errors",
    "Image": "core.image",
    "ImageError": "errors",
    "ImageInUse": "errors",
    "ImageNotFound": "errors",
    "ImageRecord": "records",
    "ImageStore": "store",
    "STUMBLING_BLOCKS": "stumbling",
    "Snapshot": "core.snapshot",
    "familiar_name": "references",
    "normalize": "references",
    "plan_snapshot": "core.snapshot",
    "remove_snapshot": "tree",
    "remove_tree": "tree",
}
__all__ = [
    "STUMBLING_BLOCKS",
    "ArchiveError",
    "BadReference",
    "Image",
    "ImageError",
    "ImageInUse",
    "ImageNotFound",
    "ImageRecord",
    "ImageStore",
    "Snapshot",
    "familiar_name",
    "normalize",
    "plan_snapshot",
    "remove_snapshot",
    "remove_tree",
]
__getattr__ = lazy_exports(__name__, _WHERE)
