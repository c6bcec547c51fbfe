"""Each verdict, provoked by an answer that really does it; the report of it is the same from run to run."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from courseware.exercises import check
from courseware.exercises.verdicts import report_text

ANSWERS = {
    "PASS": "import sys\nprint(sys.argv[1][::-1])",
    "TODO": "import lab\nraise lab.Todo('turn it round')",
    "FAIL": "print('nothing')",
    "TIMEOUT": "import time\nprint('now', flush=True)\ntime.sleep(600)",
    "OOM": "room = bytearray(1 << 30)",
    "KILLED(SIGSEGV)": "import os, signal\nos.kill(os.getpid(), signal.SIGSEGV)",
    "KILLED(SIGKILL)": "import os\nwhile True:\n    os.fork()",
    "OUTPUT-LIMIT": "while True:\n    print('x' * 100)",
    "CRASH": "import os\nprint(os.getpid(), os.getcwd())\nraise ValueError(__file__)",
}
SECONDS = {"TIMEOUT": 2}


@pytest.mark.lane("host", full="guest")  # the cgroup is another one there
@pytest.mark.parametrize("verdict", ANSWERS)
def test_an_answer_that_does_it_gets_it(throw_away, answer, verdict):
    exercise, folder = throw_away(seconds=SECONDS.get(verdict, 20)), answer(ANSWERS[verdict])
    first = check(exercise, folder, seed=7)
    assert first.verdict == verdict, first
    assert first.points == (4 if verdict == "PASS" else 0)
    assert first.tests[0].explain == ("" if verdict == "PASS" else "LCM-PROC-03")
    again = check(exercise, folder, seed=7, shuffle=True)
    assert report_text([first]).encode() == report_text([again]).encode()


WORDS = {
    "TODO": ("todo: turn it round", ""),
    "TIMEOUT": ("still ran after 2 s; it was killed; it was asleep in clock_nanosleep", "out| now"),
    "OOM": ("more memory than 256M: MemoryError at <submission>/answer.py, line 1", "err| MemoryError"),
    "KILLED(SIGSEGV)": ("signal SIGSEGV ended the submission", ""),
    "KILLED(SIGKILL)": ("more than 24 processes", ""),
    "OUTPUT-LIMIT": ("wrote more than 1M", "out| … cut off after 1M"),
    "CRASH": ("ValueError: <submission>/answer.py", "out| <pid> <folder>"),
}


@pytest.mark.parametrize("verdict", WORDS)
def test_it_says_why_and_shows_the_tail(throw_away, answer, verdict):
    test = check(throw_away(seconds=SECONDS.get(verdict, 20)), answer(ANSWERS[verdict]), seed=7).tests[0]
    message, tail = WORDS[verdict]
    assert message in test.message
    assert tail in test.tail
    assert "/tmp" not in json.dumps([test.message, test.tail])


def test_an_exception_of_the_test_itself_is_the_graders(throw_away):
    exercise = throw_away("""
        from courseware.exercises import points

        @points(4)
        def test_it(box):
            assert box.run("x").code == 0
            {}["missing"]
        """)
    report = check(exercise, exercise.solution, seed=1)
    assert report.verdict == "GRADER-ERROR"
    assert report.tests[0].message == "the test itself failed: KeyError: 'missing' (test_public.py, line 7)"


def test_a_failed_assertion_can_name_another_stumbling_block(throw_away):
    exercise = throw_away("""
        from courseware.exercises import points

        @points(4, explain="LCM-PROC-03")
        def test_it(box):
            assert box.run("x").code == 7, "the group was not there yet, see ./course explain LCM-PROC-12. And more"
        """)
    (test,) = check(exercise, exercise.solution, seed=1).tests
    assert (test.explain, test.message) == ("LCM-PROC-12", "the group was not there yet. And more")


def test_what_is_no_python_is_said_with_its_line_and_nothing_else(throw_away, answer):
    test = check(throw_away(), answer("import sys\nif sys.argv\n    print(1)\n"), seed=1).tests[0]
    assert (test.verdict, test.explain) == ("CRASH", "")
    assert test.message == "<submission>/answer.py, line 2: SyntaxError: expected ':': nothing of it has run"


def test_a_condition_can_look_at_a_process_that_has_just_ended(throw_away):
    """Until it is waited for it is a zombie: who waits for another state of it gets FAIL, not an error of the test."""
    exercise = throw_away("""
        from courseware.exercises import points

        @points(4)
        def test_it(box):
            running = box.start("x")
            stat = f"/proc/{running.pid}/stat"
            box.wait_for(lambda: open(stat).read().split(") ")[1][0] == "T", what="it is stopped")
        """)
    (test,) = check(exercise, exercise.solution, seed=1).tests
    assert test.verdict == "FAIL"
    assert test.message == "waited until it is stopped; it did not happen (exit status 0)"


@pytest.mark.parametrize(
    ("source", "verdict"),
    [
        ("import os\nos._exit(0)", "FAIL"),
        ("import os, time\nos.close(1)\nos.close(2)\ntime.sleep(0.2)\nos._exit(3)", "FAIL"),
        ("import sys\nsys.stdout.buffer.write(bytes(range(256)))", "FAIL"),
        ("import os\nwhile True:\n    if os.fork():\n        os._exit(0)", "FAIL"),
        ("import sys\nsys.stdout.close()\nwhile True:\n    print('x' * 999, file=sys.stderr)", "OUTPUT-LIMIT"),
        ("import os, time\nfor _ in range(99):\n    os.fork() or time.sleep(99)", "KILLED(SIGKILL)"),
        ("import os\nos.kill(0, 9)", "KILLED(SIGKILL)"),
        ("open('big', 'wb').write(bytes(17 << 20))", "CRASH"),
        ("import os\nos.open(__file__, os.O_RDWR | os.O_TRUNC)", "CRASH" if os.geteuid() else "FAIL"),
        ("import courseware", "CRASH"),
        ("import section01_processes", "CRASH"),
    ],
    ids=["exits early", "closes its output", "garbage", "chain of forks", "floods stderr", "crowd", "kills its group",
         "big file", "changes itself", "imports the grader", "imports the reference"],
)  # fmt: skip
def test_odd_answers_end_with_a_typed_verdict_and_leave_nothing(throw_away, answer, source, verdict):
    folder = answer(source)
    report = check(throw_away(), folder, seed=3)
    assert (report.tests[0].verdict, report.points) == (verdict, 0), report
    assert (folder / "answer.py").read_text() == source
    assert_nothing_runs()


def test_what_is_not_text_is_shown_as_escapes(throw_away, answer):
    test = check(throw_away(), answer("import sys\nsys.stdout.buffer.write(b'\\x1b[31m\\xff')"), seed=3).tests[0]
    assert test.tail == "out| \\x1b[31m\\xff"


def test_a_daemon_does_not_outlive_the_test(throw_away, answer):
    source = ANSWERS["PASS"] + """
        import os, time
        sys.stdout.flush()
        if os.fork() == 0:
            os.setsid()
            if os.fork() == 0:
                time.sleep(600)
            os._exit(0)
        """.replace("\n        ", "\n")  # fmt: skip
    report = check(throw_away(), answer(source), seed=3)
    assert (report.verdict, report.points) == ("PASS", 4)
    assert_nothing_runs()


def assert_nothing_runs():
    """Fail if a process of an answer is still there: its program lies in a folder of a plain place."""
    end = time.monotonic() + 5
    while left := [pid for pid in map(int, filter(str.isdigit, os.listdir("/proc"))) if b"/answer.py" in command(pid)]:
        assert time.monotonic() < end, left
        time.sleep(0.05)


def command(pid):
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            return file.read()
    except OSError:
        return b""


@pytest.mark.needs("root")
def test_under_sudo_the_answer_is_the_users(throw_away, answer, monkeypatch):
    monkeypatch.setenv("SUDO_UID", "65534")
    monkeypatch.setenv("SUDO_GID", "65534")
    exercise = throw_away("""
        from courseware.exercises import points

        @points(4)
        def test_it(box):
            with box.start() as running:
                assert running.read_line() == b"ready\\n"
                status = open(f"/proc/{running.pid}/status").read()
                assert "\\nUid:\\t65534\\t65534\\t65534\\t65534\\n" in status, status
                assert "\\nGroups:\\t65534" in status, status
            assert (box.folder / "mine").stat().st_uid == 65534
        """)
    source = "import time\nopen('mine', 'w')\nprint('ready', flush=True)\ntime.sleep(60)"
    report = check(exercise, answer(source), seed=1)
    assert report.verdict == "PASS", report


@pytest.mark.needs("root")
@pytest.mark.parametrize("verdict", ["PASS", "KILLED(SIGKILL)", "OOM", "TIMEOUT"])
def test_an_ordinary_user_can_check_too(throw_away, answer, tmp_path, verdict):
    exercise, folder = throw_away(seconds=SECONDS.get(verdict, 20)), answer(ANSWERS[verdict])
    script = (
        "import sys; from courseware.exercises import Exercise, check; "
        "print(check(Exercise.read(sys.argv[1]), sys.argv[2], seed=1).verdict)"
    )
    for path in [tmp_path, *tmp_path.parents[:2]]:
        path.chmod(0o755)
    words = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", sys.executable, "-B", "-c", script]
    assert run([*words, str(exercise.folder), str(folder)]) == verdict
    assert_nothing_runs()


def run(words):
    env = {"PATH": os.environ["PATH"], "HOME": "/"}
    done = subprocess.run(words, env=env, cwd="/", capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_the_caller_does_not_become_a_subreaper(throw_away):
    exercise = throw_away()
    check(exercise, exercise.solution, seed=1)
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        if os.fork() == 0:
            while os.getppid() == child:
                time.sleep(0.01)
            os.write(writer, str(os.getppid()).encode())
            os._exit(0)
        os._exit(0)
    os.waitpid(child, 0)
    with open(reader, "rb", closefd=True) as file:
        os.close(writer)
        assert int(file.read()) != os.getpid()


def test_an_interrupted_check_leaves_nothing(throw_away, answer, tmp_path):
    exercise, folder = throw_away(seconds=100), answer("import os, time\nos.fork()\nopen('up', 'w')\ntime.sleep(600)")
    script = (
        "import sys; from courseware.exercises import Exercise, check; "
        "check(Exercise.read(sys.argv[1]), sys.argv[2], seed=1)"
    )
    words = [sys.executable, "-B", "-c", script, str(exercise.folder), str(folder)]
    env = {**os.environ, "TMPDIR": str(tmp_path)}
    process = subprocess.Popen(words, env=env, stderr=subprocess.PIPE, start_new_session=True)
    end = time.monotonic() + 60
    while not list(tmp_path.glob("lcm-ex-*/scratch/up")):
        assert time.monotonic() < end
        assert process.poll() is None
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGINT)  # as Ctrl-C does
    assert b"KeyboardInterrupt" in process.communicate(timeout=60)[1]
    assert not list(tmp_path.glob("lcm-*"))
    assert_nothing_runs()
