"""The learner's commands, each as typed, on a clone with one small exercise."""

import json
import os
import subprocess

import pytest

from courseware import progress
from courseware.exercises import ExerciseError

WRONG = "import sys\n\nprint(sys.argv[1])\nprint('\\x1b[2Jnoise', file=sys.stderr)\n"


def state(course_tool):
    return json.loads(course_tool("ex", "list", "--json").output)[0]


def test_from_start_to_pass(clone, course_tool, answer):
    done = course_tool("ex", "check", "greet")
    assert done.exit_code == 1
    assert "proc-greet: TODO, 0 of 7 points\n" in done.output
    assert "course explain" not in done.output, "advice about what is not written yet"
    answer(WRONG)
    done = course_tool("ex", "check", "greet")
    assert done.exit_code == 1
    assert "came back as" in done.output
    assert "see ./course explain LCM-PROC-03: flush before the fork" in " ".join(done.output.split())
    assert "\x1b" not in done.output, "a submission drives the terminal"
    answer()
    done = course_tool("ex", "check", "greet")
    assert done.exit_code == 0, done.output
    assert "\npassed: 7 of 7 points\n1 more test asks the same with other names and numbers" in done.output
    assert "for a grader, not for you" in " ".join(done.output.split())
    assert "all passed" not in done.output
    assert state(course_tool)["state"] == "passed"
    answer(WRONG)
    course_tool("ex", "check", "greet")
    assert state(course_tool)["state"] == "passed", "a later try took the pass away"


def test_with_hidden_tests_all_is_passed(course_tool, answer):
    answer()
    done = course_tool("ex", "check", "greet", "--hidden")
    assert done.exit_code == 0
    assert "passed: 10 of 10 points\nall passed" in done.output


def test_the_same_seed_gives_the_same_lines_and_another_seed_others(course_tool, answer):
    answer(WRONG)
    first, second = (course_tool("ex", "check", "greet").output for _ in range(2))
    assert first == second
    assert course_tool("ex", "check", "greet", "--seed", "9").output != first


def test_a_wrong_file_in_the_answer_is_named_and_nothing_is_lost(clone, course_tool, answer):
    path = answer()
    (path.parent / "notes.py").write_text("mine\n")
    with pytest.raises(ExerciseError, match=r"notes\.py is not one of the exercise's files"):
        course_tool("ex", "check", "greet")
    assert (path.parent / "notes.py").read_text() == "mine\n"


def test_start_again_keeps_what_is_there_and_brings_back_what_is_gone(clone, course_tool, answer):
    path = answer("mine\n")
    assert "stays as it is" in course_tool("ex", "start", "greet").output
    assert path.read_text() == "mine\n"
    path.unlink()
    assert "from the starter" in course_tool("ex", "start", "greet").output
    assert "Todo" in path.read_text()


def test_reset_keeps_every_backup(clone, course_tool, answer):
    path = answer("first\n")
    (path.parent / "notes.txt").write_text("mine\n")
    said = course_tool("ex", "reset", "greet").output
    assert "your answer is kept: work/backups/proc-greet-1/\n" in said
    answer("second\n")
    assert "work/backups/proc-greet-2/" in course_tool("ex", "reset", "greet").output
    backups = clone / "work" / "backups"
    assert (backups / "proc-greet-1" / "greet.py").read_text() == "first\n"
    assert (backups / "proc-greet-1" / "notes.txt").read_text() == "mine\n"
    assert (backups / "proc-greet-2" / "greet.py").read_text() == "second\n"
    assert "Todo" in path.read_text()
    (command,) = [line.partition(":")[2] for line in said.splitlines() if line.startswith("to get it back:")]
    subprocess.run(command, shell=True, cwd=clone, check=True)
    assert path.read_text() == "first\n"
    assert path.with_name("notes.txt").read_text() == "mine\n"


def test_a_passed_exercise_that_is_reset_stays_passed_and_says_so(course_tool, answer):
    answer()
    course_tool("ex", "check", "greet")
    course_tool("ex", "reset", "greet")
    assert (state(course_tool)["state"], state(course_tool)["passed"]) == ("passed, started again", True)
    answer()
    course_tool("ex", "check", "greet")
    assert state(course_tool)["state"] == "passed"


def test_reset_moves_nothing_when_it_could_not_start_anew(exercise, course_tool, answer):
    path = answer("mine\n")
    (exercise / "starter" / "greet.py").unlink()
    with pytest.raises(ExerciseError, match=r"starter/greet\.py is not there"):
        course_tool("ex", "reset", "greet")
    assert path.read_text() == "mine\n"


def test_hints_open_one_by_one_and_are_remembered(course_tool):
    for number in (1, 2, 3):
        text = course_tool("ex", "hint", "greet").output
        assert f"hint {number} of 3" in text
        assert f"This is hint {number}." in text
    again = course_tool("ex", "hint", "greet").output
    assert "all 3 hints" in again
    assert "This is hint 1." in again
    assert state(course_tool)["hints_opened"] == 3


