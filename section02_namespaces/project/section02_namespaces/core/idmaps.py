"""Map the ids of a user namespace: user_namespaces(7).

A new user namespace maps nothing: everybody in it is 65534 (nobody) to itself. One write of lines "inside outside
count" to /proc/PID/uid_map and gid_map, once, from outside, changes that.

What belongs here: the map and the write. What does not: what the kernel refuses, and users who may not write it
themselves (``section02_namespaces.idmaps``: setgroups, newuidmap).
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence


class IdMap(tuple[int, int, int]):
    """One line of a map: ``count`` ids from ``inside`` on stand for those from ``outside`` on."""

    __slots__ = ()

    def __new__(cls, inside: int, outside: int, count: int) -> IdMap:  # noqa: PYI034 - Self would need typing
        """Return the line."""
        return tuple.__new__(cls, (inside, outside, count))

    @property
    def inside(self) -> int:
        """The first id in the namespace."""
        return self[0]

    @property
    def outside(self) -> int:
        """The id that the first one stands for, in the parent namespace."""
        return self[1]

    @property
    def count(self) -> int:  # type: ignore[override]
        """How many ids, one after the other."""
        return self[2]


def write_id_map(pid: int, file: str, maps: Sequence[IdMap]) -> None:
    """Write ``maps`` to ``/proc/<pid>/<file>`` (``pid`` 0: our own), with one write as the kernel demands.

    Raises OSError: EPERM (not the right writer, or written before), EINVAL (the kernel does not say what is wrong;
    ``check_id_map`` does).
    """
    lines = [b"%d %d %d\n" % (line.inside, line.outside, line.count) for line in maps]
    fd = os.open(f"/proc/{pid or 'self'}/{file}", os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(fd, b"".join(lines))
    finally:
        os.close(fd)
