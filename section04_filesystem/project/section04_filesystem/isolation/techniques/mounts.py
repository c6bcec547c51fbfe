"""Ways by mounts: one that the host sees, too; one that shows the host's folder here. See mount_namespaces(7)."""

from __future__ import annotations

import os

from section04_filesystem import _syscalls
from section04_filesystem.core import flags as k

from ..model import Stopped, trying
from .roots import first_of, read

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..inside import Inside


def mount_over(inside: Inside) -> str:
    """Make a mount that the host sees, too.

    Without a mount namespace of its own (or with one whose mounts are shared) a jail that may mount changes what
    the host sees: a tmpfs over a folder that the host looks into is enough. Private or slave mounts stay inside;
    without CAP_SYS_ADMIN there are none. (The proof: the outsider finds our file at the host's path.)
    """
    target = f"{inside.work}/over"
    os.makedirs(target, exist_ok=True)
    with trying("mount", "CAP_SYS_ADMIN"):
        _syscalls.mount(b"jail", os.fsencode(target), b"tmpfs", 0, b"size=64k")
    try:
        with open(f"{target}/marker", "w", encoding="utf-8") as file:
            file.write("made in the jail")
        answer = inside.ask("mount-over", path=f"{target}/marker")
    finally:
        _syscalls.umount2(os.fsencode(target), k.MNT_DETACH)
    if not answer.get("seen"):
        raise Stopped("mount", 0, about="not seen")
    return "seen"


def bind_outside(inside: Inside) -> str:
    """Bind an outside folder into the jail.

    A bind mount shows a folder at a second place; the first needs no path here: a descriptor (open_tree) or an
    outsider's /proc/PID/root will do. The kernel binds only what is in the caller's own mount namespace (EINVAL),
    for whoever has CAP_SYS_ADMIN there.
    """
    target = f"{inside.work}/bound"
    os.makedirs(target, exist_ok=True)

    def by_descriptor() -> str:
        with trying("open_tree", "CAP_SYS_ADMIN", "bind"):
            clone = k.OPEN_TREE_CLONE | k.OPEN_TREE_CLOEXEC | k.AT_EMPTY_PATH
            tree = _syscalls.open_tree(int(inside.world["held"]), b"", clone)
        try:
            with trying("move_mount", "CAP_SYS_ADMIN", "bind"):
                _syscalls.move_mount(tree, b"", k.AT_FDCWD, os.fsencode(target), k.MOVE_MOUNT_F_EMPTY_PATH)
        finally:
            os.close(tree)
        return _shown(target)

    def by_path(source: str) -> str:
        with trying("mount", "CAP_SYS_ADMIN", "bind"):
            _syscalls.mount(os.fsencode(source), os.fsencode(target), None, k.MS_BIND, None)
        return _shown(target)

    folder = os.path.dirname(inside.canary)
    return first_of(by_descriptor, lambda: by_path(f"/proc/1/root{folder}"), lambda: by_path(folder))


def _shown(target: str) -> str:
    """Return the canary that is to be seen in folder ``target``, and unmount what is there."""
    try:
        return read(f"{target}/canary")
    finally:
        _syscalls.umount2(os.fsencode(target), k.MNT_DETACH)
