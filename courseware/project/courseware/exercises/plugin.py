"""The pytest plugin for exercises: options, fixtures, scores, the report.

``pytest section01_processes/exercises --submission DIR`` judges an answer, ``--solutions`` the reference solutions. A
test belongs to an exercise when it stands in the folder ``tests`` beside an ``exercise.toml``.

What belongs here: pytest's hooks. What does not: what an outcome means (``judge.py``).
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from courseware import needs

from .box import Box
from .catalogue import exercise_folder
from .judge import NOTHING_RAN, judge
from .model import Exercise, ExerciseError
from .nonce import Nonce
from .place import Place
from .submission import read_submission
from .verdicts import GRADER_ERROR, PASS, TODO, Report, TestResult, report_text, tidy

HIDDEN_FILE = "test_hidden.py"


@dataclass
class Run:
    """One exercise in this pytest run. ``order``: the names of the tests as they are defined; ``after``: by name."""

    exercise: Exercise
    submission: Path
    order: list[str] = field(default_factory=list)
    results: dict[str, TestResult] = field(default_factory=dict)
    after: dict[str, tuple[str, ...]] = field(default_factory=dict)
    waiting: int = 0
    waiting_points: float = 0


RUNS: pytest.StashKey[dict[Path, Run]] = pytest.StashKey()
RUN: pytest.StashKey[Run] = pytest.StashKey()
SEED: pytest.StashKey[int] = pytest.StashKey()
BOX: pytest.StashKey[Box] = pytest.StashKey()
AWARD: pytest.StashKey[tuple[float, str]] = pytest.StashKey()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options of exercises."""
    group = parser.getgroup("exercises")
    group.addoption(
        "--submission", metavar="DIR", help="judge this answer: a folder, or one that has a folder per exercise"
    )
    group.addoption("--solutions", action="store_true", help="judge the reference solutions")
    group.addoption("--seed", type=int, metavar="N", help="where a test's random inputs come from (default: a new one)")
    group.addoption("--report", metavar="FILE", help="write verdicts and points, as JSON")
    group.addoption("--hidden", action="store_true", help="also the hidden tests")
    group.addoption("--sandbox", action="store_true", help="run the answer in the sandbox, also where it needs none")
    group.addoption("--shuffle", type=int, metavar="SEED", help="run the tests in a random order")


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker; choose the seed."""
    config.addinivalue_line("markers", "points(n, part, explain, after): what a test of an exercise is worth")
    given = config.getoption("--seed")
    config.stash[SEED] = random.SystemRandom().randrange(2**31) if given is None else given
    config.stash[RUNS] = {}


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Give each test its exercise; put hidden tests behind, or away; shuffle."""
    mine = [item for item in items if exercise_folder(item.path)]
    if not mine:
        return
    if not (config.getoption("--submission") or config.getoption("--solutions")):
        raise pytest.UsageError(
            f"{mine[0].path}: tests of an exercise judge an answer: give --submission DIR, or --solutions"
        )
    others = [item for item in items if not exercise_folder(item.path)]
    mine.sort(key=lambda item: (item.path.parent, item.path.name == HIDDEN_FILE))  # stable: as they are defined
    away = []
    try:
        for item in mine:
            run = item.stash[RUN] = _run_of(config, item)
            if item.path.name == HIDDEN_FILE and not config.getoption("--hidden"):
                run.waiting += 1
                run.waiting_points += _points(item)[0]
                away.append(item)
            else:
                _note(run, item)
    except ExerciseError as error:
        raise pytest.UsageError(str(error)) from error
    keep = [item for item in mine if item not in away]
    if config.getoption("--shuffle") is not None:
        random.Random(config.getoption("--shuffle")).shuffle(keep)
    if away:
        config.hook.pytest_deselected(items=away)
    items[:] = [*others, *keep]


def _run_of(config: pytest.Config, item: pytest.Item) -> Run:
    """Return the run of the exercise that ``item`` belongs to. Raises ExerciseError if the submission is not right."""
    folder = exercise_folder(item.path)
    assert folder is not None
    runs = config.stash[RUNS]
    if folder not in runs:
        exercise = Exercise.read(folder)
        submission = exercise.solution
        if config.getoption("--submission"):
            given = Path(config.getoption("--submission"))
            named = [given / exercise.id, given / folder.name]
            submission = next((path for path in named if path.is_dir()), given)
        read_submission(exercise, submission)
        runs[folder] = Run(exercise, submission.absolute())
    return runs[folder]


def _points(item: pytest.Item) -> tuple[float, str, str, tuple[str, ...]]:
    """Return points, part, explain and after of a test. Raises ExerciseError if it has no ``points``."""
    mark = item.get_closest_marker("points")
    if mark is None:
        raise ExerciseError(f"{item.path}: {item.name}: says no points", hint="put @points(n) above it")
    return mark.args[0], mark.kwargs["part"], mark.kwargs["explain"], mark.kwargs["after"]


