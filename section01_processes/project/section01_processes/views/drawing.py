"""The process tree as lines of text, and as a graph for graphviz.

What belongs here: one picture and how its pieces hang together. What does not: taking it (``core/tree.py``), the
pieces (``views/labels.py``), several pictures in a row (``views/watching.py``).

Lines are built by hand and not by rich.tree: ten thousand processes must be drawn in a fraction of a second, and
rich's own objects cost several.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from ..core.stat import ProcessStat
    from ..core.tree import ProcessTree

    Text = Callable[[ProcessStat], str]
    Texts = Callable[[ProcessStat], list[str]]

#: (a child, the last child, below a child, below the last child)
LINES = ("├─ ", "└─ ", "│  ", "   ")
ASCII_LINES = ("|- ", "`- ", "|  ", "   ")
#: Here the drawing stops moving to the right: a chain of ten thousand would be a picture of blanks.
DEEPEST = 64


def roots(picture: ProcessTree, pid: int = 0) -> list[int]:
    """Return whose trees are drawn: that of ``pid``, or all whose parent is not in the picture.

    These are PID 1, kthreadd, and who joined the pid namespace from outside.
    """
    if pid in picture.processes:
        return [pid]
    return [pid for pid in sorted(picture.processes) if picture.processes[pid].ppid not in picture.processes]


def draw(
    picture: ProcessTree, pids: Iterable[int], text: Text, threads: Texts, *, line_art: bool = True
) -> Iterator[tuple[int, str]]:
    """Yield ``(pid, line)`` for the trees of ``pids``, parents first; the lines of threads have the pid 0.

    ``text`` gives what is said about a process, ``threads`` about each of its further threads.
    """
    child, last, under, under_last = LINES if line_art else ASCII_LINES
    # What is still to be drawn: its pid, what stands before its text, what stands before its children's, its depth.
    waiting: list[tuple[int, str, str, int]] = [(pid, "", "", 0) for pid in pids][::-1]
    while waiting:
        pid, head, margin, depth = waiting.pop()
        stat = picture.processes[pid]
        yield pid, head + text(stat)
        kids = picture.children.get(pid, [])
        leaves = threads(stat)
        for number, leaf in enumerate(leaves, 1):
            yield 0, margin + (child if kids or number < len(leaves) else last) + leaf
        if depth >= DEEPEST:
            waiting += [(kid, f"{margin}{depth + 1} deep: ", margin, depth + 1) for kid in reversed(kids)]
        elif kids:
            waiting.append((kids[-1], margin + last, margin + under_last, depth + 1))
            waiting += [(kid, margin + child, margin + under, depth + 1) for kid in reversed(kids[:-1])]


def draw_dot(picture: ProcessTree, pids: Iterable[int], text: Text, threads: Texts) -> Iterator[str]:
    """Yield the lines of a graph in graphviz's language: a box per process, an arrow from parent to child."""
    yield "digraph processes {"
    yield "  rankdir=LR;"
    yield "  node [shape=box, fontname=monospace];"
    for root in pids:
        for _, stat in picture.walk(root):
            yield f"  p{stat.pid} [label={dot_string(text(stat))}];"
            for number, leaf in enumerate(threads(stat), 1):
                yield f"  p{stat.pid}_{number} [label={dot_string(leaf)}, style=dashed];"
                yield f"  p{stat.pid} -> p{stat.pid}_{number} [style=dashed];"
            for kid in picture.children.get(stat.pid, ()):
                yield f"  p{stat.pid} -> p{kid};"
    yield "}"


def dot_string(text: str) -> str:
    """Return ``text`` as a quoted string of the DOT language; a backslash would begin an escape of a label's own."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
