"""Why pivot_root(2) said EINVAL or EBUSY: the causes, read off the mount table, in the kernel's order. Pure.

What belongs here: the reasons of LCM-FS-01 and LCM-FS-02. What does not: what mountinfo cannot show: a mount locked by
a user namespace, and the propagation of what the current root itself is mounted on.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .mountinfo import Mount, MountTable

_PRIVATE = "make mounts private first: mount --make-rprivate /"


def why_not(table: MountTable, new_root: str, put_old: str = "", mount_id: int = 0) -> tuple[str, str]:
    """Return (cause, what to do); the cause is "" when the table does not show it.

    ``table`` is the caller's own (it shows mounts below its root, with ``/`` as the root if that is a mount), paths are
    absolute and without links. ``put_old`` "": the new root itself, as ``pivot_root(".", ".")`` has it. ``mount_id``:
    that of the new root's mount where it is known better than by its path.
    """
    root, put_old = table.at("/"), put_old or new_root
    mount = table.by_id(mount_id) if mount_id else table.containing(new_root)
    if mount is None and mount_id:
        hint = "enter that namespace first, or take a root that the current root holds"
        return f"{new_root} is a mount of another mount namespace, or outside of the current root", hint
    old = table.containing(put_old)
    return (
        _shared(table, mount, old, new_root, put_old)
        or _busy(root, mount, old, new_root, put_old)
        or _misplaced(root, mount, new_root, put_old)
        or ("", "or the new root's mount is locked: in a user namespace one's own bind of it is needed (mount --rbind)")
    )


def _shared(
    table: MountTable, mount: Mount | None, old: Mount | None, new_root: str, put_old: str
) -> tuple[str, str] | None:
    """Return the first of EINVAL's causes: the pivot would have to happen in other namespaces, too."""
    parent = table.by_id(mount.parent) if mount is not None else None
    for which, candidate in (
        (f"{put_old}, where the old root shall go,", old if put_old != new_root else None),
        (new_root, old),
        (f"the parent mount of {new_root}, {parent.target if parent else ''},", parent),
    ):
        if candidate is not None and candidate.propagation.startswith("shared"):
            return f"{which} is a shared mount", _PRIVATE
    return None


def _busy(
    root: Mount | None, mount: Mount | None, old: Mount | None, new_root: str, put_old: str
) -> tuple[str, str] | None:
    """Return EBUSY's causes. Below a root that is no mount, "no mount found" means: on the mount that holds it."""
    current = root.id if root else 0
    if (mount.id if mount else 0) == current:
        text = f"{new_root} is on the current root mount"
        return text, f"bind the new root on itself first: mount --bind {new_root} {new_root}"
    if (old.id if old else 0) == current:
        return f"{put_old}, where the old root shall go, is on the current root mount", "use a folder of the new root"
    return None


def _misplaced(root: Mount | None, mount: Mount | None, new_root: str, put_old: str) -> tuple[str, str] | None:
    """Return the other causes of EINVAL."""
    if root is None:
        return "the current root is no mount point (after chroot)", "leave the chroot, or switch root with MS_MOVE"
    if root.parent == root.id or (root.fstype == "rootfs" and root.parent in (0, 1)):
        return "the current root is the initial ramfs", "use MS_MOVE of the new root to / and chroot"
    if mount is None or mount.target != new_root:
        return f"{new_root} is not a mount point", f"mount --bind {new_root} {new_root} first"
    if not f"{put_old}/".startswith(f"{new_root.rstrip('/')}/"):
        return f"{put_old}, where the old root shall go, is not below {new_root}", "use a folder of the new root"
    return None
