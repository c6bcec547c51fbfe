"""What an exercise's folder must hold, without running anything: pages, links, hints, files, mutants, words.

What belongs here: looking at files. What does not: the fields of ``exercise.toml`` (``model.py``), what the tests say
(``proof.py``).
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .model import Exercise

LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
CONSOLE = re.compile(r"^```console\n(.*?)^```", re.DOTALL | re.MULTILINE)
CODE = re.compile(r"^(```+|~~~+).*?^\1[`~]*[ ]*$|`[^`\n]*`", re.DOTALL | re.MULTILINE)
PAGES = ("README.md", "debrief.md", "hints/1.md", "hints/2.md", "hints/3.md")
TESTS = ("tests/test_public.py", "tests/test_hidden.py")
WARM_UP_MINUTES = 15


def check_pages(exercise: Exercise) -> tuple[list[str], str]:
    """Return what is wrong, and what was seen in words."""
    problems = [*_files(exercise), *_answers(exercise), *_mutants(exercise), *_words(exercise), *_data(exercise)]
    links = 0
    for page in sorted(exercise.folder.rglob("*.md")):
        found, broken = broken_links(page)
        links += found
        name = page.relative_to(exercise.folder)
        problems += [f"{name}: link to {target}, which is not there" for target in broken]
        sessions = CONSOLE.findall(page.read_text(encoding="utf-8"))
        problems += [f"{name}: a console block shows no command" for text in sessions if not text.startswith("$ ")]
    return problems, f"README, debrief, {len(exercise.hints)} hints, {links} links, {len(exercise.mutants)} mutants"


def broken_links(page: Path) -> tuple[int, list[str]]:
    """Return how many links to files ``page`` has, and the targets that do not exist."""
    text = CODE.sub("", page.read_text(encoding="utf-8"))
    targets = [t for t in LINK.findall(text) if not re.match(r"[a-z][a-z+.-]*:|#", t)]
    return len(targets), [t for t in targets if not (page.parent / t.partition("#")[0]).exists()]


def _files(exercise: Exercise) -> Iterator[str]:
    for name in (*PAGES, *TESTS):
        path = exercise.folder / name
        if not path.is_file():
            yield f"{name} is missing"
        elif not path.read_text(encoding="utf-8").strip():
            yield f"{name} is empty"


def _answers(exercise: Exercise) -> Iterator[str]:
    """Yield where starter and solution do not hold exactly ``files``."""
    wanted = set(exercise.files)
    for folder in (exercise.starter, exercise.solution):
        there = {p.relative_to(folder).as_posix() for p in folder.rglob("*")
                 if p.is_file() and "__pycache__" not in p.parts}  # fmt: skip
        for name in sorted(wanted - there):
            yield f"{folder.name}/{name} is missing (files of exercise.toml names it)"
        for name in sorted(there - wanted):
            yield f"{folder.name}/{name} is not in files of exercise.toml"


def _mutants(exercise: Exercise) -> Iterator[str]:
    from courseware.explain import blocks

    if len(exercise.mutants) < 2:
        yield f"mutants: {len(exercise.mutants)}, at least two are wanted"
    known = blocks(str(exercise.folder.parents[2]))
    for mutant in exercise.mutants:
        where = f"mutants/{mutant.name}/mutant.toml"
        if mutant.id and mutant.id not in known:
            yield f"{where}: id: {mutant.id} is no stumbling block of any section"
        if not mutant.files:
            yield f"mutants/{mutant.name} lays no file over the solution"
        for name in sorted(set(mutant.files) - set(exercise.files)):
            yield f"mutants/{mutant.name}/{name} is not in files of exercise.toml"
        both = sorted(set(mutant.fails) & set(mutant.passes))
        if both:
            yield f"{where}: {', '.join(both)} cannot fail and pass"


def _words(exercise: Exercise) -> Iterator[str]:
    """Yield the words that ``teaches`` names and the glossary does not know, where there is a glossary."""
    from courseware.explain import find_term, glossary

    terms = glossary(str(exercise.folder.parents[2]))
    if terms:
        for word in exercise.teaches:
            if find_term(terms, word) is None:
                yield f"exercise.toml: teaches: {word!r} is not in docs/glossary.toml"


def _data(exercise: Exercise) -> Iterator[str]:
    """Yield what one exercise's numbers may not be."""
    if exercise.role == "warm-up" and exercise.minutes > WARM_UP_MINUTES:
        yield f"exercise.toml: minutes: a warm-up takes {WARM_UP_MINUTES} at most, not {exercise.minutes}"
    if exercise.id in exercise.requires:
        yield f"exercise.toml: requires: {exercise.id} cannot require itself"
