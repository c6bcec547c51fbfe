"""The matrix as text: at most 100 columns, readable without colour; the reasons as numbered notes below it.

What belongs here: text. What does not: printing it (``cli/test.py``).
"""

from __future__ import annotations

import textwrap

from .model import BROKEN, ESCAPED, NOT_APPLICABLE, STOPPED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from .model import Cell, IsolationMethod, Matrix, Technique

WIDTH = 100
_PER_TABLE = 6
_FIRST, _CONTROL, _COLUMN = 17, 8, 11
_LEGEND = (
    "escaped     the canary outside was reached; the method does not promise to stop this",
    "ESCAPED!    the same, against the method's promise",
    "stopped     tried, and came to nothing; the number says by what",
    "n/a         cannot be tried here; the number says why",
    "control     a weak jail in which the technique must succeed: ok, or the detector is BROKEN",
)


def matrix_lines(matrix: Matrix) -> list[str]:
    """Return the tables, the notes, the legend and the verdict."""
    notes: dict[str, int] = {}
    lines: list[str] = []
    for start in range(0, max(1, len(matrix.methods)), _PER_TABLE):
        lines += _table(matrix, matrix.methods[start : start + _PER_TABLE], notes)
    for note, number in notes.items():
        lines += textwrap.wrap(note, WIDTH, initial_indent=f"{number:2}  ", subsequent_indent=" " * 4)
    return [*lines, "", *_LEGEND, "", *textwrap.wrap(verdict(matrix), WIDTH)]


def _table(matrix: Matrix, methods: Sequence[str], notes: dict[str, int]) -> list[str]:
    """Return one table of some methods; ``notes`` (text → number) grows."""
    upper = [name.partition("+")[0] for name in methods]
    lower = ["+" + name.partition("+")[2] if "+" in name else "" for name in methods]
    lines = [_row("technique", "control", upper), *([_row("", "", lower)] if any(lower) else [])]
    lines.append("-" * len(_row("", "", ["-" * _COLUMN] * len(methods))))
    for technique in matrix.techniques:
        control = matrix.controls.get(technique)
        words = [_word(matrix.cells[technique, method], notes) for method in methods]
        lines.append(_row(technique, _control_word(control, notes) if control else "-", words))
    return [*lines, ""]


def _row(first: str, control: str, words: Sequence[str]) -> str:
    """Return one line."""
    cells = [first.ljust(_FIRST), control.ljust(_CONTROL), *(word[:_COLUMN].ljust(_COLUMN) for word in words)]
    return " ".join(cells).rstrip() if any(words) else " ".join(cells)


def _word(cell: Cell, notes: dict[str, int]) -> str:
    """Return what a cell says, and note its reason."""
    if cell.outcome == ESCAPED:
        return "ESCAPED!" if cell.promised else "escaped"
    word = {STOPPED: "stopped", NOT_APPLICABLE: "n/a", BROKEN: "BROKEN"}[cell.outcome]
    return f"{word} {_note(cell, notes)}"


def _control_word(cell: Cell, notes: dict[str, int]) -> str:
    if cell.outcome == ESCAPED:
        return "ok"
    word = "n/a" if cell.outcome == NOT_APPLICABLE else "BROKEN"
    return f"{word} {_note(cell, notes)}"


def _note(cell: Cell, notes: dict[str, int]) -> str:
    """Return the number of the cell's reason, as text; the same reason has the same number."""
    text = cell.mechanism
    if text.startswith("RESOLVE_IN_ROOT"):  # how often somebody looked is for --explain and --json
        text = "RESOLVE_IN_ROOT: no look left the root, whatever the jail renamed"
    return str(notes.setdefault(text, len(notes) + 1))


def verdict(matrix: Matrix) -> str:
    """Return the last line: what it all means."""
    broken, escapes = matrix.broken(), matrix.against_promise()
    if broken:
        names = ", ".join(dict.fromkeys(cell.technique for cell in broken))
        return f"the detector is broken, its answers there mean nothing: {names}"
    if escapes:
        return "against the promise: " + ", ".join(f"{cell.technique} from {cell.method}" for cell in escapes)
    count = sum(cell.outcome == ESCAPED for cell in matrix.cells.values())
    return f"every method kept its promise; {count} escapes, all from methods that do not promise to stop them"


def explain_lines(technique: Technique, methods: Sequence[IsolationMethod], matrix: Matrix) -> list[str]:
    """Return what a technique is, who promises to stop it and what each cell came to."""
    lines = [f"{technique.name}: {technique.summary}", "", *textwrap.wrap(technique.about, WIDTH), ""]
    lines.append(f"control: {technique.control}" + (f"; needs {', '.join(technique.needs)}" if technique.needs else ""))
    for method in methods:
        promise = "promises to stop it" if method.promises(technique.name) else "no promise"
        cell = matrix.cells[technique.name, method.name]
        said = f"{method.name:18} {promise:20} {cell.outcome}: {cell.mechanism}"
        lines += textwrap.wrap(said, WIDTH, subsequent_indent=" " * 40)
    return lines
