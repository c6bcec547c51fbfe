"""Which ids a user wants mapped: ``--map U:H:N``, ``--map-root``, ``--map-auto`` as lists of lines.

What belongs here: wishes → maps. What does not: what a kernel takes (``idmaps.check_id_map``), writing.
"""

from __future__ import annotations

import os

from .core.idmaps import IdMap
from .errors import IdMapError
from .subids import FILES, subordinate_ids, user_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


class Maps:
    """The id maps of a new user namespace: ``users`` and ``groups``; a kind without lines stays unmapped."""

    __slots__ = ("groups", "users")

    def __init__(self, users: Sequence[IdMap] = (), groups: Sequence[IdMap] = ()) -> None:
        self.users = list(users)
        self.groups = list(groups)

    def __bool__(self) -> bool:
        return bool(self.users or self.groups)


def parse_map(text: str) -> IdMap:
    """Return the map line ``U:H:N``: N ids from U on inside stand for those from H on outside. Raises IdMapError."""
    words = text.split(":")
    if len(words) != 3 or not all(word.isascii() and word.isdigit() for word in words):
        hint = "three numbers: the first id inside, the first outside, how many; like 0:100000:65536"
        raise IdMapError(f"cannot read the id map {text!r}", hint=hint, explain="", exit_code=2)
    return IdMap(*(int(word) for word in words))


def map_root() -> Maps:
    """Return the maps that make the caller's user and group 0 inside: all that an ordinary user may do alone."""
    return Maps([IdMap(0, os.geteuid(), 1)], [IdMap(0, os.getegid(), 1)])


def map_auto() -> Maps:
    """Return the maps that make the caller 0 inside and his subordinate ids those from 1 on.

    Raises IdMapError when /etc/subuid or /etc/subgid gives him none.
    """
    uid = os.geteuid()
    users, groups = (subordinate_ids(path, uid) for path in FILES.values())
    for path, ranges in zip(FILES.values(), (users, groups), strict=True):
        if not ranges:
            name = user_name(uid) or str(uid)
            hint = f"a line like {name}:100000:65536 in {path}, written by root; or --map-root for one id"
            raise IdMapError(f"{path} gives no subordinate ids to user {name}", hint=hint, explain="LCM-US-04")
    return Maps(_after_root(uid, users), _after_root(os.getegid(), groups))


def _after_root(own: int, ranges: Iterable[tuple[int, int]]) -> list[IdMap]:
    """Return the lines: ``own`` as 0, then the ranges one after the other, without ``own`` a second time."""
    lines = [IdMap(0, own, 1)]
    inside = 1
    for first, count in ranges:
        if first <= own < first + count:
            pieces = [(first, own - first), (own + 1, first + count - own - 1)]
        else:
            pieces = [(first, count)]
        for begin, size in pieces:
            if size:
                lines.append(IdMap(inside, begin, size))
                inside += size
    return lines


def id_inside(own: int, lines: Sequence[IdMap]) -> int | None:
    """Return which id to be inside, or None to stay who one is.

    Who is mapped stays; else root if there is one, else the first id that there is. Without a map nobody can change.
    """
    if not lines or any(line.outside <= own < line.outside + line.count for line in lines):
        return None
    return min(line.inside for line in lines)
