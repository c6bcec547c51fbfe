"""What a test of an exercise may use does what the contract says: each is a test of a throw-away exercise."""

import re
import subprocess
import sys

import pytest

from courseware.exercises import ExerciseError, check
from courseware.exercises.verdicts import parse_report

PARROT = """
import os, signal, sys, time
for line in sys.stdin:
    word, *rest = line.split()
    if word == "fork":
        pid = os.fork()
        if pid == 0:
            time.sleep(600)
        print(pid, flush=True)
    elif word == "orphan":
        middle = os.fork()
        if middle == 0:
            print(os.fork() or time.sleep(600), flush=True)
            os._exit(0)
        os.waitpid(middle, 0)
    elif word == "zombie":
        pid = os.fork()
        if pid == 0:
            os._exit(0)
        print(pid, flush=True)
    elif word == "exit":
        sys.exit(int(rest[0]))
    elif word == "exec":
        os.execv(rest[0], rest)
    elif word == "env":
        print(os.environ[rest[0]], flush=True)
    else:
        print("you said", word, flush=True)
"""
HEAD = (
    "import os, signal, time\nimport pytest\nfrom courseware.exercises import points\n\n@points(4)\ndef test_it({}):\n"
)


def report_of(throw_away, answer, body, source=PARROT, fixtures="box", **fields):
    text = HEAD.format(fixtures) + "".join(f"    {line}\n" for line in body.strip().splitlines())
    return check(throw_away(text, **fields), answer(source), seed=11)


BODIES = {
    "lines in and out": """
running = box.start()
running.write(b"hello\\n")
assert running.read_line() == b"you said hello\\n"
running.write(b"again\\nexit 3\\n")
assert running.read_line() == b"you said again\\n"
assert running.read_line() == b""
ran = running.wait()
assert (ran.code, ran.signal, ran.out, ran.err) == (3, 0, b"you said hello\\nyou said again\\n", b"")
assert running.wait() == ran
""",
    "all of standard input at once": """
data = b"word\\n" * 100_000
assert box.run(stdin=data[:5 * 40_000]).out == b"you said word\\n" * 40_000
assert box.start(stdin=b"exit 9").wait().code == 9
""",
    "exit status 100 may be right": """
assert box.run(stdin=b"exit 100").code == 100
""",
    "the environment": """
assert box.run(stdin=b"env COLOUR", env={"COLOUR": "blue"}).text == "blue\\n"
assert box.run(stdin=b"env HOME").text.strip() == str(box.folder)
""",
    "a signal of the test": """
running = box.start()
running.signal(signal.SIGTERM)
ran = running.wait()
assert (ran.code, ran.signal, ran.how) == (128 + 15, 15, "SIGTERM")
with pytest.raises(AssertionError, match="SIGTERM was to be sent; the submission had ended"):
    running.signal(signal.SIGTERM)
""",
    "a block ends it": """
with box.start() as running:
    pass
assert running.wait().signal == signal.SIGKILL
""",
    "descendants, zombies, orphans": """
running = box.start()
running.write(b"fork\\n")
child = running.host_pid(int(running.read_line()))
assert [stat.pid for stat in running.descendants()] == [child]
running.write(b"zombie\\n")
dead = int(running.read_line())
box.wait_for(lambda: [s.state for s in running.descendants() if s.pid == dead] == ["Z"], what="it is a zombie")
running.write(b"orphan\\n")
orphan = int(running.read_line())
box.wait_for(lambda: orphan not in [s.pid for s in running.descendants()], what="its parent has ended")
box.wait_for(lambda: sorted(s.pid for s in box.processes()) == sorted([child, dead, orphan]), what="three are there")
os.kill(orphan, signal.SIGKILL)
box.wait_for(lambda: orphan not in [s.pid for s in box.processes()], what="the orphan is buried")
with pytest.raises(AssertionError, match="none of its processes has it"):
    running.host_pid(1)
""",
    "what has ended stays until it is waited for": """
running = box.start(stdin=b"exit 0")
box.wait_for(lambda: open(f"/proc/{running.pid}/stat").read().rpartition(") ")[2][0] == "Z", what="it has ended")
assert running.wait().code == 0
assert not os.path.exists(f"/proc/{running.pid}")
""",
    "probes": """
path = box.probe("look", "import os, sys\\nopen('seen', 'w').write(sys.argv[1] + os.getcwd())\\nos._exit(5)")
ran = box.run(stdin=f"exec {path} here:".encode())
assert ran.code == 5
assert (box.folder / "seen").read_text() == f"here:{box.folder}"
""",
    "waiting for what does not come": """
running = box.start()
with pytest.raises(AssertionError, match="until pigs fly; it did not happen .0.2 s passed."):
    box.wait_for(lambda: False, seconds=0.2, what="pigs fly")
with pytest.raises(AssertionError, match="waited 0.2 s for a line"):
    running.read_line(seconds=0.2)
with pytest.raises(AssertionError, match="it still runs"):
    running.wait(seconds=0.2)
began = time.monotonic()
running.close_stdin()
with pytest.raises(AssertionError, match="did not happen .exit status 0."):
    box.wait_for(lambda: False, seconds=600, what="pigs fly")
""",
    "what does not read": """
running = box.start(stdin=b"exit 0")
running.wait()
with pytest.raises(AssertionError, match="did not read them"):
    running.write(b"x" * 200_000)
""",
    "a limit of a start's own": """
assert box.run(stdin=b"exit 4", seconds=19).code == 4
""",
    "json": """
ran = box.run(stdin=b"x")
with pytest.raises(AssertionError, match="not one JSON value"):
    ran.json()
assert box.run(stdin=b"env X", env={"X": '{"a": 1}'}).json() == {"a": 1}
""",
    "the scratch folder is fresh and the test's": """
assert list(box.folder.iterdir()) == []
(box.folder / "x").write_text("x")
assert os.stat(box.folder).st_mode & 0o777 == 0o755
""",
}


