"""The learner's commands, each as typed, on a clone with one small exercise."""

import json
import os
import signal
import subprocess
import sys
import termios

import pytest

from courseware import progress, trying
from courseware.exercises import Exercise, ExerciseError

WRONG = "import sys\n\nprint(sys.argv[1])\nprint('\\x1b[2Jnoise', file=sys.stderr)\n"


def process(clone, *words, **options):
    """Start the tool on the clone in a process of its own, as the launcher does."""
    code = f"import sys; from courseware.cli import course; course({list(words)!r}, obj={str(clone)!r})"
    return subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **options)


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


# ---- run ------------------------------------------------------------------------------------------------------------

TELL = """
import json, os, resource, sys
print(json.dumps([dict(os.environ), sys.version, sys.executable, sys.flags.safe_path, os.getcwd().split("/")[-1],
                  resource.getrlimit(resource.RLIMIT_AS), sys.dont_write_bytecode, sys.argv[1:]]))
"""


def hide_place(text, place):
    return text.replace(place.rsplit("/", 1)[0], "PLACE")


def test_run_is_as_check_runs(clone, exercise, answer, tmp_path):
    answer(TELL)
    shown = process(clone, "ex", "run", "greet", "--", "-x", "two words").communicate(timeout=60)[0].decode()
    run_by = json.loads(shown)
    (exercise / "tests" / "test_public.py").write_text(
        "from courseware.exercises import points\n\n\n@points(7)\ndef test_tell(box):\n"
        f"    open({str(tmp_path / 'told')!r}, 'wb').write(box.run('-x', 'two words').out)\n"
    )
    trying.try_answer(str(clone), Exercise.read(exercise))
    checked_by = json.loads((tmp_path / "told").read_bytes())
    texts = [hide_place(json.dumps(told), told[0]["HOME"]) for told in (run_by, checked_by)]
    assert texts[0] == texts[1]


@pytest.mark.parametrize(
    ("text", "code", "words"),
    [
        ("raise SystemExit(7)", 7, ""),
        ("import os; os.kill(os.getpid(), 9)", 137, ""),
        ("import lab; raise lab.Todo('x')", 100, "a check says TODO"),
        ("print(open(0).read().upper())", 0, "TYPED"),
    ],
)
def test_run_ends_as_the_program(clone, answer, text, code, words):
    answer(text + "\n")
    tool = process(clone, "ex", "run", "greet", stdin=subprocess.PIPE)
    out = tool.communicate(b"typed", timeout=60)[0].decode()
    assert (tool.returncode, words in out) == (code, True), out


FORKS = """
import os, time
if os.fork():
    print("parent", flush=True)
else:
    os.setsid()
    time.sleep(600)
"""


def test_run_leaves_nobody(clone, answer):
    answer(FORKS)
    name = f"nobody-{os.getpid()}"
    tool = process(clone, "ex", "run", "greet", "--", name)
    out = tool.communicate(timeout=60)[0].decode()
    assert (tool.returncode, "parent" in out) == (0, True)
    assert [pid for pid in filter(str.isdigit, os.listdir("/proc")) if name in words_of(pid)] == []


def words_of(pid):
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            return file.read().decode(errors="replace").split("\0")
    except OSError:
        return []


RAISES = "import sys\n\nsys.stderr.write('first\\n')\nraise ValueError(sys.argv[0])\n"


@pytest.mark.parametrize("options", [[], pytest.param(["--sandbox"], marks=pytest.mark.needs("root"))])
def test_a_traceback_names_the_learners_file(clone, course_tool, answer, options):
    answer(RAISES)
    tool = process(clone, "ex", "run", *options, "greet")
    out = tool.communicate(timeout=60)[0].decode()
    assert tool.returncode == 1
    assert out.startswith('first\nTraceback (most recent call last):\n  File "work/proc-greet/greet.py", line 4, in')
    assert "/lcm-ex-" not in out
    shown = course_tool("ex", "check", *options, "greet").output
    assert 'File "work/proc-greet/greet.py", line 4' in shown
    assert "<submission>" not in shown


def test_run_shows_a_terminal_to_a_program_that_has_one(clone, answer):
    answer("import os, sys\n\nprint(os.isatty(2), tuple(os.get_terminal_size(2)))\nraise SystemExit('two\\nlines')\n")
    ours, theirs = os.openpty()
    termios.tcsetwinsize(theirs, (33, 77))
    code = f"from courseware.cli import course; course(['ex', 'run', 'greet'], obj={str(clone)!r})"
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=theirs) as tool:
        os.close(theirs)
        assert tool.communicate(timeout=60)[0] == b"True (77, 33)\n"
        assert os.read(ours, 1000) == b"two\r\nlines\r\n"
        os.close(ours)


FDS = """
import os

found = [int(fd) for fd in os.listdir("/proc/self/fd")]
print(*sorted(fd for fd in found if os.path.exists(f"/proc/self/fd/{fd}")))
"""


def test_run_leaves_the_shells_descriptors_open_and_closes_ours(clone, answer):
    answer(FDS)
    with open(os.devnull) as file:
        tool = process(clone, "ex", "run", "greet", pass_fds=[file.fileno()])
        assert tool.communicate(timeout=60)[0].decode() == f"0 1 2 {file.fileno()}\n"


# ---- watch ----------------------------------------------------------------------------------------------------------


def read_until(tool, words):
    text = b""
    while words.encode() not in text:
        piece = os.read(tool.stdout.fileno(), 4096)
        assert piece, text.decode()
        text += piece
    return text.decode()


def test_watch_checks_again_after_a_change_and_ends_on_full_points(clone, answer):
    path = answer(WRONG)
    tool = process(clone, "ex", "watch", "greet", "--plain")
    try:
        text = read_until(tool, "waiting for a change of greet.py")
        assert text.startswith("watching greet.py: the first check runs now")
        assert text.count("watching greet.py") == 1
        assert "0 of 7 points" in text
        new = path.with_name("greet.py~")
        new.write_text("import sys\n\nprint(sys.argv[1][::-1])\n")
        os.replace(new, path)  # as editors save
        text = tool.communicate(timeout=100)[0].decode()
        assert "passed: 7 of 7 points" in text
        assert text.endswith("full points: no longer watching\n")
        assert tool.returncode == 0
    finally:
        tool.kill()
        tool.wait()


def test_watch_stands_a_file_that_is_gone_for_a_moment_and_ends_by_ctrl_c(clone, answer):
    path = answer(WRONG)
    tool = process(clone, "ex", "watch", "greet", "--plain")
    try:
        read_until(tool, "waiting for a change")
        path.unlink()
        assert "greet.py is missing" in read_until(tool, "waiting for a change")
        tool.send_signal(signal.SIGINT)
        text = tool.communicate(timeout=60)[0].decode()
        assert tool.returncode == 130, text
        assert "Traceback" not in text
    finally:
        tool.kill()
        tool.wait()


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


def test_two_at_once_lose_nothing(clone):
    tools = [process(clone, "ex", "hint", "greet") for _ in range(3)]
    for tool in tools:
        assert tool.wait(60) == 0
        tool.stdout.close()
    assert progress.read_progress(str(clone)).of("proc-greet")["hints"] == 3


def test_grade_says_that_it_is_not_there_yet(course_tool):
    done = course_tool("grade", "submissions", "--out", "x")
    assert (done.exit_code, "not accepted yet" in done.output) == (2, True)
