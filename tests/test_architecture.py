"""The house's rules, checked: layers, style, types, budgets of size."""

import ast
import pathlib
import subprocess
import sys

import pytest

CLONE = pathlib.Path(__file__).parents[1]
TOOLS = pathlib.Path(sys.executable).parent
PROJECTS = sorted(p for p in CLONE.glob("*/project") if p.is_dir())
CORES = sorted(CLONE.glob("section*/project/*/core"))
CORE_LINES = {"section05_images": 400, "section06_network": 400, "section08_oci": 400}


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


def code_lines(path):
    """Count the lines that hold code: no blank line, comment or docstring."""
    tree = ast.parse(path.read_text())
    prose = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node) is not None:
            prose.update(range(node.body[0].lineno, node.body[0].end_lineno + 1))
    lines = enumerate(path.read_text().splitlines(), 1)
    return sum(1 for n, line in lines if line.strip() and not line.strip().startswith("#") and n not in prose)


@pytest.mark.parametrize("core", CORES, ids=lambda c: c.parent.name)
def test_a_core_is_small_enough_to_be_read_whole(core):
    sizes = {p.name: code_lines(p) for p in core.glob("*.py")}
    assert sum(sizes.values()) <= CORE_LINES.get(core.parent.name, 300), sizes
    assert {n: s for n, s in sizes.items() if s > 120} == {}
    long = [
        f"{path.name}:{node.name} {node.end_lineno - node.lineno + 1}"
        for path in core.glob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef) and function_lines(node) > 25
    ]
    assert long == []


def function_lines(node):
    """Count a function's lines without its docstring."""
    lines = node.end_lineno - node.lineno + 1
    if ast.get_docstring(node) is not None:
        lines -= node.body[0].end_lineno - node.body[0].lineno + 1
    return lines


def test_no_file_is_too_long_to_be_read():
    files = [p for project in PROJECTS for p in project.rglob("*.py")]
    assert {str(p.relative_to(CLONE)): n for p in files if (n := len(p.read_text().splitlines())) > 350} == {}


def test_examples_have_one_idea_each():
    for path in sorted(CLONE.glob("*/examples/*.py")):
        text = path.read_text()
        assert len(text.splitlines()) <= 60, f"{path} is longer than 60 lines"
        for word in ("Run:", "Needs:", "You should see:"):
            assert word in (ast.get_docstring(ast.parse(text)) or ""), f"{path}: no {word!r} in its docstring"
