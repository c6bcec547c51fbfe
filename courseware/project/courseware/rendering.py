"""What a learner reads about exercises: the table of them, a report, what waits.

What belongs here: text from values; pure, but for the look at whether an answer was started. What does not: running.
"""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

from .exercises.verdicts import PASS, tidy
from .exercises.workplace import answer_folder
from .explain import remedy_line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .exercises import Exercise, Report, TestResult
    from .progress import Progress

WIDTH = 110
#: How many lines of the submission's output are shown below a test.
TAIL = 12


# ---- the table ------------------------------------------------------------------------------------------------------


def state(clone: str, exercise: Exercise, progress: Progress) -> str:
    """Return where the learner is with ``exercise``, in words."""
    record = progress.of(exercise.id)
    if record["passed"]:
        return "passed"
    if record["tries"]:
        return f"{record['points']:g} of {record['of']:g} points"
    return "started" if answer_folder(clone, exercise).is_dir() else "-"


def rows(clone: str, exercises: Sequence[Exercise], progress: Progress) -> list[dict[str, Any]]:
    """Return a dictionary per exercise: what ``ex list --json`` prints."""
    return [
        {
            "id": e.id, "section": e.section, "role": e.role, "difficulty": e.difficulty, "minutes": e.minutes,
            "points": e.points, "needs": list(e.needs), "state": state(clone, e, progress), "title": e.title,
            "goal": e.goal, "hints_opened": progress.of(e.id)["hints"], "hints": len(e.hints),
            "passed": progress.passed(e.id), "requires": list(e.requires),
        }
        for e in exercises
    ]  # fmt: skip


def table(entries: Sequence[dict[str, Any]]) -> str:
    """Return the table that a person reads."""
    names = ("id", "role", "difficulty", "minutes", "points", "needs", "state")
    cells = [names, *(tuple(_cell(entry[name]) for name in names) for entry in entries)]
    widths = [max(len(row[n]) for row in cells) for n in range(len(names))]
    return "\n".join("  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip() for row in cells)


def _cell(value: object) -> str:
    return ", ".join(value) or "-" if isinstance(value, list) else str(value)


# ---- a report -------------------------------------------------------------------------------------------------------


def is_full(report: Report) -> bool:
    """Whether every test that ran passed and scored in full (hidden ones may wait)."""
    return bool(report.tests) and all(t.verdict == PASS and t.got >= t.points for t in report.tests)


def open_points(report: Report) -> float:
    """Return what the tests that ran are worth."""
    return tidy(sum(test.points for test in report.tests))


def render_report(clone: str, exercise: Exercise, report: Report) -> str:
    """Return what ``ex check`` prints."""
    lines: list[str] = []
    for test in report.tests:
        lines += _test(clone, test)
    worth = open_points(report)
    rest = "" if worth >= report.of else f" ({report.of:g} in all)"
    lines += ["", f"{exercise.id}: {report.verdict}, {report.points:g} of {worth:g} points{rest}"]
    if report.hidden_waiting:
        one = report.hidden_waiting == 1
        tests = "1 hidden test waits; it runs" if one else f"{report.hidden_waiting} hidden tests wait; they run"
        lines.append(f"{tests} with --hidden only, for the author, and in ./course verify")
    elif report.all_passed:
        lines.append("all passed")
    return "\n".join(lines).lstrip("\n")


def _test(clone: str, test: TestResult) -> list[str]:
    part = f"  [{test.part}]" if test.part else ""
    lines = [f"{test.verdict:<13} {test.got:>4g}/{test.points:<4g} {test.name}{part}"]
    if test.message and test.verdict != PASS:
        lines += _indented(test.message)
    elif test.message:
        lines += _indented(f"partly: {test.message}" if test.got < test.points else test.message)
    if test.explain and test.verdict != PASS:
        lines += _indented(f"see ./course explain {remedy_line(clone, test.explain)}")
    if test.tail and test.verdict != PASS:
        shown = test.tail.rstrip("\n").splitlines()
        cut = f" (the last {TAIL} lines)" if len(shown) > TAIL else ""
        lines.append(f"{'':8}its output{cut}:")
        lines += [f"{'':8}| {printable(line)}" for line in shown[-TAIL:]]
    return lines


def _indented(text: str) -> list[str]:
    lines: list[str] = []
    for line in text.rstrip().splitlines():
        lines += textwrap.wrap(printable(line), WIDTH - 8, replace_whitespace=False, drop_whitespace=False) or [""]
    return [f"{'':8}{line}".rstrip() for line in lines]


def printable(text: str) -> str:
    """Return ``text`` with control characters shown, not sent: a submission's output may not drive the terminal."""
    return "".join(c if c.isprintable() or c == "\t" else repr(c)[1:-1] for c in text)