def test_opened_hints_are_read_again_without_opening_one(course_tool):
    course_tool("ex", "hint", "greet")
    text = course_tool("ex", "hint", "greet", "--opened").output
    assert "This is hint 1." in text
    assert "hint 2" not in text
    assert state(course_tool)["hints_opened"] == 1


def test_the_solution_is_shown_on_confirmation_or_after_a_pass(course_tool, answer):
    assert course_tool("ex", "solution", "greet", input="n\n").exit_code == 1
    assert "[::-1]" not in course_tool("ex", "solution", "greet", input="n\n").output
    assert "[::-1]" in course_tool("ex", "solution", "greet", input="y\n").output
    assert "Slices are copies" in course_tool("ex", "solution", "greet", "--yes").output
    answer()
    course_tool("ex", "check", "greet")
    assert "[::-1]" in course_tool("ex", "solution", "greet").output


@pytest.mark.parametrize("word", ["proc-greet", "greet", "proc-greet/"])
def test_an_id_may_be_short(course_tool, word):
    assert "work/proc-greet/" in course_tool("ex", "start", word).output


def test_an_unknown_id_names_the_nearest(course_tool):
    with pytest.raises(ExerciseError, match="did you mean proc-greet"):
        course_tool("ex", "start", "gret")


@pytest.mark.parametrize("command", ["check", "watch", "run", "reset"])
def test_what_was_not_started_says_how_to(course_tool, command):
    with pytest.raises(ExerciseError, match=r"\./course ex start proc-greet"):
        course_tool("ex", command, "greet")


def test_next_follows_the_learner(clone, course_tool, answer):
    assert "the lesson" in course_tool("next").output
    assert "type:  ./course ex check proc-greet" in course_tool("next", "--done").output
    (clone / "section01_processes" / "README.md").write_text(
        "# One\n\n## Part 1 · Birth\n\n./course ex start proc-greet\n\n## Part 2 · Death\n\ntext\n"
    )
    assert "part 1 of 2: Birth" in course_tool("next").output
    assert "./course ex check proc-greet" in course_tool("next", "--done").output
    answer()
    course_tool("ex", "check", "greet")
    assert "part 2 of 2: Death" in course_tool("next").output
    assert "all parts and required exercises are done" in course_tool("next", "--done").output
    assert "all parts and required exercises are done" in course_tool("ex", "next").output


# ---- whose files ----------------------------------------------------------------------------------------------------


@pytest.mark.needs("root")
def test_what_is_made_under_sudo_belongs_to_the_learner(clone, course_tool, monkeypatch):
    for path in [clone, *clone.rglob("*")]:
        os.chown(path, 1234, 1234)
    monkeypatch.setenv("SUDO_UID", "1234")
    monkeypatch.setenv("SUDO_GID", "1234")
    course_tool("ex", "start", "greet")
    (clone / "work" / "proc-greet" / "greet.py").write_text("mine\n")
    course_tool("ex", "reset", "greet")
    course_tool("ex", "hint", "greet")
    course_tool("ex", "check", "greet")
    wrong = [str(p) for p in [clone / "work", *(clone / "work").rglob("*")] if p.stat().st_uid != 1234]
    assert wrong == []


@pytest.mark.needs("root")
def test_root_itself_keeps_the_files_of_a_clone_that_is_not_the_callers(clone, course_tool, monkeypatch):
    monkeypatch.setenv("SUDO_UID", "1234")
    monkeypatch.setenv("SUDO_GID", "1234")
    course_tool("ex", "start", "greet")
    assert (clone / "work" / "proc-greet" / "greet.py").stat().st_uid == 0


@pytest.mark.parametrize("text", ["", "{", "[]", '{"schema": 2}', '{"schema": 1, "exercises": {"a": 3}, "parts": {}}'])
def test_a_broken_progress_is_kept_and_said(clone, course_tool, text):
    path = clone / "work" / "progress.json"
    path.parent.mkdir()
    path.write_text(text)
    done = course_tool("ex", "hint", "greet")
    assert done.exit_code == 0
    assert f"kept as {path}.broken-1" in done.output
    assert (path.parent / "progress.json.broken-1").read_text() == text
    assert state(course_tool)["hints_opened"] == 1


def test_two_at_once_lose_nothing(clone, begin):
    tools = [begin("ex", "hint", "greet") for _ in range(3)]
    for tool in tools:
        assert tool.wait(60) == 0
        tool.stdout.close()
    assert progress.read_progress(str(clone)).of("proc-greet")["hints"] == 3


def test_grade_says_that_it_is_not_there_yet(course_tool):
    done = course_tool("grade", "submissions", "--out", "x")
    assert (done.exit_code, "not accepted yet" in done.output) == (2, True)
