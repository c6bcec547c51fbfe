"""Change the root: make mounts private, take a folder as root, pivot. See pivot_root(2), mount_namespaces(7).

What belongs here: the beginning and the end of a container's life with its root. What does not: what is mounted in
between, and why a pivot_root failed (``diagnose.py``).
"""

from __future__ import annotations

import os

from section01_processes import Step, SyscallError, action
from section04_filesystem import _syscalls
from section04_filesystem.errors import FilesystemError, mount_error

from . import flags as k
from .detached import clone_tree
from .mounts import attach


@action("mount(2)")
def set_propagation(target: str, propagation: str) -> None:
    """Make the mount at ``target`` private, slave, shared or unbindable (with ``r``: and all below it)."""
    if propagation not in k.PROPAGATION:
        known = " ".join(k.PROPAGATION)
        raise FilesystemError(f"no propagation is called {propagation!r}", hint=f"there are: {known}")
    try:
        _syscalls.mount(None, os.fsencode(target), None, k.PROPAGATION[propagation], None)
    except SyscallError as error:
        raise mount_error(error, f"make {target} {propagation}") from None


def plan_private_mounts(propagation: str = "rslave") -> list[Step]:
    """Return the step that every new mount namespace begins with: nothing of ours travels out (LCM-NS-01).

    ``rslave`` still lets the host's mounts come in; ``rprivate`` cuts both directions.
    """
    return [Step(set_propagation, "/", propagation, about=f"make every mount {propagation}: ours stay here")]


@action("open_tree(2)")
def bind_root(root: str) -> int:
    """Bind folder ``root`` on itself, so that it surely is a mount point, as pivot_root(2) demands (LCM-FS-01).

    Returns the descriptor of the new mount: all that follows is resolved from it, not from the path.
    """
    try:
        place = os.open(root, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            tree = clone_tree(place)
            attach(tree, place)
        finally:
            os.close(place)
    except OSError as error:
        raise mount_error(error, f"bind the root {root} on itself", "bind") from error
    return tree


@action("pivot_root(2)")
def pivot_root(new_root: int | str) -> None:
    """Make ``new_root`` (a descriptor, which is closed, or a path) the root, and let go of the old one.

    pivot_root(".", ".") puts the old root on top of the new one, in the same place, so no folder for it is needed;
    then what is at "." is unmounted: the old root, and with it every way back. Before that it becomes a slave, so that
    the unmounting does not travel to the host.
    """
    root_fd = os.open(new_root, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC) if isinstance(new_root, str) else new_root
    try:
        os.fchdir(root_fd)
    finally:
        os.close(root_fd)
    _syscalls.pivot_root(b".", b".")
    _syscalls.mount(None, b".", None, k.MS_REC | k.MS_SLAVE, None)
    _syscalls.umount2(b".", k.MNT_DETACH)
    os.chdir("/")


@action("mount_setattr(2)")
def make_root_readonly() -> None:
    """Make the mount at ``/`` read-only; mounts below it keep their own attributes."""
    _syscalls.mount_setattr(k.AT_FDCWD, b"/", 0, k.MOUNT_ATTR_RDONLY, 0, 0)
