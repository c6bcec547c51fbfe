"""Images: a content store in the OCI layout, safe unpacking of layers, overlay snapshots.

The public surface of the section. Names load on first use, so that the fast path (resolve, lease, snapshot) loads
neither ``tarfile`` nor ``hashlib``.
"""

from __future__ import annotations

from section01_processes import lazy_exports

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .core.image import Image as Image
    from .core.references import familiar_name as familiar_name
    from .core.references import normalize as normalize
    from .core.snapshot import Snapshot as Snapshot
    from .core.snapshot import plan_snapshot as plan_snapshot
    from .core.tree import remove_tree as remove_tree
    from .errors import ArchiveError as ArchiveError
    from .errors import BadReference as BadReference
    from .errors import ImageError as ImageError
    from .errors import ImageInUse as ImageInUse
    from .errors import ImageNotFound as ImageNotFound
    from .records import ImageRecord as ImageRecord
    from .store import ImageStore as ImageStore

_WHERE = {
    "ArchiveError": "errors",
    "BadReference": "errors",
    "Image": "core.image",
    "ImageError": "errors",
    "ImageInUse": "errors",
    "ImageNotFound": "errors",
    "ImageRecord": "records",
    "ImageStore": "store",
    "Snapshot": "core.snapshot",
    "familiar_name": "core.references",
    "normalize": "core.references",
    "plan_snapshot": "core.snapshot",
    "remove_tree": "core.tree",
}
__all__ = [
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
    "remove_tree",
]
__getattr__ = lazy_exports(__name__, _WHERE)
