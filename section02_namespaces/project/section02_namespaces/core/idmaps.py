"""Map the ids of a user namespace: user_namespaces(7).

A new user namespace maps nothing: everybody in it is 65534 (nobody) to itself. One write of lines "inside outside
count" to /proc/PID/uid_map and gid_map, once, from outside, changes that.

What belongs here: the map, its rules, the plain write. What does not: users who may not write it themselves
(``section02_namespaces.idmaps``: setgroups, newuidmap).
"""

from __future__ import annotations

import os

from section02_namespaces.errors import IdMapError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

#: The kernel takes at most so many lines (since Linux 4.15; user_namespaces(7)).
MAX_LINES = 340


class IdMap:
    """One line of a map: ``count`` ids from ``inside`` on stand for those from ``outside`` on."""

    __slots__ = ("count", "inside", "outside")

    def __init__(self, inside: int, outside: int, count: int) -> None:
        self.inside = inside
        self.outside = outside
        self.count = count

    def __eq__(self, other: object) -> bool:
        return isinstance(other, IdMap) and self._key() == other._key()

    def __hash__(self) -> int:
        return hash(self._key())

    def __repr__(self) -> str:
        return f"IdMap({self.inside}, {self.outside}, {self.count})"

    def _key(self) -> tuple[int, int, int]:
        return (self.inside, self.outside, self.count)


def format_id_map(maps: Sequence[IdMap]) -> bytes:
    """Return what is written to uid_map or gid_map. Raises IdMapError for a map that the kernel would refuse.

    The kernel answers EINVAL for every one of these faults; here each has its own sentence.
    """
    if not 1 <= len(maps) <= MAX_LINES:
        raise IdMapError(f"an id map has 1 to {MAX_LINES} lines, this one has {len(maps)}")
    for line in maps:
        if (
            line.count < 1
            or line.inside < 0
            or line.outside < 0
            or max(line.inside, line.outside) + line.count > 1 << 32
        ):
            raise IdMapError(f"{line!r} is outside of 0 to 4294967295, or maps no id at all")
    for side in ("inside", "outside"):
        end = 0
        for first, count in sorted((getattr(line, side), line.count) for line in maps):
            if first < end:
                raise IdMapError(f"two lines of the id map overlap {side} the namespace at id {first}")
            end = first + count
    return b"".join(b"%d %d %d\n" % (line.inside, line.outside, line.count) for line in maps)


def write_id_map(pid: int, file: str, maps: Sequence[IdMap]) -> None:
    """Write ``maps`` to ``/proc/<pid>/<file>``, with one write as the kernel demands. Raises OSError, IdMapError."""
    text = format_id_map(maps)
    fd = os.open(f"/proc/{pid or 'self'}/{file}", os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(fd, text)
    finally:
        os.close(fd)
