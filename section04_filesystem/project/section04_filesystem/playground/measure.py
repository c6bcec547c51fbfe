"""Measure what propagates where: each cell from real mounts of this kernel, made for it.

What belongs here: one function per table of the document, and the child that runs them all. What does not: what the
document says (``document.py``).
"""

from __future__ import annotations

import json
import os

from section01_processes import LcmError, spawn
from section02_namespaces import CLONE_NEWNS, CLONE_NEWUSER, IdMap, unshare, write_id_maps

from ..binds import bind, mount, umount
from ..core.flags import MS_MOVE
from ..core.root import set_propagation
from ..mountinfo import MountTable
from .document import KNOWN, STATES, TABLES, TYPES, Table
from .place import Place, kind_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

#: Folders that every system has; the first that is there is covered in the child, and nobody else sees it.
_BASES = ("/mnt", "/media", "/srv", "/tmp", "/run")


def measure() -> dict[str, Table]:
    """Return the measured tables by name, and "host": what happens on this machine to a new mount namespace's root.

    In a child with a mount namespace of its own; an ordinary user's also in a user namespace. Raises LcmError.
    """
    reader, writer = os.pipe2(os.O_CLOEXEC)

    def child() -> None:
        answer = json.dumps([[name, list(key), value] for name, table in _all() for key, value in table.items()])
        with open(writer, "w", encoding="utf-8") as pipe:
            pipe.write(answer)

    with spawn(child) as born, open(reader, "rb") as pipe:
        os.close(writer)
        data = pipe.read()
        if born.wait() or not data:
            raise LcmError("the playground's child failed; what it said is above")
    tables: dict[str, Table] = {}
    for name, key, value in json.loads(data):
        tables.setdefault(name, {})[key[0], key[1]] = value
    return tables


def _all() -> list[tuple[str, Table]]:
    """In the child: leave the caller's mounts, and measure everything."""
    uid, gid = os.geteuid(), os.getegid()
    if uid:
        unshare(CLONE_NEWUSER)
        write_id_maps(0, [IdMap(0, uid, 1)], [IdMap(0, gid, 1)])
    before = kind_of(MountTable.of().at("/"))
    unshare(CLONE_NEWNS)
    host: Table = {("before", before): kind_of(MountTable.of().at("/"))}
    set_propagation("/", "rprivate")
    base = next(path for path in _BASES if os.path.isdir(path))
    measures = {"events": events, "bind": binds, "move": moves, "mount": mounts, "unmount": unmounts, "clone": clones}
    results = [(name, ask(base)) for name, ask in measures.items()]
    return [*results, ("changes", changes(base)), ("host", host), ("systemd", systemd(base))]


def _pair(place: Place, a: str, b: str) -> tuple[str, str]:
    """Return two mounts that were peers of a third (which stays shared), of types ``a`` and ``b`` now."""
    third = place.make("third", "shared")
    paths = place.path("a"), place.path("b")
    for path in paths:
        bind(third, path, recursive=False)
    for path, kind in zip(paths, (a, b), strict=True):
        set_propagation(path, kind)
    return paths


def events(base: str) -> Table:
    """Mount below A and look below B, and the reverse."""
    table: Table = {}
    for a in TYPES:
        for b in TYPES:
            with Place(base) as place:
                one, two = _pair(place, a, b)
                mount("event", f"{one}/inside", "tmpfs")
                mount("event", f"{two}/other", "tmpfs")
                there, back = place.look(f"{two}/inside"), place.look(f"{one}/other")
            table[a, b] = _way(there is not None, back is not None)
    return table


def unmounts(base: str) -> Table:
    """Have something mounted at the same folder of A and B, unmount it at one, look at the other; and the reverse."""
    table: Table = {}
    for a in TYPES:
        for b in TYPES:
            ways = []
            for first, second in ((0, 1), (1, 0)):
                with Place(base) as place:
                    pair = _pair(place, a, b)
                    here, there = f"{pair[first]}/inside", f"{pair[second]}/inside"
                    mount("event", here, "tmpfs")
                    if place.look(there) is None:
                        mount("own", there, "tmpfs")
                    if place.look(here) is None:  # cannot be: it was mounted
                        raise LcmError(f"{here} has lost its mount")
                    count = _count(there)
                    umount(here)
                    ways.append(_count(there) < count)
            table[a, b] = _way(*ways)
    return table


