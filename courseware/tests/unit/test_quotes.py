"""Quotes: found by name or region, written between markers, and drift is seen."""

import pathlib

import pytest

from courseware import quotes
from courseware.sections import Section
from section01_processes import UsageError

CLONE = pathlib.Path(__file__).parents[3]
SOURCE = '''"""A module."""

import os


@decorated
def first(a):
    """Return a."""
    return a  # region inner is not one


class Box:
    size = 1

    def open(self):
        # region deep
        x = 1
        if x:
            x = 2
        # endregion
        return x


async def later():
    pass
'''


@pytest.fixture
def one(tmp_path):
    folder = tmp_path / "section01_x" / "project" / "section01_x"
    folder.mkdir(parents=True)
    (folder / "code.py").write_text(SOURCE)
    (tmp_path / "section01_x" / "examples").mkdir()
    (tmp_path / "section01_x" / "examples" / "run.sh").write_text("# region go\necho '```'\n# endregion\n")
    return Section(1, "section01_x", str(tmp_path))


def page(one, text):
    path = pathlib.Path(one.folder, "README.md")
    path.write_text(text)
    return path


def test_no_page_of_this_clone_has_drifted():
    assert quotes.sync(str(CLONE), check=True) == []


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("first", '@decorated\ndef first(a):\n    """Return a."""\n    return a  # region inner is not one'),
        (
            "Box.open",
            "def open(self):\n    # region deep\n    x = 1\n    if x:\n        x = 2\n    # endregion\n    return x",
        ),
        ("deep", "x = 1\nif x:\n    x = 2"),
        ("later", "async def later():\n    pass"),
    ],
)
def test_what_a_name_means(one, name, code):
    assert quotes.quoted(one, f"section01_x/code.py:{name}") == f"```python\n{code}\n```"


def test_a_fence_in_the_code_gets_a_longer_one_around_it(one):
    assert quotes.quoted(one, "run.sh:go") == "````sh\necho '```'\n````"


def test_sync_fills_and_is_idempotent_and_check_sees_drift(one):
    path = page(one, "# X\n\n<!-- quote section01_x/code.py:later -->\nold\n<!-- /quote -->\n\nend\n")
    assert quotes.sync(one.clone, check=True) == [
        "section01_x/README.md: line 4 has drifted from its source: ./course docs sync writes it"
    ]
    assert "old" in path.read_text()
    assert quotes.sync(one.clone, check=False) == ["section01_x/README.md: written"]
    text = path.read_text()
    assert text == (
        "# X\n\n<!-- quote section01_x/code.py:later -->\n```python\nasync def later():\n    pass\n```\n"
        "<!-- /quote -->\n\nend\n"
    )
    assert quotes.sync(one.clone, check=False) == []
    source = pathlib.Path(one.folder, "project", "section01_x", "code.py")
    source.write_text(SOURCE.replace("    pass", "    return 1"))
    assert len(quotes.sync(one.clone, check=True)) == 1
    assert path.read_text() == text, "check wrote"


def test_an_empty_block_and_two_in_a_row_are_filled(one):
    path = page(one, "<!-- quote run.sh:go -->\n<!-- /quote -->\n<!-- quote run.sh:go -->\n<!-- /quote -->\n")
    quotes.sync(one.clone, check=False)
    assert path.read_text().count("echo") == 2
    assert quotes.sync(one.clone, check=True) == []


def test_markers_that_a_page_only_shows_stay(one):
    text = "```\n<!-- quote nowhere.py:x -->\nas it looks\n<!-- /quote -->\n```\n"
    path = page(one, text)
    assert quotes.sync(one.clone, check=False) == []
    assert path.read_text() == text


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a\n\n<!-- quote section01_x/code.py:gone -->\n<!-- /quote -->\n", "line 3: .* has no function, class or"),
        ("<!-- quote code.py:first -->\n<!-- /quote -->\n", "line 1: section01_x: there is no file code.py"),
        ("<!-- quote code.py -->\n<!-- /quote -->\n", "line 1: quote what"),
        ("<!-- quote ../../code.py:x -->\n<!-- /quote -->\n", "there is no file"),
        ("<!-- quote run.sh:go -->\ntext\n", "has no <!-- /quote -->"),
        ("<!-- quote run.sh:go -->\n<!-- /exercises -->\n", "has no <!-- /quote -->"),
        ("<!-- quote run.sh:go -->\n<!-- quote run.sh:go -->\n<!-- /quote -->\n", "has no <!-- /quote -->"),
    ],
)  # fmt: skip
def test_a_wrong_block_names_page_and_line(one, text, words):
    page(one, text)
    with pytest.raises(UsageError, match=words) as caught:
        quotes.sync(one.clone, check=False)
    assert str(caught.value).startswith("section01_x/README.md")
