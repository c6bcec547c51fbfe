"""What a learner reads about a check, and in the table of exercises."""

import pathlib
import types

import pytest

from courseware import rendering
from courseware.exercises import Report, TestResult
from courseware.exercises.plugin import Run, _scored

CLONE = str(pathlib.Path(__file__).parents[3])
EXERCISE = types.SimpleNamespace(id="proc-x")


def result(name, verdict="FAIL", explain="LCM-PROC-03", **more):
    got = 2 if verdict == "PASS" else 0
    return TestResult(**{"name": name, "part": "p", "points": 2, "got": got, "verdict": verdict, "message": "",
                         "explain": explain, "tail": ""} | more)  # fmt: skip


def shown(*tests, hidden=0, of=None):
    report = Report.of_tests("proc-x", 1, of or 2 * len(tests), list(tests), hidden)
    return rendering.render_report(CLONE, EXERCISE, report)


def test_a_remedy_stands_once():
    text = shown(result("test_a"), result("test_b"), result("test_c", explain="LCM-PROC-08"))
    assert text.count("see ./course explain LCM-PROC-03: ") == 1
    assert text.count("LCM-PROC-03: see above") == 1
    assert text.index("see ./course explain LCM-PROC-03") < text.index("test_b") < text.index("see above")
    assert "see ./course explain LCM-PROC-08: " in text


def test_no_advice_about_what_is_not_written_or_waits_for_another():
    text = shown(result("test_a", "TODO"), result("test_b", after="test_a"), result("test_c", "PASS"))
    assert "LCM-" not in text
    assert "it builds on test_a, which does not pass yet" in text


def test_what_all_tests_say_stands_once():
    crash = {
        "verdict": "CRASH",
        "message": "x.py, line 2: SyntaxError: it",
        "tail": "err| SyntaxError: it",
        "explain": "",
    }
    text = shown(result("test_a", **crash), result("test_b", **crash))
    assert (text.count("line 2"), text.count("its output"), text.count("the same as test_a above")) == (1, 1, 1)


def test_an_error_of_the_test_is_not_the_learners():
    text = shown(result("test_a", "GRADER-ERROR", message="the test itself failed"))
    assert "this is not your answer's fault" in text
    assert "LCM-" not in text


def test_the_plugin_says_which_test_is_to_be_mended_first():
    run = Run(EXERCISE, pathlib.Path("."))
    run.results = {"a": result("a"), "b": result("b"), "c": result("c", "PASS"), "d": result("d")}
    run.after = {"a": (), "b": ("a",), "c": ("a",), "d": ("c",)}
    assert [_scored(run, name).after for name in "abcd"] == ["", "a", "", ""]
    assert (_scored(run, "c").got, _scored(run, "c").message) == (0, "scores only when a passes (FAIL)")


@pytest.mark.parametrize(
    ("hidden", "words"),
    [
        (0, "all passed"),
        (1, "1 more test asks the same with other names and numbers; it waits for a grader, not for you"),
        (3, "3 more tests ask the same with other names and numbers; they wait for a grader, not for you"),
    ],
)
def test_the_last_lines_are_for_a_learner(hidden, words):
    text = shown(result("test_a", "PASS"), hidden=hidden, of=2 + hidden)
    assert " ".join(text.split()).endswith(f"passed: 2 of 2 points {words}")
    assert ("all passed" in text) == (hidden == 0)


def test_half_points_are_not_passed():
    text = shown(result("test_a", "PASS", got=1, message="slow"))
    assert "partly: slow" in text
    assert text.endswith("proc-x: partly, 1 of 2 points")


def test_a_long_message_is_told_once():
    text = shown(result("test_a", message="hangs " * 50), result("test_b", message="hangs " * 50), result("test_c"))
    assert text.count("hangs") == 50
    assert text.count("the same as test_a above") == 1


def test_a_pass_that_counts_only_with_another_says_so():
    """An empty starter may pass a test that asks what must not be; a plain PASS would read as if it were done."""
    text = shown(result("test_b", "PASS", got=0, message="scores only when test_a passes (TODO)"))
    assert text.startswith("(PASS)           0/2    test_b")
    assert "no points yet: it scores only when test_a passes (TODO)" in text


def test_a_message_keeps_its_lines_and_drives_no_terminal():
    text = shown(result("test_a", message="wanted:\n    one\x1b[2J", tail="out| <submission>/x.py"))
    assert "\n        wanted:\n            one\\x1b[2J\n" in text
    assert "| out| work/proc-x/x.py" in text


ENTRY = {"id": "proc-zombie-hunter", "role": "core", "difficulty": 2, "minutes": 35, "points": 14, "needs": ["userns"],
         "state": "passed, started again"}  # fmt: skip


def test_a_narrow_table_has_the_state_below(monkeypatch):
    other = {**ENTRY, "id": "proc-x", "state": "-"}
    monkeypatch.setenv("COLUMNS", "100")
    lines = rendering.table([ENTRY, other]).splitlines()
    assert lines[0].endswith("state")
    assert lines[1].endswith("userns  passed, started again")
    monkeypatch.setenv("COLUMNS", "60")
    lines = rendering.table([ENTRY, other]).splitlines()
    assert lines[2] == "    passed, started again"
    assert len(lines) == 4
    assert max(map(len, lines)) <= 60


def test_the_thread_is_explained_where_there_is_one():
    assert "thread:" not in rendering.table([ENTRY])
    text = " ".join(rendering.table([{**ENTRY, "role": "thread"}]).split())
    assert text.endswith("thread: a step of mybox, your own container runtime, which grows from section to section")
