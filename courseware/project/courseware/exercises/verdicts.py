"""What a test of an answer can end with, and the report of all of them. Pure: no process, no file but the report.

What belongs here: names, their order, the report as data. What does not: how a verdict is found (``judge.py``).
"""

from __future__ import annotations

import json
import signal
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any

TODO_STATUS = 100  # lab.TODO_STATUS
PASS, FAIL, TODO, TIMEOUT, OOM = "PASS", "FAIL", "TODO", "TIMEOUT", "OOM"
OUTPUT_LIMIT, CRASH, GRADER_ERROR = "OUTPUT-LIMIT", "CRASH", "GRADER-ERROR"
KILLED = "KILLED"

# From best to worst; an exercise has the worst verdict of its tests. A part not written yet is better than a wrong one.
SEVERITY = (PASS, TODO, FAIL, OUTPUT_LIMIT, TIMEOUT, OOM, KILLED, CRASH, GRADER_ERROR)
_PLACES = {verdict: place for place, verdict in enumerate(SEVERITY)}


def killed(number: int) -> str:
    """Return the verdict for a submission that signal ``number`` ended: ``KILLED(SIGSEGV)``."""
    try:
        return f"{KILLED}({signal.Signals(number).name})"
    except ValueError:  # a real-time signal
        return f"{KILLED}({number})"


def severity(verdict: str) -> int:
    """Return the place of ``verdict`` in SEVERITY, 0 for the best. Raises KeyError for what is no verdict."""
    return _PLACES[verdict.partition("(")[0]]


def worst(verdicts: Iterable[str]) -> str:
    """Return the worst of ``verdicts``; without any, GRADER-ERROR: a run that tested nothing proves nothing."""
    return max(verdicts, key=severity, default=GRADER_ERROR)


@dataclass(frozen=True, slots=True)
class TestResult:
    """One test's outcome. ``points`` is what it is worth, ``got`` what the submission has got of it.

    ``after``: the test that it builds on and that has not passed either: the one to mend first. Else empty.
    """

    __test__ = False  # for pytest: this is no test class

    name: str
    part: str
    points: float
    got: float
    verdict: str
    message: str
    explain: str
    tail: str
    after: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """All outcomes of one submission to one exercise. The same submission and seed give an equal report.

    ``of``: the exercise's points, those of hidden tests included. ``hidden_waiting``: how many hidden tests did not
    run; nobody has passed everything while it is not 0.
    """

    exercise: str
    seed: int
    verdict: str
    points: float
    of: float
    hidden_waiting: int = 0
    tests: list[TestResult] = field(default_factory=list)

    @classmethod
    def of_tests(cls, exercise: str, seed: int, of: float, tests: list[TestResult], hidden_waiting: int) -> Report:
        """Return the report of ``tests``: the worst verdict, the sum of the points."""
        verdict = worst(test.verdict for test in tests)
        return cls(exercise, seed, verdict, tidy(sum(test.got for test in tests)), of, hidden_waiting, tests)

    @property
    def all_passed(self) -> bool:
        """Whether every test ran, passed, and scored in full."""
        return self.verdict == PASS and self.hidden_waiting == 0 and self.points == self.of

    def as_dict(self) -> dict[str, Any]:
        """Return the report as JSON has it."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Report:
        """Return the report that ``as_dict`` gave. Raises KeyError or TypeError for anything else."""
        return cls(**{**values, "tests": [TestResult(**test) for test in values["tests"]]})


def tidy(number: float) -> float:
    """Return ``number`` with two decimals, and as int where it is whole: 4, 2.5."""
    rounded = round(number, 2)
    return int(rounded) if rounded == int(rounded) else rounded


def report_text(reports: list[Report]) -> str:
    """Return the text of report.json: the reports of one pytest run, by exercise."""
    value = {"schema": 1, "exercises": [report.as_dict() for report in reports]}
    return json.dumps(value, indent=1, ensure_ascii=True) + "\n"


def parse_report(text: str) -> list[Report]:
    """Return the reports in the text of a report.json. Raises ValueError, KeyError or TypeError for anything else."""
    return [Report.from_dict(values) for values in json.loads(text)["exercises"]]