@pytest.mark.parametrize("name", BODIES)
def test_the_box(throw_away, answer, name):
    report = report_of(throw_away, answer, BODIES[name])
    assert report.verdict == "PASS", report.tests[0]


def test_a_broken_limit_cannot_be_caught(throw_away, answer):
    body = """
try:
    box.run(seconds=0.3)
except BaseException:
    pass
"""
    report = report_of(throw_away, answer, body, "import time\ntime.sleep(600)")
    assert (report.verdict, report.points) == ("TIMEOUT", 0)
    assert report.tests[0].message.startswith("the submission still ran after 0.3 s; it was killed; it was ")


HANGING = {
    "for a child": ("import os\n\ndef reap():\n    os.waitpid(-1, 0)\n\nif os.fork() == 0:\n    os.read(0, 1)\nreap()",
                    "asleep in wait4, waiting for a child to end (<submission>/answer.py, line 4, in reap); below "),
    "for data": ("import os\nos.read(0, 1)", "asleep in read of descriptor 0, a pipe (<submission>/answer.py, line 2)"),
    "for nothing": ("while True:\n    pass", "running: it waits for nothing (state R) (<submission>/answer.py, line "),
    "stopped": ("import os\nos.kill(os.getpid(), 19)", "stopped (state T)"),
    "and says nothing": ("import os, signal\nsignal.signal(signal.SIGABRT, signal.SIG_IGN)\nos.read(0, 1)",
                         "asleep in read of descriptor 0, a pipe"),
}  # fmt: skip


@pytest.mark.parametrize(("name", "sandbox"), [*((name, False) for name in HANGING), ("for a child", True)])
def test_it_says_where_the_submission_hangs(throw_away, answer, name, sandbox):
    """The call is the kernel's word, the line Python's own, at SIGABRT; the dump is not left in the output."""
    source, words = HANGING[name]
    exercise = throw_away("""
        from courseware.exercises import points

        @points(4)
        def test_it(box):
            box.start(seconds=1).wait()
        """)
    (test,) = check(exercise, answer(source), seed=1, sandbox=sandbox).tests
    assert test.verdict == "TIMEOUT"
    assert words in test.message
    assert "Fatal Python error" not in test.tail


