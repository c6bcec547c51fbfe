"""The house's rules, checked: layers, style, types, budgets of size."""

import ast
import pathlib
import subprocess
import sys

import pytest

CLONE = pathlib.Path(__file__).parents[1]
TOOLS = pathlib.Path(sys.executable).parent
PROJECTS = sorted(p for p in CLONE.glob("*/project") if p.is_dir())


def run(*command):
    done = subprocess.run(command, cwd=CLONE, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-3000:]


def test_the_layers_hold():
    run(TOOLS / "lint-imports", "--no-cache")


def test_ruff_has_nothing_to_say():
    run(TOOLS / "ruff", "check", "--no-cache", ".")
    run(TOOLS / "ruff", "format", "--no-cache", "--check", ".")


@pytest.mark.timeout(600)
def test_types_are_strict_and_right():
    run(TOOLS / "mypy", "--cache-dir", CLONE / ".course" / "mypy", *PROJECTS)


def test_every_package_is_in_the_import_contracts():
    text = (CLONE / ".importlinter").read_text()
    for project in PROJECTS:
        for package in project.iterdir():
            if (package / "__init__.py").exists():
                assert f"\n    {package.name}\n" in text, f"{package.name} is not in .importlinter"


def test_no_file_is_too_long_to_be_read():
    files = [p for project in PROJECTS for p in project.rglob("*.py")]
    assert {str(p.relative_to(CLONE)): n for p in files if (n := len(p.read_text().splitlines())) > 350} == {}


def test_examples_have_one_idea_each():
    for path in sorted(CLONE.glob("*/examples/*.py")):
        text = path.read_text()
        assert len(text.splitlines()) <= 60, f"{path} is longer than 60 lines"
        for word in ("Run:", "Needs:", "You should see:"):
            assert word in (ast.get_docstring(ast.parse(text)) or ""), f"{path}: no {word!r} in its docstring"
