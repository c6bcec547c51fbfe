"""Every stumbling block is proven by a test that makes the mistake and applies the remedy, or says why there is none.

Such a test is marked ``@pytest.mark.remedy("LCM-FS-01")``. What is not proven has ``verified = "not verified here: …"``
in the data, which ``./course explain`` and the site show.
"""

import pathlib
import re

import pytest

from courseware.explain import blocks

CLONE = pathlib.Path(__file__).parents[1]
MARKED = re.compile(r"""^\s*@pytest\.mark\.remedy\(["'](LCM-[A-Z]+-\d\d)["']\)$""", re.MULTILINE)
NOT_HERE = re.compile(r"not verified here: .{10}")
BLOCKS = blocks(str(CLONE))


@pytest.fixture(scope="module")
def marked():
    """Return the ids that a test is marked with, and in which files."""
    found = {}
    for folder in (CLONE / "tests", *CLONE.glob("*/tests")):
        for path in folder.rglob("test_*.py"):
            for name in MARKED.findall(path.read_text()):
                found.setdefault(name, set()).add(str(path.relative_to(CLONE)))
    return found


@pytest.mark.parametrize("name", BLOCKS)
def test_a_remedy_is_tested_or_says_why_not(name, marked):
    note = BLOCKS[name].verified
    if name in marked:
        assert not note, f"{name} is tested in {marked[name]}, and its data says: {note}"
    else:
        assert NOT_HERE.match(note), f"{name}: no test is marked with it, and its data does not say why"


def test_no_test_is_marked_with_what_nobody_knows(marked):
    assert marked.keys() - BLOCKS.keys() == set()


def test_section_1_is_proven_whole(marked):
    assert {name for name, block in BLOCKS.items() if block.section == 1} <= marked.keys()