def test_a_test_can_ask_where_the_submission_hangs(throw_away, answer):
    body = """
running = box.start()
box.wait_for(lambda: running.sleeps_in() == "read", what="it reads")
raise AssertionError(f"it is {running.where()}{running.where()}")
"""
    test = report_of(throw_away, answer, body, HANGING["for data"][0]).tests[0]
    assert (test.verdict, test.message) == ("FAIL", f"it is {HANGING['for data'][1]}")


def test_a_crash_explains_the_assertion(throw_away, answer):
    body = 'running = box.start()\nassert running.read_line() == b"ready\\n", "a first line was wanted"'
    test = report_of(throw_away, answer, body, "1 / 0").tests[0]
    assert test.verdict == "CRASH"
    lines = test.message.splitlines()
    assert lines == ["the submission ended with an uncaught exception: ZeroDivisionError: division by zero",
                     "a first line was wanted"]  # fmt: skip


def test_an_exception_of_a_test_that_reads_a_crash_is_a_crash(throw_away, answer):
    assert report_of(throw_away, answer, "int(box.run().text)", "raise SystemError('x')").verdict == "CRASH"


def test_award_gives_a_part_and_says_why(throw_away, answer):
    report = report_of(throw_away, answer, 'award(0.5, "slow but right")', fixtures="box, award")
    assert (report.verdict, report.points, report.tests[0].message) == ("PASS", 2, "slow but right")
    assert not report.all_passed


def test_a_test_that_builds_on_another_scores_only_with_it(throw_away, answer):
    report = check(throw_away(), answer("pass"), seed=1)
    first, second = report.tests
    assert (first.verdict, second.verdict, second.got) == ("FAIL", "PASS", 0)
    assert second.message == "scores only when test_backwards passes (FAIL)"
    assert (report.verdict, report.points) == ("FAIL", 0)


def test_a_skipped_test_has_not_passed(throw_away, answer):
    assert report_of(throw_away, answer, "pytest.skip('no mood')").tests[0].verdict == "GRADER-ERROR"


# --- functions

