"""Who is below whom: user namespaces with what each owns, pid namespaces; and how such a tree is drawn.

What belongs here: trees of what a survey found. What does not: what is said of one namespace (``rows.py``).
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

    from .model import Found, Survey

#: Before a node, before the last one, and below each of the two.
LINES = ("├─ ", "└─ ", "│  ", "   ")
ASCII = ("|- ", "`- ", "|  ", "   ")


class Node:
    """A namespace in a tree: ``below`` are its children, ``owned`` the namespaces of other kinds that it owns."""

    __slots__ = ("below", "owned", "space")

    def __init__(self, space: Found) -> None:
        self.space = space
        self.below: list[Node] = []
        self.owned: list[Node] = []


def grow(survey: Survey, kind: str, *, owned: bool = False) -> list[Node]:
    """Return the trees of the namespaces of ``kind`` ("user" or "pid"); with ``owned`` what they own hangs on them.

    A root has no parent, or one that we may not see.
    """
    nodes = {space.inode: Node(space) for space in survey if space.kind == kind}
    roots: list[Node] = []
    for node in nodes.values():
        parent = nodes.get(node.space.parent or 0)
        (roots if parent is None else parent.below).append(node)
    for space in survey if owned else ():
        owner = nodes.get(space.owner or 0)
        if owner is not None and space.kind != kind:
            owner.owned.append(Node(space))
    return roots


def orphans(survey: Survey) -> list[Found]:
    """Return the namespaces, user namespaces apart, whose owner is not to be seen from here."""
    return [space for space in survey if space.kind != "user" and space.owner not in survey.spaces]


def nested(node: Node, row: Callable[[Found], dict[str, Any]]) -> dict[str, Any]:
    """Return a tree as nested rows: ``children`` and ``owned`` are rows themselves."""
    return {
        **row(node.space),
        "children": [nested(child, row) for child in node.below],
        "owned": [nested(child, row) for child in node.owned],
    }


def draw(node: Node, text: Callable[[Found], str], art: tuple[str, ...]) -> Iterator[str]:
    """Yield the lines of a tree: first what a namespace owns, then those below it."""
    yield text(node.space)
    branches = [*node.owned, *node.below]
    for number, child in enumerate(branches, 1):
        last = number == len(branches)
        lead, indent = art[last], art[2 + last]
        for line in draw(child, text, art):
            yield lead + line
            lead = indent
