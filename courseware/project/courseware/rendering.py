"""What a learner reads about exercises: the table of them, a report, what waits.

What belongs here: text from values; pure, but for the look at whether an answer was started. What does not: running.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .exercises.verdicts import GRADER_ERROR, PASS, TODO, tidy
from .exercises.workplace import answer_folder
from .explain import remedy_line
from .screen import filled, indented, width

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .exercises import Exercise, Report, TestResult
    from .progress import Progress

#: How many lines of the submission's output are shown below a test.
TAIL = 12
INDENT = 8
#: From how many characters on a message without output is not told twice.
LONG = 200
#: A header of the table where it is not the field's own name.
HEADERS = {"difficulty": "level", "minutes": "min"}
LEGEND = "thread: a step of mybox, your own container runtime, which grows from section to section"


# ---- the table ------------------------------------------------------------------------------------------------------


def state(clone: str, exercise: Exercise, progress: Progress) -> str:
    """Return where the learner is with ``exercise``, in words."""
    record = progress.of(exercise.id)
    if record["passed"]:
        return "passed, started again" if record["again"] else "passed"
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
    """Return the table that a person reads. Where it is too wide, the state has a line of its own."""
    names = ("id", "role", "difficulty", "minutes", "points", "needs", "state")
    cells = [tuple(HEADERS.get(name, name) for name in names)]
    cells += [tuple(_cell(entry[name]) for name in names) for entry in entries]
    widths = [max(len(row[n]) for row in cells) for n in range(len(names))]
    if sum(widths) + 2 * len(widths) - 2 > width():
        widths = widths[:-1]
    lines = []
    for number, row in enumerate(cells):
        lines.append("  ".join(c.ljust(w) for c, w in zip(row, widths, strict=False)).rstrip())
        if len(widths) < len(row) and number and row[-1] != "-":
            lines.append(f"    {row[-1]}")
    if any(entry["role"] == "thread" for entry in entries):
        lines += ["", filled(LEGEND, rest=" " * len("thread: "))]
    return "\n".join(lines)


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
    """Return what ``ex check`` prints. Files of the answer bear the learner's path."""
    lines: list[str] = []
    advised: set[str] = set()
    told: dict[tuple[str, str], str] = {}  # message and output → the test that told it first
    tails: set[str] = set()
    for test in report.tests:
        first = told.setdefault((test.message, test.tail), test.name)
        if test.verdict != PASS and (test.tail or len(test.message) > LONG) and first != test.name:
            lines += [_head(test), *indented(f"the same as {first} above", INDENT)]
            continue
        lines += _test(test)
        lines += _advice(clone, test, advised)
        lines += indented("its output: as above", INDENT) if test.tail in tails else _output(test)
        tails |= {test.tail} if test.tail and test.verdict != PASS else set()
    worth = open_points(report)
    points = f"{report.points:g} of {worth:g} points"
    if is_full(report):
        lines += ["", f"passed: {points}"]
    else:
        lines += ["", f"{exercise.id}: {'partly' if report.verdict == PASS else report.verdict}, {points}"]
    if report.hidden_waiting:
        one = report.hidden_waiting == 1
        more = "1 more test asks" if one else f"{report.hidden_waiting} more tests ask"
        wait = "it waits" if one else "they wait"
        lines.append(filled(f"{more} the same with other names and numbers; {wait} for a grader, not for you"))
    elif report.all_passed:
        lines.append("all passed")
    return "\n".join(lines).lstrip("\n").replace("<submission>", f"work/{exercise.id}")


def _head(test: TestResult) -> str:
    part = f"  [{test.part}]" if test.part else ""
    verdict = f"({PASS})" if counts_later(test) else test.verdict
    return filled(f"{test.name}{part}", f"{verdict:<13} {test.got:>4g}/{test.points:<4g} ")


def counts_later(test: TestResult) -> bool:
    """Whether ``test`` has passed and got nothing: its points wait for another test, which its message names."""
    return test.verdict == PASS and test.got == 0 < test.points


def _test(test: TestResult) -> list[str]:
    lines = _head(test).splitlines()
    partly = test.verdict == PASS and test.got < test.points
    if test.message:
        lead = "no points yet: it " if counts_later(test) else "partly: " if partly else ""
        lines += indented(printable(lead + test.message, lines=True), INDENT)
    return lines


def _advice(clone: str, test: TestResult, advised: set[str]) -> list[str]:
    """Return where to read on; nothing about what is not written yet, or cannot pass before another test does.

    ``advised``: the ids whose remedy stands above already; this one is added.
    """
    if test.after:
        return indented(f"it builds on {test.after}, which does not pass yet: first that one", INDENT)
    if test.verdict == GRADER_ERROR:
        return indented("this is not your answer's fault: check again, and if it stays, tell the course", INDENT)
    if not test.explain or test.verdict in (PASS, TODO):
        return []
    if test.explain in advised:
        return indented(f"{test.explain}: see above", INDENT)
    advised.add(test.explain)
    lead = " " * INDENT
    return filled(f"see ./course explain {remedy_line(clone, test.explain)}", lead, lead).splitlines()


def _output(test: TestResult) -> list[str]:
    """Return the end of what the answer wrote, as it wrote it: these lines are not wrapped."""
    if not test.tail or test.verdict == PASS:
        return []
    shown = test.tail.rstrip("\n").splitlines()
    cut = f" (the last {TAIL} lines)" if len(shown) > TAIL else ""
    lead = " " * INDENT
    return [f"{lead}its output{cut}:", *(f"{lead}| {printable(line)}" for line in shown[-TAIL:])]


def printable(text: str, *, lines: bool = False) -> str:
    """Return ``text`` with control characters shown, not sent: a submission's output may not drive the terminal.

    ``lines``: line feeds stay.
    """
    keep = "\t\n" if lines else "\t"
    return "".join(c if c.isprintable() or c in keep else repr(c)[1:-1] for c in text)
