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
    return [stop.exercise.id if stop.exercise else f"part {stop.part.number}: {stop.part.title}".removesuffix(": ")
            for stop in stops]  # fmt: skip


def test_the_way_goes_through_parts_and_required_exercises(clone):
    assert names(path.way(str(clone))) == [
        "part 1: Birth", "proc-run", "part 2: Death", "proc-hello", "part 0", "ns-peek", "ns-box",
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
        (passed("proc-run", "proc-hello"), "part 0"),
        (passed("proc-run", "proc-hello", parts=[(2, 0)]), "ns-peek"),
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
    assert path.mark_done(str(clone)) == "done: One, part 1: Birth (./course next --undo takes that back)"
    text = path.render(str(clone))
    assert "next: exercise proc-run: Title of proc-run (thread, 10 minutes)" in text
    assert text.endswith("type:  ./course ex start proc-run")


def page(clone, *ids, parts=(), **options):
    """Return the page of a learner who has passed ``ids`` and read ``parts``."""
    with progress.change_progress(str(clone)) as change:
        for name in ids:
            change.note_try(name, 10, 10, full=True)
        for section, part in parts:
            change.note_done(section, part)
    return path.render(str(clone), **options)


def test_a_section_counts_its_own_exercises_and_says_when_it_is_done(clone):
    assert page(clone).startswith("section 1: 0 of 2 required exercises passed\n")
    assert page(clone, "proc-run", parts=[(1, 2)]).startswith("section 1: 1 of 2 required exercises passed\n")
    text = page(clone, "proc-hello")
    assert text.startswith("section 1 done: 2 of 2 required exercises passed\nnext: Two, the lesson\n")
    assert "section02_x/README.md" in text
    assert "then come its exercises: ns-peek, ns-box" in " ".join(text.split())
    assert text.endswith("type:  ./course next --done")
    path.mark_done(str(clone))
    text = page(clone)
    assert text.startswith("section 2: 0 of 2 required exercises passed\nnext: exercise ns-peek")
    text = page(clone, "ns-peek", "ns-box")
    assert text == "section 2 done: 2 of 2 required exercises passed\nall parts and required exercises are done"


def test_exercises_alone_lead_from_section_to_section(clone):
    text = page(clone, "proc-run", "proc-hello", exercises_only=True)
    assert text.startswith("section 1 done: 2 of 2 required exercises passed\nnext: exercise ns-peek")


def test_a_section_without_exercises_is_read(clone):
    (clone / "section03_x").mkdir()
    (clone / "section03_x" / "README.md").write_text("# Three\n")
    text = page(clone, "proc-run", "proc-hello", "ns-peek", "ns-box")
    assert text.startswith("section 2 done: 2 of 2 required exercises passed\nnext: Three, the lesson\n")
    assert "it has no exercises yet" in text
    path.mark_done(str(clone))
    assert page(clone) == "section 3 done\nall parts and required exercises are done"


def test_a_reset_after_a_pass_is_told_until_the_next_pass():
    found = passed("proc-run")
    found.note_reset("proc-run")
    assert found.of("proc-run")["again"]
    assert found.passed("proc-run")
    found.note_try("proc-run", 4, 10, full=False)
    assert found.of("proc-run")["again"]
    found.note_try("proc-run", 10, 10, full=True)
    assert not found.of("proc-run")["again"]
    found.note_reset("proc-hello")
    assert not found.of("proc-hello")["again"], "it was never passed"


def test_done_at_an_exercise_changes_nothing(clone):
    path.mark_done(str(clone))
    assert path.mark_done(str(clone)) == "nothing to mark: proc-run is an exercise, which is done when it has passed"
    assert "proc-run" in path.render(str(clone))
    page(clone, "proc-run", "proc-hello", "ns-peek", "ns-box")
    assert path.mark_done(str(clone)) == "nothing to mark: all is done"


def test_what_was_marked_is_taken_back_one_after_the_other(clone):
    before = path.render(str(clone))
    path.mark_done(str(clone))
    page(clone, "proc-run", "proc-hello")
    assert path.mark_done(str(clone)).startswith("done: Two, the lesson (")
    assert path.undo_mark(str(clone)) == "no longer done: Two, the lesson"
    assert "next: Two, the lesson" in path.render(str(clone))
    assert path.undo_mark(str(clone)) == "no longer done: One, part 1: Birth"
    assert path.undo_mark(str(clone)) == "nothing to take back: no part of a lesson was marked as done"
    assert path.render(str(clone)) != before, "what was passed stays passed"


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
