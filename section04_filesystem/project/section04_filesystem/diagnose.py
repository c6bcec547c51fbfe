"""Why pivot_root(2) said EINVAL or EBUSY: the causes, read off the mount table. Pure.

What belongs here: the reasons of LCM-FS-01 and LCM-FS-02.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .mountinfo import MountTable


def why_not(table: MountTable, new_root: str, current_root: str = "/") -> tuple[str, str]:
    """Return (cause, what to do), or two empty texts when the table does not show it.

    ``table`` is the caller's own (it shows mounts below its root, with ``/`` as the root if that is a mount).
    """
    root = table.at("/")
    if root is None:
        return "the current root is no mount point (after chroot)", "leave the chroot, or switch root with MS_MOVE"
    if root.fstype in ("rootfs", "ramfs") and root.parent == root.id:
        return "the current root is the initial ramfs", "use MS_MOVE of the new root to / and chroot"
    mount = table.at(new_root)
    if mount is None:
        return f"{new_root} is not a mount point", f"mount --bind {new_root} {new_root} first"
    if mount.id == root.id:
        return f"{new_root} is on the current root mount", "bind the new root on itself first"
    parent = table.by_id(mount.parent)
    for which, candidate in (("", mount), ("the parent of ", parent), ("the current root's ", root)):
        if candidate is not None and candidate.propagation.startswith("shared"):
            hint = "make mounts private first: mount --make-rprivate /"
            return f"{which}{candidate.target} is a shared mount", hint
    return (
        "",
        f"{new_root} and the folder for the old root must be different places below one mount; current: {current_root}",
    )
