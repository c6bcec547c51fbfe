"""The tables of exercises, and what must hold of a section's exercises together; pure."""

import dataclasses
import pathlib

import pytest

from courseware import tables
from courseware.exercises import Exercise, Limits
from courseware.exercises import together as t

EMPTY = Exercise(
    folder=pathlib.Path("/clone/section02_namespaces/exercises/peek"), id="ns-peek", title="Peek", section=2,
    role="warm-up", goal="List | group.", difficulty=1, minutes=15, requires=(), teaches=(), files=("peek.py",),
    entry="peek.py",
    provides=("lab",), programs=(), needs=(), limits=Limits(), points=10, mutants=[],
)  # fmt: skip


def make(name, **changes):
    return dataclasses.replace(EMPTY, id=name, **changes)


@pytest.mark.parametrize(
    ("needs", "cells"),
    [
        ((), ["yes", "yes", "yes", "yes"]),
        (("userns",), ["–", "yes", "yes", "yes"]),
        (("userns", "overlay"), ["–", "yes", "yes", "yes"]),
        (("root",), ["–", "–", "yes", "yes"]),
        (("root", "v2"), ["–", "–", "with cgroup v2", "yes"]),
        (("root", "v1"), ["–", "–", "with cgroup v1", "–"]),
        (("program:strace",), ["yes", "yes", "yes", "yes"]),
    ],
)
def test_where_an_exercise_can_be_done(needs, cells):
    assert [tables.where(needs, place) for place in tables.PLACES] == cells


def test_every_need_that_doctor_knows_has_a_place():
    from courseware.needs import CHECKS

    assert set(CHECKS) - {"program"} == set().union(*tables.PLACES.values())


def test_the_tables():
    mine = [EMPTY, make("ns-root", needs=("root",), points=30)]
    text = tables.exercise_table(mine)
    assert "| [ns-peek](peek/README.md) | warm-up | 1 | 15 | 10 | nothing | List \\| group. |" in text
    where = tables.where_table(mine)
    assert "| ns-root | – | – | yes | yes |" in where
    assert where.endswith("Without root: 10 of 40 points (25 %).")


def test_what_is_required_is_there_and_comes_first():
    mine = [make("a", requires=("b",)), make("b", requires=("gone",))]
    assert list(t.requirements(mine)) == ["a: requires b, which comes later", "b: requires gone, which does not exist"]


def test_the_threads_files_go_on():
    mine = [make("a", role="thread", files=("mybox.py",)), make("b", role="thread", files=("other.py",))]
    assert list(t.requirements(mine)) == ["b: the thread's mybox.py of a is not among its files"]


def test_difficulty_rises_by_one_between_required_exercises():
    mine = [make("a"), make("b", difficulty=2), make("c", difficulty=4), make("s", role="stretch", difficulty=5)]
    assert list(t.difficulty(mine)) == ["c: difficulty rises from 2 (b) to 4: one step at a time"]
    assert list(t.difficulty([*mine[:2], mine[3]])) == []


def test_a_section_has_one_warm_up():
    assert list(t.roles(2, [make("a"), make("b")])) == ["section 2: 2 exercises are warm-up (a, b), 1 at most"]


def test_minutes_fit_the_days(tmp_path):
    long = [make("a", minutes=300), make("b", minutes=500, role="core"), make("s", role="stretch", minutes=600)]
    assert list(t.minutes(str(tmp_path), 2, long)) == [
        "section 2: reading and required exercises take 800 minutes, 720 at most"
    ]
    assert list(t.minutes(str(tmp_path), 2, long[:1])) == []


def test_two_fifths_of_the_points_need_no_root():
    mine = [make("a", points=39), make("b", points=61, needs=("root",))]
    assert list(t.without_root(2, mine)) == ["section 2: 39 of 100 points need no root, at least 40 % are wanted"]
    assert list(t.without_root(2, [make("a", points=40), make("b", points=60, needs=("root",))])) == []
