"""The tables of exercises that stand in a section's ``exercises/README.md``, made from each ``exercise.toml``.

What belongs here: exercise × facts, and exercise × where it can be done, from ``needs``. What does not: writing them
into the page (``quotes.py``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from .exercises import Exercise

#: What each place offers, by the names that courseware.needs knows. Programs can be installed everywhere.
PLACES: dict[str, frozenset[str]] = {
    "no root": frozenset({"kernel"}),
    "user namespaces": frozenset({"kernel", "userns", "overlay", "nft"}),
    "root": frozenset({"kernel", "userns", "overlay", "nft", "root", "v1", "v2"}),
    "guest": frozenset({"kernel", "userns", "overlay", "nft", "root", "v2"}),
}
#: What root alone does not give: it depends on how the machine was booted.
MACHINES = {"v1": "with cgroup v1", "v2": "with cgroup v2"}


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a Markdown table."""
    lines = [f"| {' | '.join(head)} |", "|" + "---|" * len(head)]
    lines += [f"| {' | '.join(str(cell).replace('|', chr(92) + '|') for cell in row)} |" for row in rows]
    return "\n".join(lines)


def exercise_table(exercises: Sequence[Exercise]) -> str:
    """Return the table of a section's exercises, with a link to each one's folder."""
    head = ("exercise", "role", "difficulty", "minutes", "points", "needs", "goal")
    rows = [
        (f"[{e.id}]({folder_name(e)}/README.md)", e.role, e.difficulty, e.minutes, e.points,
         ", ".join(e.needs) or "nothing", e.goal)
        for e in exercises
    ]  # fmt: skip
    return table(head, rows)


def folder_name(exercise: Exercise) -> str:
    """Return the name of the exercise's folder."""
    return str(exercise.folder).rstrip("/").rpartition("/")[2]


def where_table(exercises: Sequence[Exercise]) -> str:
    """Return the table of where each exercise can be done, and the share of points that need no root."""
    rows = [(e.id, *(where(e.needs, place) for place in PLACES)) for e in exercises]
    points = sum(e.points for e in exercises)
    free = sum(e.points for e in exercises if needs_no_root(e.needs))
    share = f"Without root: {free:g} of {points:g} points ({100 * free / points if points else 0:.0f} %)."
    return f"{table(('exercise', *PLACES), rows)}\n\n{share}"


def where(needs: Iterable[str], place: str) -> str:
    """Return whether an exercise with ``needs`` can be done in ``place``: yes, with what, or a dash."""
    wanted = {need for need in needs if not need.startswith("program:")}
    if not wanted <= PLACES[place]:
        return "–"
    machine = [text for need, text in MACHINES.items() if need in wanted and place == "root"]
    return " and ".join(machine) or "yes"


def needs_no_root(needs: Iterable[str]) -> bool:
    """Whether an ordinary user can do it, in user namespaces at most."""
    return where(needs, "user namespaces") != "–"
