"""The proof that an exercise is right, finding by finding: ``./course verify``.

What belongs here: what must hold of one exercise. What does not: which exercises, printing (``courseware.proving``),
and what must hold of a section's exercises together (``exercises/together.py``).

The runs, for an exercise with M mutants: the starter once; the solution with three seeds, each twice, the second time
shuffled, and the two reports must be byte-equal; each mutant once. That is 7 + M starts of pytest; they mostly wait
for processes, so several are under way at a time.
"""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from courseware.holding import temporary_folder

from .checking import check, unmet
from .leftover import left_behind, look_around
from .model import ExerciseError
from .pages import check_pages
from .submission import write_mutant
from .verdicts import GRADER_ERROR, PASS, TODO, tidy

if TYPE_CHECKING:
    from collections.abc import Iterator
    from concurrent.futures import Future

    from .model import Exercise, Mutant
    from .verdicts import Report

SEEDS = (1, 2, 3)
#: Runs at a time, each in a process of its own.
AT_ONCE = 6


class Finding(NamedTuple):
    """One thing that was looked at: whether it holds, and what was seen."""

    ok: bool
    text: str


def verify(exercise: Exercise) -> list[str]:
    """Return what is wrong with ``exercise``; empty: proven."""
    return [finding.text for finding in prove(exercise) if not finding.ok]


def prove(exercise: Exercise) -> Iterator[Finding]:
    """Yield every finding about ``exercise``, as it is made."""
    problems, seen = check_pages(exercise)
    yield from (Finding(False, problem) for problem in problems)
    if not problems:
        yield Finding(True, f"pages: {seen}")
    reasons = unmet(exercise)
    if reasons:
        yield Finding(False, f"no test ran: {'; '.join(reasons)}")
        return
    before = look_around(exercise)
    try:
        yield from _runs(exercise)
    except ExerciseError as error:
        yield Finding(False, f"no further test ran: {error}")
    left = left_behind(before, exercise)
    yield from (Finding(False, line) for line in left)
    if not left:
        yield Finding(True, "nothing left behind: mounts, namespaces, cgroups, links, rules, processes, files")


def _runs(exercise: Exercise) -> Iterator[Finding]:
    """Yield what the runs show. Raises ExerciseError for what cannot be run."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        try:
            runs = Runs(pool, exercise)
            yield _starter(exercise, runs.starter.result())
            reference, finding = _solution(exercise, runs)
            yield finding
            if reference is not None:
                yield from _grading(exercise, reference)
                yield from _mutants(exercise, reference, runs)
        finally:
            pool.shutdown(cancel_futures=True)


class Runs:
    """Everything that is run for one exercise, begun at once, taken in order."""

    def __init__(self, pool: ThreadPoolExecutor, exercise: Exercise) -> None:
        def begin(submission: Path, seed: int, *, shuffle: bool = False) -> Future[Report]:
            return pool.submit(check, exercise, submission, seed=seed, hidden=True, shuffle=shuffle)

        self.starter = begin(exercise.starter, SEEDS[0])
        self.solution = [
            (seed, begin(exercise.solution, seed), begin(exercise.solution, seed, shuffle=True)) for seed in SEEDS
        ]
        self.mutants = {mutant.name: pool.submit(judge_mutant, exercise, mutant) for mutant in exercise.mutants}


def judge_mutant(exercise: Exercise, mutant: Mutant) -> Report:
    """Return what all tests say to ``mutant``. Raises ExerciseError: it cannot be run."""
    with temporary_folder("lcm-mutant-") as folder:
        answer = write_mutant(exercise, mutant, Path(folder, "answer"))
        return check(exercise, answer, seed=SEEDS[0], hidden=True)


# ---- starter and solution -------------------------------------------------------------------------------------------


def _starter(exercise: Exercise, report: Report) -> Finding:
    if report.verdict == TODO and report.points == 0:
        return Finding(True, f"starter: {TODO}, 0 of {exercise.points} points")
    culprits = [f"{t.name} {t.verdict} {t.got:g}" for t in report.tests if t.verdict != TODO or t.got]
    return Finding(
        False, f"starter: {report.verdict}, {report.points:g} points, not {TODO} and 0: {', '.join(culprits)}"
    )


def _solution(exercise: Exercise, runs: Runs) -> tuple[Report | None, Finding]:
    """Return a report of the solution, unless it is not all right, and the finding."""
    reference = None
    for seed, straight, shuffled in runs.solution:
        first = straight.result()
        if not first.all_passed:
            return None, Finding(False, f"solution, seed {seed}: {_why(first)}")
        second = shuffled.result()
        if _bytes(first) != _bytes(second):
            return None, Finding(False, f"solution, seed {seed}: shuffled, it is another: {_difference(first, second)}")
        reference = reference or first
    seeds = ", ".join(map(str, SEEDS))
    text = f"solution: {exercise.points} of {exercise.points} points with seeds {seeds}; shuffled, the same bytes"
    return reference, Finding(True, text)


def _why(report: Report) -> str:
    bad = [f"{t.name}: {t.verdict} {t.got:g}/{t.points:g} {t.message}".strip() for t in report.tests
           if t.verdict != PASS or t.got < t.points]  # fmt: skip
    total = tidy(sum(test.points for test in report.tests))
    if total != report.of:
        bad.append(f"the tests' points add up to {total:g}, exercise.toml says {report.of:g}")
    elif report.hidden_waiting:
        bad.append(f"hidden tests that did not run: {report.hidden_waiting}")
    return f"{report.points:g} of {report.of:g} points; {'; '.join(bad) or 'no test ran'}"


def _bytes(report: Report) -> bytes:
    return json.dumps(report.as_dict(), sort_keys=True).encode()


def _difference(first: Report, second: Report) -> str:
    names = [t.name for t in first.tests]
    if names != [t.name for t in second.tests]:
        return f"tests {names} and {[t.name for t in second.tests]}"
    pairs = zip(first.tests, second.tests, strict=True)
    different = [f"{a.name} ({a.verdict} {a.message!r}, {b.verdict} {b.message!r})" for a, b in pairs if a != b]
    return ", ".join(different) or f"{first.verdict} {first.points:g}, {second.verdict} {second.points:g}"


def _grading(exercise: Exercise, reference: Report) -> Iterator[Finding]:
    """Yield what is wrong with points and parts; the solution's report knows every test."""
    worthless = [test.name for test in reference.tests if test.points <= 0]
    if worthless:
        yield Finding(False, f"points: {', '.join(worthless)} has none")
    parts = {test.part for test in reference.tests if test.part}
    if exercise.difficulty >= 3 and len(parts) < 2:
        yield Finding(
            False, f"parts: difficulty {exercise.difficulty} wants two separately scored steps, not {len(parts)}"
        )


