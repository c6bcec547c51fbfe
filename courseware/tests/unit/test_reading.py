"""The reading order: every list in the clone is right, and a wrong one names file, entry and field."""

import importlib.util
import pathlib

import pytest

from courseware import reading
from courseware.sections import Section, section, sections
from section01_processes import UsageError

CLONE = str(pathlib.Path(__file__).parents[3])


@pytest.mark.parametrize("one", sections(CLONE), ids=lambda one: one.name)
def test_the_lists_name_files_that_are_there(one):
    for entry in reading.reading_order(one):
        assert entry.lines > 5
        assert 0 < entry.minutes <= 45
        assert entry.question.endswith("?")


@pytest.mark.parametrize("number", [1, 2])
def test_the_whole_core_is_read(number):
    one = section(CLONE, number)
    core = {p.name for p in pathlib.Path(one.folder, "project", one.name, "core").glob("*.py")} - {"__init__.py"}
    assert core <= {pathlib.Path(entry.file).name for entry in reading.reading_order(one)}


def test_the_page_counts_lines_and_minutes():
    text = reading.render(CLONE, 1)
    files = reading.reading_order(section(CLONE, 1))
    code = round(sum(f.code for f in files), -1)
    total = f"together about {code} lines of code ({sum(f.lines for f in files)} with comments and blank lines),"
    assert f"{total} {sum(f.minutes for f in files)} minutes" in " ".join(text.split())
    assert text.count("    ? ") == len(files)


def test_code_lines_are_those_that_the_budget_counts():
    spec = importlib.util.spec_from_file_location("budget", pathlib.Path(CLONE, "tests", "test_budget.py"))
    budget = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(budget)
    files = [entry.file for one in sections(CLONE) for entry in reading.reading_order(one)]
    texts = [pathlib.Path(file).read_text() for file in files if file.endswith(".py")]
    assert len(texts) > 5
    assert [reading.code_lines(text) for text in texts] == [budget.code_lines(text) for text in texts]


def test_code_lines_are_no_comments_blank_lines_or_docstrings():
    text = '"""Doc.\n\nMore.\n"""\n\n# a\nx = """two\nlines"""  # b\n\n'
    text += '\nasync def f():\n    """Doc."""\n    return (\n        1\n    )\n'
    assert reading.code_lines(text) == 6


@pytest.fixture
def one(tmp_path):
    (tmp_path / "section01_x" / "project" / "section01_x").mkdir(parents=True)
    (tmp_path / "section01_x" / "project" / "section01_x" / "a.py").write_text("1\n2\n")
    (tmp_path / "outside.py").write_text("")
    return Section(1, "section01_x", str(tmp_path))


def test_a_section_without_a_list_says_what_to_read(one):
    assert "section01_x has no reading order yet; read section01_x/README.md" in reading.render(one.clone, 1)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[[file]]\npath = 'section01_x/a.py'\nminutes = 3\n", "file 1: question is missing"),
        (
            "[[file]]\npath = 'section01_x/a.py'\nminutes = '3'\nquestion = 'x?'\n",
            "file 1: minutes is missing, or no int",
        ),
        ("[[file]]\npath = 'section01_x/b.py'\nminutes = 3\nquestion = 'x?'\n", "there is no file section01_x/b.py"),
        ("[[file]]\npath = '../../outside.py'\nminutes = 3\nquestion = 'x?'\n", "there is no file ../../outside.py"),
        ("[[file]]\npath = 'section01_x/a.py'\nminutes = 3\nquestion = 'x?'\nwhy = 1\n", "file 1: unknown key why"),
        ("[[files]]\n", "unknown key files"),
        ("[[file]\n", "not TOML"),
    ],
)
def test_a_wrong_list_names_what_is_wrong(one, text, words):
    pathlib.Path(one.folder, "reading.toml").write_text(text)
    with pytest.raises(UsageError, match=words.replace(".", r"\.")):
        reading.reading_order(one)


def test_an_unknown_section_names_those_there_are(one):
    with pytest.raises(UsageError, match=r"there is no section 7 \(there are: 1\)"):
        section(one.clone, 7)
