"""``course verify``: a right exercise is proven; one that is wrong in one way is refused, by name."""

import os
import subprocess

import pytest

from courseware import proving
from courseware.exercises import Exercise
from courseware.exercises.leftover import lasting, may_be_ours, members
from courseware.exercises.proof import prove
from section01_processes import UsageError


def replace(path, old, new):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_a_right_exercise_is_proven_line_by_line(course_tool):
    done = course_tool("verify", "greet")
    assert done.exit_code == 0, done.output
    for line in (
        "proc-greet",
        "ok    starter: TODO, 0 of 10 points",
        "ok    solution: 10 of 10 points with seeds 1, 2, 3; shuffled, the same bytes",
        "ok    mutant forward: fails test_a_long_word, test_it_prints_the_word_backwards, shows LCM-PROC-03",
        "ok    mutant status: fails test_it_ends_with_zero, shows LCM-PROC-06",
        "ok    each of 3 tests kills one of 2 mutants",
        "ok    nothing left behind",
        "1 of 1 exercises proven",
    ):
        assert line in done.output


def empty_session(folder):
    path = folder / "README.md"
    path.write_text(path.read_text() + "\n```console\nSESSION\n```\n")


def bad_starter(folder):
    (folder / "starter" / "greet.py").write_text("raise SystemExit(1)\n")


def bad_solution(folder):
    (folder / "solution" / "greet.py").write_text("import sys\nprint(sys.argv[1][::-1][:30])\n")


def another_message(folder):
    path = folder / "tests" / "test_public.py"
    replace(path, "    ran = box.run(nonce.word())", "    award(1, f'now: {time.time_ns()}')\n    ran = box.run('a')")
    replace(path, "test_it_ends_with_zero(box, nonce)", "test_it_ends_with_zero(box, award)")
    path.write_text("import time\n" + path.read_text())


def order_matters(folder):
    text = (folder / "tests" / "test_public.py").read_text()
    text += "\n\nFIRST = []\n\n\n@points(1)\ndef test_a(box):\n    FIRST.append(1)\n"
    text += "".join(f"\n\n@points(0.25)\ndef test_b{n}(box):\n    assert FIRST\n" for n in range(4))
    (folder / "tests" / "test_public.py").write_text(text)
    wrong_sum(folder)


def wrong_sum(folder):
    replace(folder / "exercise.toml", "points = 10", "points = 12")


def mutant_fails_more(folder):
    replace(folder / "mutants" / "forward" / "mutant.toml", ', "test_a_long_word"', "")


def mutant_fails_less(folder):
    replace(folder / "mutants" / "status" / "mutant.toml", '["test_it', '["test_a_long_word", "test_it')


def mutant_explains_another(folder):
    replace(folder / "mutants" / "status" / "mutant.toml", "LCM-PROC-06", "LCM-PROC-01")


def mutant_names_no_test(folder):
    replace(folder / "mutants" / "status" / "mutant.toml", "test_it_ends_with_zero", "test_it_end")


def idle_test(folder):
    path = folder / "tests" / "test_hidden.py"
    replace(path, "@points(3,", "@points(1)\ndef test_idle(box):\n    pass\n\n\n@points(2,")


def leaves_a_file(folder):
    replace(folder / "tests" / "test_hidden.py", "    word =", "    open(__file__ + '.log', 'w').close()\n    word =")


def no_such_block(folder):
    replace(folder / "tests" / "test_public.py", "LCM-PROC-06", "LCM-PROC-99")


def unnecessary_file(folder):
    (folder / "solution" / "notes.py").write_text("")


def one_mutant(folder):
    for path in (folder / "mutants" / "status").iterdir():
        path.unlink()
    (folder / "mutants" / "status").rmdir()


def broken_link(folder):
    (folder / "README.md").write_text("[gone](nowhere.md) `[shown](as-code.md)` [web](https://example.invalid)\n")


def no_hint(folder):
    (folder / "hints" / "2.md").unlink()


def steps_missing(folder):
    replace(folder / "exercise.toml", "difficulty = 1", "difficulty = 3")
    replace(folder / "tests" / "test_public.py", 'part="status"', 'part="word"')


