"""The budgets of the course: how large core/ may be, how long a lesson, how many new words, how steep the exercises.

What belongs here: counting in files. What does not: whether exercises and quotes are right (``course verify``, ``course
docs sync --check``).
"""

from __future__ import annotations

import ast
import itertools
import re
import tomllib
from pathlib import Path

import pytest

from courseware.reading import code_lines

ROOT = Path(__file__).parent.parent
SECTIONS = sorted(path for path in ROOT.glob("section*") if path.is_dir())
#: Code lines of core/ per section; 400 where the subject needs it (design.md §3).
CORE_LINES = {5: 400, 6: 400, 8: 400}
#: Sections whose lesson is complete; the others still have a first version of their README.
LESSONS = [section for section in SECTIONS if "## Part 1" in (section / "README.md").read_text()]
TILDE = re.compile(r"^(`{3,}|~{3,}).*?^\1\s*$", re.MULTILINE | re.DOTALL)
BADGE = re.compile(r"^\*(no root|root, inside a throw-away namespace|root, changes this machine: .+; undo: .+)\*$")
NO_ROOT = {"", "userns"}


def number(section: Path) -> int:
    return int(section.name[7:9])


@pytest.mark.parametrize("section", SECTIONS, ids=lambda section: section.name)
def test_core_is_small_enough_to_be_read_whole(section):
    files = sorted((section / "project" / section.name / "core").glob("*.py"))
    counted = {path.name: code_lines(path.read_text()) for path in files}
    assert sum(counted.values()) <= CORE_LINES.get(number(section), 300), counted
    assert max(counted.values()) <= 120, counted


@pytest.mark.parametrize("section", SECTIONS, ids=lambda section: section.name)
def test_functions_of_core_fit_on_half_a_screen(section):
    long = []
    for path in sorted((section / "project" / section.name / "core").glob("*.py")):
        source = path.read_text()
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.FunctionDef):
                text = ast.get_source_segment(source, node) or ""
                if code_lines(text) > 25:
                    long.append(f"{path.name}:{node.name} {code_lines(text)}")
    assert long == []


def core_path(section: Path) -> str:
    """Return what of a README has to be read: everything before "Going further", without code, screens and tables."""
    text = (section / "README.md").read_text()
    text = re.split(r"^## Going further", text, flags=re.MULTILINE)[0]
    text = re.sub(r"<details>.*?</details>", "", text, flags=re.DOTALL)
    text = TILDE.sub("", text)
    return "\n".join(line for line in text.splitlines() if not line.startswith("|"))


def test_at_least_the_pattern_room_has_its_lesson():
    assert "section01_processes" in [section.name for section in LESSONS]


@pytest.mark.parametrize("section", LESSONS, ids=lambda section: section.name)
def test_a_lesson_can_be_read_in_its_time(section):
    words = len(core_path(section).split())
    assert words <= 3000, f"{words} words on the core path"
    text = (section / "README.md").read_text()
    parts = re.findall(r"^## Part (\d) .*?(\d+) min", text, re.MULTILINE)
    assert [int(part) for part, _ in parts] == list(range(1, len(parts) + 1))
    assert 3 <= len(parts) <= 5
    assert all(int(minutes) <= 45 for _, minutes in parts), parts


def sentences(section: Path) -> list[tuple[int, str]]:
    """Return the README's (line number, line), without fenced blocks."""
    text = TILDE.sub(lambda match: "\n" * match.group().count("\n"), (section / "README.md").read_text())
    return list(enumerate(text.splitlines(), 1))


def glossary() -> dict[str, dict[str, object]]:
    return tomllib.loads((ROOT / "docs" / "glossary.toml").read_text())


@pytest.mark.parametrize("section", LESSONS, ids=lambda section: section.name)
def test_no_word_of_a_later_section_comes_unannounced(section):
    here, missing = number(section), []
    for word, entry in glossary().items():
        later = int(str(entry["introduced_in"]))
        if later <= here:
            continue
        spellings = "|".join(re.escape(form) for form in (word, *entry.get("forms", ())))
        # Longer words that contain this one (a file's name, a flag, code) are not this word.
        pattern = re.compile(rf"(?<![\w/.`-])({spellings})(?![\w/.`-])", re.IGNORECASE)
        for line, text in sentences(section):
            if text.startswith(("[", "<!--")):
                continue
            if pattern.search(text):
                if f"later: §{later}" not in text and f"later: [§{later}" not in text:
                    missing.append(f"line {line}: {word!r} needs (later: §{later})")
                break  # the first use announces it
    assert missing == []


@pytest.mark.parametrize("section", LESSONS, ids=lambda section: section.name)
def test_new_words_are_few_and_named_on_the_card(section):
    row = next(line for line in (section / "README.md").read_text().splitlines() if line.startswith("| new words"))
    named = {word.strip() for word in row.split("|")[2].split(",")}
    cards = {
        word for word, entry in glossary().items() if entry["introduced_in"] == number(section) and entry.get("card")
    }
    assert named == cards
    assert len(named) <= 12


PAGES = [ROOT / "README.md", *sorted((ROOT / "docs" / "start").glob("*.md")), *(s / "README.md" for s in LESSONS)]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_command_block_has_a_badge_and_says_what_is_typed(page):
    lines = page.read_text().splitlines()
    blocks = [i for i, line in enumerate(lines) if line.strip() == "```console"]
    wrong = []
    for start in blocks:
        before = next(line.strip() for line in reversed(lines[:start]) if line.strip())
        if not BADGE.match(before):
            wrong.append(f"line {start + 1}: no badge before the block, but {before[:60]!r}")
        if not lines[start + 1].strip().startswith("$ "):
            wrong.append(f"line {start + 2}: a block begins with a command ($ …)")
    assert wrong == []


@pytest.mark.parametrize("section", SECTIONS, ids=lambda section: section.name)
def test_exercises_rise_gently_and_mostly_need_no_root(section):
    found = [tomllib.loads(path.read_text()) for path in sorted((section / "exercises").glob("*/exercise.toml"))]
    if not found:
        assert section not in LESSONS, "a lesson without exercises"
        return
    order = {"warm-up": 0, "core": 1, "thread": 2, "stretch": 3}
    found.sort(key=lambda exercise: (order[exercise["role"]], exercise["difficulty"]))
    required = [exercise["difficulty"] for exercise in found if exercise["role"] != "stretch"]
    assert all(after - before <= 1 for before, after in itertools.pairwise(required)), required
    points = sum(exercise["grading"]["points"] for exercise in found)
    free = sum(exercise["grading"]["points"] for exercise in found if NO_ROOT.issuperset(exercise["needs"] or [""]))
    assert free >= 0.4 * points, f"{free} of {points} points without root"
    if section in LESSONS:
        roles = sorted(exercise["role"] for exercise in found)
        assert roles == ["core", "core", "stretch", "thread", "warm-up"]
        assert next(e for e in found if e["role"] == "warm-up")["minutes"] <= 15
