"""Stumbling blocks and the glossary: every id has one owner, every id that is named anywhere is known."""

import pathlib
import re

import pytest

from courseware import explain
from section01_processes import UsageError

CLONE = pathlib.Path(__file__).parents[3]
ID = re.compile(r"LCM-[A-Z]+-\d\d\b")
#: The table of the teaching rules, and who owns each: the courseware is 0.
OWNERS = {
    0: "ENV-01 ENV-02 ENV-03 ENV-04 ENV-05 ENV-06 ENV-07",
    1: "PROC-01 PROC-02 PROC-03 PROC-04 PROC-05 PROC-06 TTY-01",
    2: "NS-01 NS-02 NS-03 NS-04 US-01 US-02 US-03 US-04",
    3: "CG-01 CG-02 CG-03 CG-04 CG-05 CG-06",
    4: "FS-01 FS-02 FS-03 NS-05 IM-01",
    5: "IM-02 IM-03 REG-01",
    6: "NET-01 NET-02 NET-03",
    7: "SEC-01 SEC-02",
    8: "OCI-01",
    9: "INIT-01",
}


def sources():
    """Yield the files in which a learner or a tool may meet an id; tests make up ids of their own."""
    yield CLONE / "course"
    for pattern in ("*.md", "docs/**/*.md", "docs/**/*.toml", "section*/**/*", "capstone/**/*", "courseware/**/*"):
        for path in CLONE.glob(pattern):
            inner = path.relative_to(CLONE).parts
            if path.suffix in (".py", ".md", ".toml", ".sh") and "tests" not in inner[:2] and path.is_file():
                yield path


@pytest.mark.parametrize(("section", "names"), OWNERS.items())
def test_each_block_of_the_teaching_rules_has_its_owner(section, names):
    there = explain.blocks(str(CLONE))
    assert [n for n in names.split() if f"LCM-{n}" not in there or there[f"LCM-{n}"].section != section] == []


def test_every_id_that_is_named_anywhere_is_known():
    known = explain.blocks(str(CLONE))
    named = {(match, path.relative_to(CLONE)) for path in sources() for match in ID.findall(path.read_text())}
    assert len(named) > 50
    assert sorted(f"{path}: {name}" for name, path in named if name not in known) == []


def test_no_id_has_two_owners():
    names = [block.id for block in explain.all_blocks(str(CLONE))]
    assert sorted({n for n in names if names.count(n) > 1}) == []


def test_every_block_says_all_that_a_learner_needs():
    for block in explain.blocks(str(CLONE)).values():
        for field in ("symptom", "cause", "remedy", "link"):
            text = getattr(block, field)
            assert len(text) > 3, f"{block.id}: {field}"
            assert "\n" not in text, f"{block.id}: {field} has several lines"


def test_the_doctors_ids_are_explained():
    from courseware import doctor

    text = pathlib.Path(doctor.__file__).read_text()
    known = explain.blocks(str(CLONE))
    assert ID.findall(text)
    assert [name for name in ID.findall(text) if name not in known] == []


@pytest.mark.parametrize("word", ["LCM-PROC-06", "lcm-proc-06", "proc-06", "PROC-06"])
def test_an_id_may_be_written_short(word):
    text = explain.explain(str(CLONE), word)
    assert text.startswith("LCM-PROC-06\n")
    for label in ("you see", "because", "do this", "read", "lesson   section 1: section01_processes/README.md"):
        assert f"\n  {label}" in text


def test_an_unknown_id_names_the_nearest():
    with pytest.raises(UsageError, match=r"nothing is known of 'LCM-PROX-06' \(near it: LCM-PROC-06"):
        explain.explain(str(CLONE), "LCM-PROX-06")


def test_a_word_finds_what_speaks_of_it():
    assert "LCM-PROC-02" in explain.explain(str(CLONE), "zombie")


@pytest.fixture
def clone(tmp_path):
    (tmp_path / "docs").mkdir()
    (tmp_path / "section01_processes").mkdir()
    (tmp_path / "docs" / "glossary.toml").write_text(
        '[orphan]\nmeans = "a process whose parent has ended"\nintroduced_in = 1\nsee = ["wait(2)"]\n'
        'forms = ["orphaned"]\n["session leader"]\nmeans = "the process that called setsid"\nintroduced_in = 1\n'
    )
    return tmp_path


@pytest.mark.parametrize("word", ["orphan", "Orphans", "orphaned"])
def test_a_term_is_found_by_its_forms(clone, word):
    text = explain.explain(str(clone), word)
    assert text.startswith(
        "orphan\n  means    a process whose parent has ended\n  also     orphaned\n  read     wait(2)"
    )
    assert "section 1: section01_processes/README.md" in text


def test_a_term_of_two_words(clone):
    assert "setsid" in explain.explain(str(clone), "session leader")


def test_a_nearly_right_term_is_named(clone):
    with pytest.raises(UsageError, match="near it: session leader"):
        explain.explain(str(clone), "sesion leder")


def test_the_listing_has_every_id_and_word(clone):
    text = explain.listing(str(clone))
    for word in ("LCM-PROC-01", "LCM-ENV-07", "orphan", "session leader"):
        assert word in text


@pytest.mark.parametrize("text", ["[orphan]\nmeans = 'x'\n", "orphan = 1\n"])
def test_a_term_that_is_not_whole_names_file_and_term(clone, text):
    (clone / "docs" / "glossary.toml").write_text(text)
    with pytest.raises(UsageError, match=r"glossary\.toml: term 'orphan' needs means and introduced_in"):
        explain.glossary(str(clone))


def test_broken_toml_names_file_and_line(clone):
    (clone / "docs" / "glossary.toml").write_text("[orphan\n")
    with pytest.raises(UsageError, match=r"glossary\.toml: not TOML: .*line 1"):
        explain.glossary(str(clone))


def test_an_id_in_two_sections_is_an_error(clone, monkeypatch):
    import section01_processes

    two = {**section01_processes.STUMBLING_BLOCKS, "LCM-ENV-01": section01_processes.STUMBLING_BLOCKS["LCM-PROC-01"]}
    monkeypatch.setattr(section01_processes, "STUMBLING_BLOCKS", two, raising=False)
    with pytest.raises(UsageError, match="LCM-ENV-01 has two owners: section 0 and section 1"):
        explain.blocks(str(clone))