# ---- mutants --------------------------------------------------------------------------------------------------------


def _mutants(exercise: Exercise, reference: Report, runs: Runs) -> Iterator[Finding]:
    from courseware.explain import blocks

    known = blocks(str(clone_of(exercise)))
    names = {test.name for test in reference.tests}
    killers: set[str] = set()
    for mutant in exercise.mutants:
        unknown = sorted({*mutant.fails, *mutant.passes} - names - {_base(name) for name in names})
        if unknown:
            yield Finding(False, f"mutant {mutant.name}: there is no test {', '.join(unknown)}")
            continue
        report = runs.mutants[mutant.name].result()
        failing = {test.name for test in report.tests if test.verdict != PASS}
        for test in (test for test in report.tests if test.explain and test.name in failing - killers):
            if test.explain not in known:
                yield Finding(False, f"{test.name}: explains {test.explain}, which no section knows")
            elif known[test.explain].section > exercise.section:
                yield Finding(False, f"{test.name}: explains {test.explain}, which a later section teaches")
        killers |= failing
        yield _mutant(mutant, report, failing)
    idle = [test.name for test in reference.tests if test.name not in killers]
    if idle:
        yield Finding(False, f"no mutant is killed by {', '.join(idle)}")
    else:
        yield Finding(True, f"each of {len(names)} tests kills one of {len(exercise.mutants)} mutants")


def _mutant(mutant: Mutant, report: Report, failing: set[str]) -> Finding:
    """Return whether exactly the named tests fail, and show the mutant's stumbling block."""
    where = f"mutant {mutant.name}"
    broken = [test for test in report.tests if test.verdict == GRADER_ERROR]
    if broken:
        return Finding(False, f"{where}: {broken[0].name}: {GRADER_ERROR}: {broken[0].message}")
    expected = {name for name in (t.name for t in report.tests) if name in mutant.fails or _base(name) in mutant.fails}
    also = sorted(name for name in failing - expected)
    if also:
        messages = {test.name: test.message for test in report.tests}
        return Finding(False, f"{where}: {', '.join(also)} fails as well: {messages[also[0]]}")
    missing = sorted(name for name in mutant.fails if not any(name in (f, _base(f)) for f in failing))
    if missing:
        return Finding(False, f"{where}: {', '.join(missing)} {'does' if len(missing) == 1 else 'do'} not fail")
    if mutant.id and not any(test.explain == mutant.id for test in report.tests if test.name in failing):
        shown = sorted({test.explain for test in report.tests if test.name in failing and test.explain}) or ["nothing"]
        return Finding(False, f"{where}: no failing test explains {mutant.id}, but {', '.join(shown)}")
    return Finding(True, f"{where}: fails {', '.join(sorted(mutant.fails))}, shows {mutant.id or 'no block'}")


def _base(name: str) -> str:
    """Return a test's name without its parameters: ``test_x[3]`` is ``test_x``."""
    return name.partition("[")[0]


def clone_of(exercise: Exercise) -> Path:
    """Return the clone that ``exercise`` stands in: ``CLONE/sectionNN_name/exercises/NAME``."""
    return exercise.folder.parents[2]
