"""A throw-away exercise in the test's own folder, and answers to it."""

from textwrap import dedent

import pytest

from courseware.exercises import Exercise

TOML = """
schema = 1
id = "proc-throw-away"
title = "Words backwards"
section = 1
role = "core"
goal = "Print the word, last letter first."
difficulty = 1
minutes = 5
requires = []
teaches = []
files = ["answer.py"]
entry = "{entry}"
needs = {needs}

[limits]
seconds = {seconds}
processes = {processes}

[grading]
points = 4
"""
TESTS = """
from courseware.exercises import points

@points(3, part="answer", explain="LCM-PROC-03")
def test_backwards(box, nonce):
    word = nonce.word()
    ran = box.run(word)
    assert ran.out == word[::-1].encode() + b"\\n", f"{word} backwards was wanted, {ran.out!r} came"

@points(1, part="manners", after="test_backwards")
def test_quiet(box):
    assert box.run("x").err == b"", "nothing on standard error was wanted"
"""
SOLUTION = "import sys\nprint(sys.argv[1][::-1])\n"


@pytest.fixture
def throw_away(tmp_path):
    """Return a function that makes the exercise: tests, hidden tests, and fields of exercise.toml."""

    def make(tests=TESTS, hidden="", *, solution=SOLUTION, entry="answer.py", seconds=20, processes=24, needs="[]"):
        folder = tmp_path / "throw_away"
        for name in ("starter", "solution", "tests", "mutants"):
            (folder / name).mkdir(parents=True)
        text = TOML.format(entry=entry, seconds=seconds, processes=processes, needs=needs)
        (folder / "exercise.toml").write_text(text)
        (folder / "tests" / "test_public.py").write_text(dedent(tests))
        if hidden:
            (folder / "tests" / "test_hidden.py").write_text(dedent(hidden))
        (folder / "solution" / "answer.py").write_text(dedent(solution))
        (folder / "starter" / "answer.py").write_text("import lab\nraise lab.Todo('turn it round')\n")
        return Exercise.read(folder)

    return make


@pytest.fixture
def answer(tmp_path):
    """Return a function that writes an answer and gives its folder."""

    def write(source):
        folder = tmp_path / "answer"
        folder.mkdir(exist_ok=True)
        (folder / "answer.py").write_text(dedent(source))
        return folder

    return write
