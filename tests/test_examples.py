"""Every example of every section runs, in a child, and prints what its docstring promises."""

import ast
import pathlib
import re
import subprocess
import sys

import pytest

CLONE = pathlib.Path(__file__).parents[1]
EXAMPLES = sorted(CLONE.glob("*/examples/[0-9]*.py"))


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda p: f"{p.parts[-3]}/{p.name}")
def test_example_runs_and_shows_what_it_says(example, tmp_path, no_leaks):
    promised = ast.get_docstring(ast.parse(example.read_text()))
    done = subprocess.run(
        [sys.executable, example], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stdout + done.stderr
    for word in re.findall(r"`([^`]+)`", promised.split("You should see:")[1]):
        assert word in done.stdout + done.stderr, f"{example.name} promises {word!r} and prints:\n{done.stdout}"
