"""Text that fits the terminal: its width, wrapping, and every command that prints prose."""

import pathlib

import pytest

from courseware import explain, path, reading, screen

CLONE = str(pathlib.Path(__file__).parents[3])
TEXT = "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen end"


@pytest.mark.parametrize(("columns", "wide"), [("", 80), ("40", 60), ("72", 72), ("200", 100)])
def test_the_width_is_the_terminals_within_limits(monkeypatch, columns, wide):
    monkeypatch.setenv("COLUMNS", columns)
    monkeypatch.setattr("os.get_terminal_size", no_terminal)
    assert screen.width() == wide


def no_terminal(fd):
    raise OSError


@pytest.mark.parametrize("columns", [60, 72, 80, 97])
def test_lines_fit_hang_and_end_in_no_stub(monkeypatch, columns):
    monkeypatch.setenv("COLUMNS", str(columns))
    lines = screen.filled(TEXT, "  ? ").splitlines()
    assert len(lines) == 2
    assert max(map(len, lines)) <= columns
    assert (lines[0][:4], lines[1][:4].strip()) == ("  ? ", "")
    assert len(lines[1]) >= columns // 3
    assert " ".join(" ".join(lines).split()) == f"? {TEXT}"


def test_a_path_is_never_cut(monkeypatch):
    monkeypatch.setenv("COLUMNS", "60")
    name = "section01_processes/project/section01_processes/core-and-more/spawn.py"
    assert name in screen.filled(f"look into {name} and think").splitlines()


def test_each_line_keeps_its_own_indent():
    assert screen.indented("a\n\n  b\n", 4) == ["    a", "", "      b"]


@pytest.mark.parametrize("columns", [60, 80, 100])
def test_what_the_commands_print_fits(monkeypatch, columns):
    monkeypatch.setenv("COLUMNS", str(columns))
    texts = [reading.render(CLONE, 1), explain.listing(CLONE), path.render(CLONE)]
    texts += [explain.explain(CLONE, name) for name in explain.blocks(CLONE)]
    wide = [line for text in texts for line in text.splitlines() if len(line) > columns]
    # What cannot be cut: a path, an address, a number with its unit.
    assert [line for line in wide if max(map(len, line.split())) < columns // 3] == []
