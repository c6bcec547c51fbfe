"""A clone of one section with one small exercise, made afresh for each test that asks for it."""

import shutil
import subprocess
import sys
import textwrap

import pytest
from click.testing import CliRunner

from courseware.cli import course

EXERCISE = """
schema = 1
id = "proc-greet"
title = "A greeting, backwards"
section = 1
role = "warm-up"
goal = "Print a word backwards."
difficulty = 1
minutes = 5
requires = []
teaches = ["exit status"]
files = ["greet.py"]
entry = "greet.py"
needs = []
programs = []

[limits]
seconds = 5

[grading]
points = 10
"""
STARTER = "import lab\n\nraise lab.Todo('print the word backwards')\n"
SOLUTION = "import sys\n\nprint(sys.argv[1][::-1])\n"
PUBLIC = """
from courseware.exercises import points


@points(4, part="word", explain="LCM-PROC-03")
def test_it_prints_the_word_backwards(box, nonce):
    word = nonce.word()
    ran = box.run(word)
    assert ran.out.decode().strip() == word[::-1], f"{word} came back as {ran.out.decode().strip()}"


@points(3, part="status", explain="LCM-PROC-06", after="test_it_prints_the_word_backwards")
def test_it_ends_with_zero(box, nonce):
    ran = box.run(nonce.word())
    assert ran.code == 0, f"it ended with {ran.code}"
"""
HIDDEN = """
from courseware.exercises import points


@points(3, part="word", explain="LCM-PROC-03")
def test_a_long_word(box, nonce):
    word = nonce.word(60)
    assert box.run(word).out.decode().strip() == word[::-1], "a long word came back wrong"
"""
MUTANTS = {
    "forward": (
        "import sys\n\nprint(sys.argv[1])\n", "LCM-PROC-03", ["test_it_prints_the_word_backwards", "test_a_long_word"]
    ),
    "status": ("import sys\n\nprint(sys.argv[1][::-1])\nsys.exit(3)\n", "LCM-PROC-06", ["test_it_ends_with_zero"]),
}  # fmt: skip


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(textwrap.dedent(text).lstrip("\n"))


def write_exercise(folder):
    """Write the small exercise into ``folder``."""
    write(folder / "exercise.toml", EXERCISE)
    write(folder / "README.md", "# A greeting, backwards\n\nSee the [section](../../README.md).\n")
    write(folder / "debrief.md", "Slices are copies.\n")
    for number in (1, 2, 3):
        write(folder / "hints" / f"{number}.md", f"This is hint {number}.\n")
    write(folder / "starter" / "greet.py", STARTER)
    write(folder / "solution" / "greet.py", SOLUTION)
    write(folder / "tests" / "test_public.py", PUBLIC)
    write(folder / "tests" / "test_hidden.py", HIDDEN)
    for name, (code, block, fails) in MUTANTS.items():
        write(folder / "mutants" / name / "greet.py", code)
        names = ", ".join(f'"{test}"' for test in fails)
        write(folder / "mutants" / name / "mutant.toml", f'why = "because"\nid = "{block}"\nfails = [{names}]\n')


@pytest.fixture
def clone(tmp_path):
    """Return the folder of the clone."""
    root = tmp_path / "clone"
    write(root / "section01_processes" / "README.md", "# Section 1\n")
    write_exercise(root / "section01_processes" / "exercises" / "greet")
    tmp_path.chmod(0o755)
    yield root
    shutil.rmtree(root, ignore_errors=True)


@pytest.fixture
def exercise(clone):
    """Return the folder of the exercise."""
    return clone / "section01_processes" / "exercises" / "greet"


@pytest.fixture
def course_tool(clone, monkeypatch):
    """Return a function that runs the tool on the clone, in this process."""

    def run(*words, **options):
        return CliRunner().invoke(course, list(words), obj=str(clone), catch_exceptions=False, **options)

    monkeypatch.delenv("SUDO_UID", raising=False)
    return run


@pytest.fixture
def answer(clone, course_tool):
    """Return a function that writes the learner's answer, started before."""
    assert course_tool("ex", "start", "greet").exit_code == 0

    def put(text=SOLUTION):
        path = clone / "work" / "proc-greet" / "greet.py"
        path.write_text(text)
        return path

    return put


@pytest.fixture
def begin(clone):
    """Return a way to start the tool on the clone in a process of its own, as the launcher does."""

    def begin(*words, **options):
        code = f"import sys; from courseware.cli import course; course({list(words)!r}, obj={str(clone)!r})"
        return subprocess.Popen(
            [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **options
        )

    return begin
