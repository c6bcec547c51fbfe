"""The learner's way: parts and exercises in order, and the thread that grows from the learner's own answer."""

import os
import pathlib

import pytest

from courseware import path, progress
from courseware.exercises import ExerciseError, workplace

TOML = """
schema = 1
id = "{id}"
title = "Title of {id}"
section = {section}
role = "{role}"
goal = "Build it."
difficulty = 1
minutes = 10
requires = []
teaches = []
files = ["mybox.py", "more.py"]
entry = "mybox.py"
needs = []
[grading]
points = 10
"""


def add(clone, section, name, role):
    short = {1: "proc", 2: "ns"}[section]
    folder = clone / f"section0{section}_x" / "exercises" / name
    for kind in ("starter", "solution"):
        (folder / kind).mkdir(parents=True)
        for file in ("mybox.py", "more.py"):
            (folder / kind / file).write_text(f"{kind} of {name}: {file}\n")
    (folder / "exercise.toml").write_text(TOML.format(id=f"{short}-{name}", section=section, role=role))
    return folder


@pytest.fixture
def clone(tmp_path):
    for section, name, role in ((1, "hello", "warm-up"), (1, "run", "thread"), (2, "peek", "warm-up"),
                                (2, "box", "thread"), (2, "far", "stretch")):  # fmt: skip
        add(tmp_path, section, name, role)
    (tmp_path / "section01_x" / "README.md").write_text(
        "# One\n\n## Before\n\n## Part 1 · Birth\n\n`./course ex start proc-run`\n\n## Part 2: Death\n\nx\n\n"
        "## Exercises\n\n./course ex start proc-hello\n"
    )
    (tmp_path / "section02_x" / "README.md").write_text("# Two\n")
    return tmp_path


def names(stops):
    return [stop.exercise.id if stop.exercise else f"part {stop.part.number}: {stop.part.title}" for stop in stops]


def test_the_way_goes_through_parts_and_required_exercises(clone):
    assert names(path.way(str(clone))) == [
        "part 1: Birth", "proc-run", "part 2: Death", "proc-hello", "ns-peek", "ns-box",
    ]  # fmt: skip


def passed(*ids, parts=()):
    found = progress.Progress()
    for name in ids:
        found.note_try(name, 10, 10, full=True)
    for section, part in parts:
        found.note_done(section, part)
    return found


@pytest.mark.parametrize(
    ("done", "where"),
    [
        (passed(), "part 1: Birth"),
        (passed(parts=[(1, 1)]), "proc-run"),
        (passed("proc-run"), "part 2: Death"),
        (passed("proc-run", "proc-hello"), "ns-peek"),
        (passed("proc-hello"), "proc-run"),
        (passed("ns-box"), "proc-run"),
        (passed("proc-run", "proc-hello", "ns-peek", "ns-box"), None),
    ],
)
def test_next_is_the_first_that_is_not_done(clone, done, where):
    stop = path.next_stop(path.way(str(clone)), done)
    assert (names([stop])[0] if stop else None) == where


def test_the_page_has_one_command(clone):
    text = path.render(str(clone))
    assert "next: One, part 1 of 2: Birth" in text
    assert "./course next --done" in text
    text = path.render(str(clone), done=True)
    assert "next: exercise proc-run: Title of proc-run (thread, 10 minutes)" in text
    assert text.endswith("type:  ./course ex start proc-run")


def test_done_at_an_exercise_changes_nothing(clone):
    path.render(str(clone), done=True)
    assert "proc-run" in path.render(str(clone), done=True)
    assert "proc-run" in path.render(str(clone))


# ---- the thread -----------------------------------------------------------------------------------------------------


def exercise(clone, name):
    return workplace.resolve(str(clone), name)


def text(clone, name, file="mybox.py"):
    return (clone / "work" / name / file).read_text()


def test_the_first_step_starts_from_the_starter(clone):
    assert workplace.start(str(clone), exercise(clone, "proc-run")).source == "the starter"
    with pytest.raises(ExerciseError, match="grows from no earlier step"):
        workplace.start(str(clone), exercise(clone, "proc-run"), from_reference=True)


def test_the_next_step_starts_from_the_learners_answer(clone):
    workplace.start(str(clone), exercise(clone, "proc-run"))
    (clone / "work" / "proc-run" / "mybox.py").write_text("mine\n")
    (clone / "work" / "proc-run" / "more.py").unlink()
    started = workplace.start(str(clone), exercise(clone, "ns-box"))
    assert started.source == "your answer to proc-run, which has not passed yet"
    assert text(clone, "ns-box") == "mine\n"
    assert text(clone, "ns-box", "more.py") == "starter of box: more.py\n"
    with progress.change_progress(str(clone)) as change:
        change.note_try("proc-run", 10, 10, full=True)
    workplace.reset(str(clone), exercise(clone, "ns-box"))
    assert text(clone, "ns-box") == "mine\n"


def test_or_from_the_reference(clone):
    with pytest.raises(ExerciseError, match=r"your answer to proc-run, which is not there .*--from reference"):
        workplace.start(str(clone), exercise(clone, "ns-box"))
    assert not (clone / "work" / "ns-box").exists()
    started = workplace.start(str(clone), exercise(clone, "ns-box"), from_reference=True)
    assert started.source == "the reference solution of proc-run"
    assert text(clone, "ns-box") == "solution of run: mybox.py\n"


def test_an_exercise_that_is_no_step_starts_from_its_own_starter(clone):
    workplace.start(str(clone), exercise(clone, "peek"))
    assert text(clone, "ns-peek") == "starter of peek: mybox.py\n"


def test_a_name_that_two_have_wants_its_prefix(clone):
    add(clone, 2, "hello", "core")
    with pytest.raises(
        ExerciseError, match=r"'hello' is the name of 2 exercises \(write one of proc-hello, ns-hello\)"
    ):
        exercise(clone, "hello")
    assert exercise(clone, "ns-hello").section == 2


def test_copying_never_writes_over_a_file(clone, monkeypatch):
    target = clone / "work" / "proc-run" / "mybox.py"

    def lose_the_race(new, place):
        pathlib.Path(place).write_text("somebody was faster\n")
        raise FileExistsError

    monkeypatch.setattr(os, "link", lose_the_race)
    workplace.start(str(clone), exercise(clone, "proc-run"))
    assert target.read_text() == "somebody was faster\n"
    assert [p.name for p in target.parent.iterdir() if p.name.endswith(".new")] == []