def _note(run: Run, item: pytest.Item) -> None:
    """Note a test that will run; until it has, it is a grader's error."""
    if item.name in run.results:
        raise ExerciseError(f"{item.path}: {item.name}: there are two tests of this name", hint="rename one")
    points, part, explain, after = _points(item)
    run.order.append(item.name)
    run.after[item.name] = after
    run.results[item.name] = TestResult(item.name, part, points, 0, GRADER_ERROR, "the test did not run", explain, "")


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip a test whose exercise needs what this machine has not."""
    run = item.stash.get(RUN, None)
    for need in run.exercise.needs if run else ():
        reason = needs.missing(need)
        if reason:
            pytest.skip(f"not runnable here: {reason}")


def place_of(exercise: Exercise, submission: Path, *, sandbox: bool) -> Place:
    """Return a new place for ``submission``: the sandbox if it is asked for or the exercise needs something."""
    if sandbox or exercise.needs:
        from .sandbox import SandboxPlace

        return SandboxPlace(exercise, submission)
    from .plain import PlainPlace

    return PlainPlace(exercise, submission)


@pytest.fixture
def box(request: pytest.FixtureRequest) -> Iterator[Box]:
    """Return the only way to the submission; at the end everything that it started is killed and waited for."""
    run = request.node.stash[RUN]
    sandbox = request.config.getoption("--sandbox")
    value = Box(run.exercise, lambda: place_of(run.exercise, run.submission, sandbox=sandbox))
    request.node.stash[BOX] = value
    yield value
    value.close()


@pytest.fixture
def nonce(request: pytest.FixtureRequest) -> Nonce:
    """Return this test's source of random inputs."""
    return Nonce(request.config.stash[SEED], request.node.stash[RUN].exercise.id, request.node.name)


@pytest.fixture
def award(request: pytest.FixtureRequest) -> Callable[[float, str], None]:
    """Return a function that gives the test, if it passes, a fraction of its points only, and says why."""

    def give(fraction: float, why: str) -> None:
        if not 0 <= fraction <= 1:
            raise ValueError(f"award({fraction}): a fraction is from 0 to 1")
        request.node.stash[AWARD] = (fraction, why)

    return give


#: How a failed assertion names another stumbling block than its test's ``explain``: at the end of a sentence.
NAMED = re.compile(r"[,:]? see \./course explain (LCM-[A-Z]+-[0-9]+)\b")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Judge the test, and let pytest show the verdict."""
    report = yield
    run = item.stash.get(RUN, None)
    if run is None:
        return report
    error = call.excinfo.value if call.excinfo else None
    if call.when == "call":
        result = _judged(item, run.results[item.name], error)
    elif error is not None:
        text = str(error).strip() or type(error).__name__
        result = replace(run.results[item.name], got=0, verdict=GRADER_ERROR, message=f"{call.when}: {text}")
    else:
        return report
    run.results[item.name] = result
    if result.verdict not in (PASS, GRADER_ERROR):
        report.outcome = "failed"
        report.longrepr = "\n".join(_lines(result))
    return report


def _judged(item: pytest.Item, blank: TestResult, error: BaseException | None) -> TestResult:
    verdict, message, tail = judge(item.stash.get(BOX, None), error, pytest.fail.Exception)
    if verdict != PASS:
        named = NAMED.search(message)
        explain = named[1] if named else "" if message.endswith(NOTHING_RAN) else blank.explain
        return replace(blank, verdict=verdict, message=NAMED.sub("", message), tail=tail, explain=explain)
    fraction, why = item.stash.get(AWARD, (1.0, ""))
    return replace(blank, got=tidy(blank.points * fraction), verdict=PASS, message=why, explain="")


def _lines(result: TestResult) -> list[str]:
    """Return what a learner reads about a test that did not pass."""
    lines = [f"{result.verdict} · {tidy(result.got)} of {tidy(result.points)} points · {result.name}", result.message]
    if result.explain and result.verdict != TODO:
        lines.append(f"see ./course explain {result.explain}")
    return [*lines, *result.tail.splitlines()]


def reports(config: pytest.Config) -> list[Report]:
    """Return the reports of this run, one per exercise."""
    found = []
    for run in config.stash[RUNS].values():
        exercise = run.exercise
        missing = exercise.points - run.waiting_points - sum(run.results[name].points for name in run.order)
        waiting = run.waiting or int(missing > 0)  # a learner's bundle has no hidden tests; some wait elsewhere
        tests = [_scored(run, name) for name in run.order]
        found.append(Report.of_tests(exercise.id, config.stash[SEED], exercise.points, tests, waiting))
    return found


def _scored(run: Run, name: str) -> TestResult:
    """Return the result of ``name``, without points if a test that it builds on has not passed."""
    result = run.results[name]
    for first in run.after[name]:
        if first not in run.results:
            return replace(result, got=0, verdict=GRADER_ERROR, message=f"after: there is no test {first}")
        if result.verdict == PASS and run.results[first].verdict != PASS:
            why = f"scores only when {first} passes ({run.results[first].verdict})"
            return replace(result, got=0, message=why)
        if run.results[first].verdict != PASS:
            return replace(result, after=first)
    return result


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Write the report."""
    path = session.config.getoption("--report")
    if path and session.config.stash[RUNS]:
        Path(path).write_text(report_text(reports(session.config)), encoding="utf-8")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Print one line per exercise, and the seed."""
    found = reports(config)
    if not found:
        return
    terminalreporter.section("exercises")
    for report in found:
        line = f"{report.exercise}: {report.verdict}, {report.points} of {report.of} points"
        if report.hidden_waiting:
            line += f"; hidden tests wait: {report.hidden_waiting}"
        terminalreporter.line(line)
        for test in report.tests:
            if test.verdict == PASS and test.message:
                terminalreporter.line(f"  {test.name}: {tidy(test.got)} of {tidy(test.points)}: {test.message}")
    terminalreporter.line(f"the same inputs again: --seed {config.stash[SEED]}")
