"""What the kernel's Documentation/filesystems/sharedsubtree.rst says, as data.

What belongs here: its tables and sentences, cell by cell, with the section that each is from. What does not: what this
kernel really does (``measure.py``).

A state is "shared", "slave", "private", "unbindable" or "shared and slave"; "invalid" means that the call is refused.
"""

from __future__ import annotations

TYPES = ("shared", "slave", "private", "unbindable")
#: (columns of section 5a's table) what mount --make-… is asked for.
STATES = (*TYPES, "shared and slave")

Table = dict[tuple[str, str], str]

#: Where each table is from.
SECTIONS = {
    "events": "5a, states: what a mount sends and receives",
    "changes": "5a, the table of state transitions",
    "bind": "5b, bind semantics",
    "move": "5d, move semantics",
    "mount": "5e, mount semantics",
    "unmount": "5f, unmount semantics",
    "clone": "5g, clone namespace",
}


def events() -> Table:
    """(type of A, type of B) → which way a mount made below one appears below the other; both were peers of a third.

    A shared mount sends to its peers and to the slaves of its group; a slave receives and does not send; a private
    and an unbindable one do neither.
    """
    table: Table = {}
    for a in TYPES:
        for b in TYPES:
            sends, receives = _reaches(a, b), _reaches(b, a)
            ways = {(True, True): "both ways", (True, False): "A to B", (False, True): "B to A"}
            table[a, b] = ways.get((sends, receives), "neither")
    return table


def _reaches(sender: str, receiver: str) -> bool:
    return sender == "shared" and receiver in ("shared", "slave")


def _by_destination(shared: str, other: str) -> Table:
    """Return a table of 5b's and 5d's shape; each argument is its row: A shared, private, slave, unbindable."""
    rows = {"shared": shared.split("|"), **dict.fromkeys(TYPES[1:], other.split("|"))}
    order = ("shared", "private", "slave", "unbindable")
    return {(a, b): rows[b][order.index(a)].strip() for a in TYPES for b in TYPES}


#: (type of A, type of B) → type of the new mount C of ``mount --bind A/a B/b``.
BIND = _by_destination("shared|shared|shared and slave|invalid", "shared|private|slave|invalid")
#: (type of A, type of B) → type of A after ``mount --move A B/b``.
MOVE = _by_destination("shared|shared|shared and slave|invalid", "shared|private|slave|unbindable")
#: ("new", type of B) → type of the new mount of ``mount device B/b``: as a bind whose source is private.
MOUNT: Table = {("new", b): BIND["private", b] for b in TYPES}
#: (type of A, type of B) → where an unmount at A's b also unmounts what is most recently mounted at B's.
UNMOUNT = events()
#: ("parent", type of A) → what the corresponding mount of a cloned namespace is.
CLONE: Table = {
    ("parent", "shared"): "shared, a peer",
    ("parent", "slave"): "slave, of the same master",
    ("parent", "private"): "private",
    ("parent", "unbindable"): "unbindable",
}
#: (state, asked for) → state. ``shared`` is the only mount of its peer group here: a slave of nobody is private.
CHANGES: Table = {
    **{(state, "private"): "private" for state in STATES},
    **{(state, "unbindable"): "unbindable" for state in STATES},
    ("shared", "shared"): "shared",
    ("slave", "shared"): "shared and slave",
    ("shared and slave", "shared"): "shared and slave",
    ("private", "shared"): "shared",
    ("unbindable", "shared"): "shared",
    ("shared", "slave"): "private",
    ("slave", "slave"): "slave",
    ("shared and slave", "slave"): "slave",
    ("private", "slave"): "private",
    ("unbindable", "slave"): "unbindable",
}
#: Where a kernel that we have seen differs from the document: (table, row, column) → what it does, and which.
KNOWN = {
    ("clone", "parent", "unbindable"): (
        "private",
        "a newer kernel (seen: 6.18) forgets it; 6.1 does as the document says",
    ),
}
TABLES: dict[str, Table] = {
    "events": events(),
    "bind": BIND,
    "move": MOVE,
    "mount": MOUNT,
    "unmount": UNMOUNT,
    "clone": CLONE,
    "changes": CHANGES,
}
