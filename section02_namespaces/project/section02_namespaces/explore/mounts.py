"""Which mounts hold a namespace alive: bind mounts of namespace files, in every mount namespace that can be seen.

What belongs here: the lines of a mount table that are namespaces. What does not: mount tables in general (section 4).
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable


def namespace_mounts(table: bytes) -> list[tuple[str, str]]:
    r"""Return (link, mount point) of the lines of a mountinfo ``table`` that are namespaces; pure.

    The root within its file system is then the link's text. ``36 35 0:4 net:[4026532000] /run/netns/a rw - nsfs nsfs
    rw``; blanks and the like in a mount point are octal escapes. See proc_pid_mountinfo(5).
    """
    found = []
    for line in table.split(b"\n") if b" - nsfs " in table else ():
        before, _, after = line.partition(b" - ")
        fields = before.split(b" ")
        if after.startswith(b"nsfs ") and len(fields) > 5:
            found.append((fields[3].decode("ascii", "replace"), os.fsdecode(unescape(fields[4]))))
    return found


def unescape(field: bytes) -> bytes:
    r"""Return ``field`` with ``\040`` and the like made the bytes that they stand for."""
    first, *rest = field.split(b"\\")
    return b"".join([first, *(bytes([int(part[:3], 8)]) + part[3:] for part in rest)])


def read_mounts(pids: Iterable[int]) -> list[tuple[str, str]]:
    """Return the namespace mounts that the first of ``pids`` sees that can be read; all share a mount namespace.

    A process sees what is below its own root directory. [] when all have gone.
    """
    for pid in pids:
        try:
            with open(f"/proc/{pid}/mountinfo", "rb", buffering=0) as file:
                return namespace_mounts(file.readall())
        except OSError:
            continue
    return []
