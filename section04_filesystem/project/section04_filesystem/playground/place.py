"""A place for one experiment: a private tmpfs with mounts of every propagation type in it.

What belongs here: building and looking. What does not: what is asked (``measure.py``). For a child in a mount
namespace of its own: it mounts, and leaves it to the end of the namespace to clean up.
"""

from __future__ import annotations

import os

from ..binds import bind, mount, umount
from ..core.root import set_propagation
from ..mountinfo import Mount, MountTable


class Place:
    """One experiment's folder, ``with``: on a tmpfs of its own, unmounted with all below it at the end."""

    def __init__(self, base: str) -> None:
        self.base = base

    def __enter__(self) -> Place:  # noqa: PYI034 - Self would need typing
        mount("playground", self.base, "tmpfs")
        set_propagation(self.base, "private")
        return self

    def __exit__(self, *_: object) -> None:
        umount(self.base)

    def path(self, name: str) -> str:
        """Return the path of ``name`` in here, which is made if it is missing."""
        path = f"{self.base}/{name}"
        os.makedirs(path, exist_ok=True)
        return path

    def make(self, name: str, kind: str) -> str:
        """Mount a tmpfs at ``name`` that is of type ``kind``, with folders in it; return its path.

        A slave needs a master: a mount that ``name`` was a peer of, beside it.
        """
        path = self.path(name)
        if "slave" in kind:
            master = self.make(f"{name}-master", "shared")
            bind(master, path, recursive=False)
            set_propagation(path, "slave")
        else:
            mount(name, path, "tmpfs")
        for word in ("shared", "private", "unbindable"):
            if word in kind:
                set_propagation(path, word)
        for folder in ("inside", "other"):
            os.makedirs(f"{path}/{folder}", exist_ok=True)
        return path

    def look(self, path: str) -> Mount | None:
        """Return what is mounted at ``path`` now."""
        return MountTable.of().at(path)


def kind_of(mount: Mount | None) -> str:
    """Return the propagation type of a mount in the document's words, "nothing" for none."""
    if mount is None:
        return "nothing"
    names = [word.partition(":")[0] for word in mount.propagation.split(",")]
    return " and ".join(names)
