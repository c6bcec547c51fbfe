"""``course ex run``, as typed: the program as a check runs it, with the learner's terminal."""

import json
import os
import subprocess
import sys
import termios

import pytest

from courseware import trying
from courseware.exercises import Exercise

TELL = """
import json, os, resource, sys
print(json.dumps([dict(os.environ), sys.version, sys.executable, sys.flags.safe_path, os.getcwd().split("/")[-1],
                  resource.getrlimit(resource.RLIMIT_AS), sys.dont_write_bytecode, sys.argv[1:]]))
"""


def hide_place(text, place):
    return text.replace(place.rsplit("/", 1)[0], "PLACE")


def test_run_is_as_check_runs(clone, begin, exercise, answer, tmp_path):
    answer(TELL)
    shown = begin("ex", "run", "greet", "--", "-x", "two words").communicate(timeout=60)[0].decode()
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
def test_run_ends_as_the_program(begin, answer, text, code, words):
    answer(text + "\n")
    tool = begin("ex", "run", "greet", stdin=subprocess.PIPE)
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


def test_run_leaves_nobody(begin, answer):
    answer(FORKS)
    name = f"nobody-{os.getpid()}"
    tool = begin("ex", "run", "greet", "--", name)
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
def test_a_traceback_names_the_learners_file(begin, course_tool, answer, options):
    answer(RAISES)
    tool = begin("ex", "run", *options, "greet")
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


def test_run_leaves_the_shells_descriptors_open_and_closes_ours(begin, answer):
    answer(FDS)
    with open(os.devnull) as file:
        tool = begin("ex", "run", "greet", pass_fds=[file.fileno()])
        assert tool.communicate(timeout=60)[0].decode() == f"0 1 2 {file.fileno()}\n"