FUNCTION = """
from courseware.exercises import points

@points(4)
def test_it(box, nonce):
    words = [nonce.word() for _ in range(3)]
    assert box.call("turn", words, {"loud": True}) == [word[::-1].upper() for word in words], "backwards and loud"
"""
FUNCTIONS = {
    "PASS": "def turn(words, how):\n    return [word[::-1].upper() for word in words]",
    "PASS with noise": "print('{\"value\": 1}')\ndef turn(words, how):\n    print('noise')\n"
    "    return [w[::-1].upper() for w in words]",
    "FAIL": "def turn(words, how):\n    return words",
    "TODO": "import lab\ndef turn(words, how):\n    raise lab.Todo('turn them')",
    "CRASH": "def turn(words, how):\n    raise ValueError('no')",
    "CRASH always equal": "class Equal(list):\n    def __eq__(self, other): return True\n"
    "class Any:\n    def __eq__(self, other): return True\ndef turn(words, how):\n    return Any()",
    "CRASH exits early": "import os\ndef turn(words, how):\n    os._exit(0)",
    "CRASH no function": "x = 1",
    "CRASH garbage": "import os\ndef turn(words, how):\n    for fd in range(3, 20):\n        try: os.write(fd, b'{')\n"
    "        except OSError: pass\n    return []",
    "OOM": "def turn(words, how):\n    return 'x' * (1 << 30)",
    "OUTPUT-LIMIT": "def turn(words, how):\n    return 'x' * (2 << 20)",
    "TIMEOUT": "import time\ndef turn(words, how):\n    time.sleep(600)",
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_is_called_in_a_process_of_its_own(throw_away, answer, name):
    seconds = 2 if name == "TIMEOUT" else 20
    exercise = throw_away(FUNCTION, entry="answer.py:turn", seconds=seconds)
    report = check(exercise, answer(FUNCTIONS[name]), seed=2)
    assert report.verdict == name.split()[0], report.tests[0]
    assert report.points == (4 if report.verdict == "PASS" else 0)


# --- hidden tests, and plain pytest

HIDDEN = """
from courseware.exercises import points

@points(1, part="hidden", after="test_backwards")
def test_hidden(box):
    assert box.run("x").code == 0, "exit status 0"
"""
PUBLIC = """
from courseware.exercises import points

@points(3)
def test_backwards(box, nonce):
    word = nonce.word()
    assert box.run(word).text == word[::-1] + "\\n", "backwards"
"""


def test_hidden_tests_wait_until_they_are_asked_for(throw_away):
    exercise = throw_away(PUBLIC, HIDDEN)
    report = check(exercise, exercise.solution, seed=1)
    assert (report.verdict, report.points, report.of, report.hidden_waiting) == ("PASS", 3, 4, 1)
    assert not report.all_passed
    report = check(exercise, exercise.solution, seed=1, hidden=True)
    assert ([test.name for test in report.tests], report.points) == (["test_backwards", "test_hidden"], 4)
    assert report.all_passed
    (exercise.tests / "test_hidden.py").unlink()  # as in a learner's bundle
    assert check(exercise, exercise.solution, seed=1, hidden=True).hidden_waiting == 1


def pytest_run(*words):
    command = [sys.executable, "-B", "-m", "pytest", "-q", "-p", "no:cacheprovider", "--import-mode=importlib", *words]
    done = subprocess.run(command, cwd="/", capture_output=True, text=True, check=False, timeout=100)
    return done.returncode, done.stdout + done.stderr


def test_plain_pytest_judges_a_submission(throw_away, answer, tmp_path):
    exercise = throw_away(PUBLIC, HIDDEN)
    tests = str(exercise.tests)
    status, text = pytest_run(tests, "--submission", str(answer("print('nothing')")), "--seed", "5")
    assert status == 1
    assert "FAIL · 0 of 3 points · test_backwards\nbackwards\nout| nothing" in text
    assert "proc-throw-away: FAIL, 0 of 4 points; hidden tests wait: 1" in text
    assert "--seed 5" in text
    assert "Traceback" not in text
    report = tmp_path / "report.json"
    status, text = pytest_run(tests, "--solutions", "--hidden", "--report", str(report), "--shuffle", "3")
    assert status == 0, text
    (found,) = parse_report(report.read_text())
    assert found.all_passed
    assert re.search(rf"--seed {found.seed}$", text, re.MULTILINE)


def test_a_folder_with_one_answer_per_exercise(throw_away, answer, tmp_path):
    exercise = throw_away(PUBLIC)
    answer("import sys\nprint(sys.argv[1][::-1])").rename(tmp_path / "proc-throw-away")
    (tmp_path / "work").mkdir()
    (tmp_path / "proc-throw-away").rename(tmp_path / "work" / "proc-throw-away")
    status, text = pytest_run(str(exercise.folder), "--submission", str(tmp_path / "work"))
    assert status == 0, text


def test_plain_pytest_says_what_is_missing(throw_away, tmp_path):
    exercise = throw_away(PUBLIC)
    status, text = pytest_run(str(exercise.tests))
    assert status == 4
    assert "tests of an exercise judge an answer: give --submission DIR, or --solutions" in text
    status, text = pytest_run(str(exercise.tests), "--submission", str(tmp_path / "tests"))
    assert status == 4
    assert "this folder cannot be read" in text
    assert "Traceback" not in text


def test_an_exercise_that_cannot_be_judged_says_why(throw_away, answer):
    exercise = throw_away("import no_such_module\n")
    with pytest.raises(ExerciseError, match=r"its tests cannot be run[^$]*no_such_module"):
        check(exercise, exercise.solution, seed=1)
    (exercise.tests / "test_public.py").write_text("def test_it(box):\n    pass\n")
    with pytest.raises(ExerciseError, match=r"says no points"):
        check(exercise, exercise.solution, seed=1)
    with pytest.raises(ExerciseError, match=r"answer\.py is missing"):
        check(exercise, exercise.tests, seed=1)


def test_what_the_machine_has_not_is_named(throw_away):
    exercise = throw_away(needs='["program:no-such-program"]')
    with pytest.raises(ExerciseError, match="cannot be checked here: the program no-such-program is not installed"):
        check(exercise, exercise.solution, seed=1)