def long_warm_up(folder):
    replace(folder / "exercise.toml", "minutes = 5", "minutes = 50")


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (bad_starter, "starter: FAIL, 0 points, not TODO and 0: test_it_prints_the_word_backwards FAIL"),
        (bad_solution, "solution, seed 1: 7 of 10 points; test_a_long_word: FAIL 0/3 a long word came back wrong"),
        (another_message, "solution, seed 1: shuffled, it is another: test_it_ends_with_zero"),
        (order_matters, "shuffled, it is another: test_b"),
        (wrong_sum, "solution, seed 1: 10 of 12 points; the tests' points add up to 10, exercise.toml says 12"),
        (mutant_fails_more, "mutant forward: test_a_long_word fails as well: a long word came back wrong"),
        (mutant_fails_less, "mutant status: test_a_long_word does not fail"),
        (mutant_explains_another, "mutant status: no failing test explains LCM-PROC-01, but LCM-PROC-06"),
        (mutant_names_no_test, "mutant status: there is no test test_it_end"),
        (idle_test, "no mutant is killed by test_idle"),
        (leaves_a_file, "left behind: file: "),
        (no_such_block, "test_it_ends_with_zero: explains LCM-PROC-99, which no section knows"),
        (unnecessary_file, "solution/notes.py is not in files of exercise.toml"),
        (one_mutant, "mutants: 1, at least two are wanted"),
        (broken_link, "README.md: link to nowhere.md, which is not there"),
        (no_hint, "hints/2.md is missing"),
        (empty_session, "README.md: a console block shows no command"),
        (steps_missing, "parts: difficulty 3 wants two separately scored steps, not 1"),
        (long_warm_up, "minutes: a warm-up takes 15 at most, not 50"),
    ],
)
def test_what_is_wrong_is_named(exercise, monkeypatch, spoil, words):
    monkeypatch.setattr("courseware.exercises.leftover.PATIENCE", 0.5)
    spoil(exercise)
    problems = []
    for finding in prove(Exercise.read(exercise)):
        if not finding.ok:
            problems.append(finding.text)
            if words in finding.text:
                return  # what it would find later does not matter here
    pytest.fail(f"not named; found was: {problems}")


def test_a_mutant_is_shown_as_its_learner_would_read_it(course_tool):
    done = course_tool("verify", "greet", "--mutant", "forward")
    assert done.exit_code == 0, done.output
    assert "FAIL             0/3    test_a_long_word" in done.output
    assert "see ./course explain LCM-PROC-03" in done.output
    with pytest.raises(UsageError, match="proc-greet has no mutant 'backward'"):
        course_tool("verify", "greet", "--mutant", "backward")
    assert course_tool("verify", "--all", "--mutant", "forward").exit_code == 2


def test_a_wrong_exercise_ends_with_one(exercise, course_tool):
    no_hint(exercise)
    done = course_tool("verify", "--all")
    assert done.exit_code == 1
    assert "FAIL  hints/2.md is missing" in done.output
    assert "0 of 1 exercises proven; wrong: proc-greet" in done.output


def test_what_cannot_run_here_is_said_and_in_ci_it_fails(exercise, course_tool, monkeypatch):
    replace(exercise / "exercise.toml", "programs = []", 'programs = ["no-such-program"]')
    monkeypatch.delenv("CI", raising=False)
    done = course_tool("verify", "greet")
    assert done.exit_code == 0
    assert "away  no test ran: the program no-such-program is not installed" in done.output
    assert "0 of 1 exercises proven; not runnable here: proc-greet" in done.output
    monkeypatch.setenv("CI", "true")
    assert course_tool("verify", "greet").exit_code == 1


def test_changed_asks_git(clone, exercise, course_tool):
    git = f"git -C {clone} -c user.name=x -c user.email=x@example.invalid"
    assert os.system(f"git init -q {clone} && {git} add . && {git} commit -q -m all") == 0
    assert proving.choose(str(clone), (), changed=True) == []
    assert "0 of 0 exercises proven" in course_tool("verify", "--changed").output
    (exercise / "hints" / "1.md").write_text("better\n")
    assert [e.id for e in proving.choose(str(clone), (), changed=True)] == ["proc-greet"]


def test_what_does_not_last_is_not_ours_and_what_lasts_is():
    looks = iter([{"a", "b"}, {"b", "c"}, set()])
    assert lasting(lambda: next(looks), 60) == []
    assert lasting(lambda: {"a"}, 0.3) == ["a"]


@pytest.mark.parametrize(
    ("line", "ours"),
    [
        ("left behind: cgroups: /sys/fs/cgroup/pids/lcm-ex-12", True),
        ("left behind: cgroups: /sys/fs/cgroup/pids/minidocker/1", False),
        ("gone: cgroups: /sys/fs/cgroup/pids/lcm-ex-12", False),
        ("left behind: mounts: 0:3 / /mnt", True),
        ("gone: sysctls: net/ipv4/ip_forward=0", True),
        ("gone: links: veth1", False),
    ],
)
def test_which_differences_count(line, ours):
    assert may_be_ours(line) is ours


@pytest.mark.needs("userns")
def test_a_namespace_counts_when_a_process_of_a_check_is_in_it():
    for name, ours in (("lcm-ex-12", True), ("others", False)):
        command = ["unshare", "-Un", "sh", "-c", "echo ready; read line"]
        with subprocess.Popen(command, env={"HOME": f"/tmp/{name}", "PATH": os.environ["PATH"]}, text=True,
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:  # fmt: skip
            assert process.stdout.readline() == "ready\n"
            namespace = os.readlink(f"/proc/{process.pid}/ns/net")
            assert str(process.pid) in members(namespace)
            assert may_be_ours(f"left behind: namespaces: {namespace}") is ours
            process.communicate("\n")
