"""Every exercise of the course, as far as CI's quarter of an hour goes: starters wait, solutions pass, both ways.

The whole proof — three seeds, shuffled, every mutant — is ``./course verify --all``; here it runs with ``--full``.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from courseware.exercises import catalogue, check
from courseware.exercises.proof import verify
from courseware.exercises.together import check_together
from courseware.exercises.verdicts import TODO

CLONE = Path(__file__).parents[2]
EXERCISES = catalogue(CLONE)

each = pytest.mark.parametrize("exercise", EXERCISES, ids=lambda exercise: exercise.id)


def failures(report):
    return [(test.name, test.verdict, test.message) for test in report.tests if test.got < test.points]


@each
def test_the_solution_gets_all_points_in_both_places(exercise):
    for sandbox in (False, True) if not exercise.needs else (True,):
        report = check(exercise, exercise.solution, seed=11, hidden=True, sandbox=sandbox)
        assert failures(report) == []
        assert report.points == exercise.points


@each
def test_the_starter_is_a_beginning_and_no_crash(exercise):
    report = check(exercise, exercise.starter, seed=11, hidden=True)
    assert (report.verdict, report.points) == (TODO, 0)


def test_all_together():
    assert check_together(str(CLONE), EXERCISES) == []


@pytest.mark.full
@pytest.mark.timeout(600)
@each
def test_the_whole_proof(exercise):
    assert verify(exercise) == []