def _count(path: str) -> int:
    """Return how many mounts there are at ``path``, on top of each other."""
    return sum(mounted.target == path for mounted in MountTable.of())


def _way(there: bool, back: bool) -> str:
    return {(True, True): "both ways", (True, False): "A to B", (False, True): "B to A"}.get((there, back), "neither")


def binds(base: str) -> Table:
    """``mount --bind A B/b``: what the new mount is."""
    return _placed(base, lambda source, target: bind(source, target, recursive=False))


def moves(base: str) -> Table:
    """``mount --move A B/b``: what A is afterwards. A lies on a private mount: from a shared one nothing may move."""
    return _placed(base, lambda source, target: mount(source, target, flags=MS_MOVE))


def _placed(base: str, put: Callable[[str, str], None]) -> Table:
    """Return what is at ``B/b`` after ``put(A, B/b)``, for every type of A and B; ``invalid`` where it is refused."""
    table: Table = {}
    for a in TYPES:
        for b in TYPES:
            with Place(base) as place:
                source, target = place.make("a", a), f"{place.make('b', b)}/inside"
                try:
                    put(source, target)
                    table[a, b] = kind_of(place.look(target))
                except OSError:
                    table[a, b] = "invalid"
    return table


def mounts(base: str) -> Table:
    """``mount device B/b``: what the new mount is."""
    table: Table = {}
    for b in TYPES:
        with Place(base) as place:
            target = f"{place.make('b', b)}/inside"
            mount("new", target, "tmpfs")
            table["new", b] = kind_of(place.look(target))
    return table


def changes(base: str) -> Table:
    """``mount --make-…`` on a mount of each state."""
    table: Table = {}
    for state in STATES:
        for wanted in TYPES:
            with Place(base) as place:
                path = place.make("a", state)
                set_propagation(path, wanted)
                table[state, wanted] = kind_of(place.look(path))
    return table


def clones(base: str) -> Table:
    """Make a new mount namespace: what the corresponding mount is there, and of whom."""
    table: Table = {}
    for kind in TYPES:
        with Place(base) as place:
            path = place.make("a", kind)
            ours, theirs = place.look(path), _in_clone(path)
            words = kind_of_text(theirs)
            if ours is not None and ours.propagation == theirs and words in ("shared", "slave"):
                words += {"shared": ", a peer", "slave": ", of the same master"}[words]
            table["parent", kind] = words
    return table


def systemd(base: str) -> Table:
    """Mount in a namespace made below shared mounts (systemd makes ``/`` so): who sees it, by what was done first."""
    table: Table = {}
    for word in ("", "slave", "private"):
        with Place(base) as place:
            path = place.make("host", "shared")
            _in_clone(path, word, then=f"{path}/inside")
            seen = place.look(f"{path}/inside") is not None
        table["container's mount", word or "as it is"] = "appears on the host" if seen else "stays inside"
    return table


def _in_clone(path: str, change: str = "", then: str = "") -> str:
    """Return the propagation of ``path`` in a new mount namespace; ``change`` it there, and mount at ``then``."""
    reader, writer = os.pipe2(os.O_CLOEXEC)

    def child() -> None:
        unshare(CLONE_NEWNS)
        if change:
            set_propagation(path, change)
        if then:
            mount("container", then, "tmpfs")
        found = MountTable.of().at(path)
        os.write(writer, (found.propagation if found else "").encode())

    with spawn(child) as born, open(reader, "rb") as pipe:
        os.close(writer)
        text = pipe.read().decode()
        if born.wait():
            raise LcmError("a child of the playground failed; what it said is above")
    return text


def kind_of_text(propagation: str) -> str:
    """Return "shared", "slave" … for a mount's propagation text, without the numbers of the groups."""
    return " and ".join(word.partition(":")[0] for word in propagation.split(",")) or "nothing"


def compare() -> list[dict[str, object]]:
    """Measure, and return one row per cell: table, row, column, measured, document (None where it says nothing).

    And ``equal``: whether the two agree; ``known``: if not, since when a kernel is known to differ here ("": unknown).
    """
    rows: list[dict[str, object]] = []
    for name, table in measure().items():
        said = TABLES.get(name, {})
        for (one, two), value in table.items():
            told = said.get((one, two))
            differs, why = KNOWN.get((name, one, two), ("", ""))
            rows.append({"table": name, "row": one, "column": two, "measured": value, "document": told,
                         "equal": told is None or told == value, "known": why if value == differs else ""})  # fmt: skip
    return rows
