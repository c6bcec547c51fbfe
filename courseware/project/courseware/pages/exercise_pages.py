"""The page of an exercise: its README, its facts, the commands, the hints, each folded; and the list of all exercises.

The debrief is only named, and neither solution nor hidden tests are ever read here.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from courseware.tables import table

from .links import between
from .prose import GLOSSARY_PAGE, anchor_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from courseware.exercises import Exercise
    from courseware.explain import Term

    from .prose import Site

ALL_PAGE = "exercises/index.md"
HINTS = ("a nudge", "a pointer", "almost the answer")
AFTERWARDS = """## When it has passed

`./course ex check` then names the *debrief*: why it is so, how a real runtime does it, what was left out.
`./course ex solution {id}` shows our answer.
"""
HEAD = re.compile(r"\A(?P<title># [^\n]*\n)\s*(?:\*[^*\n]*\bminutes\b[^*\n]*\*\n)?", re.MULTILINE)


def page_of(exercise: Exercise) -> str:
    """Return the name of the exercise's page."""
    return f"exercises/{exercise.id}.md"


def exercise_page(site: Site, exercise: Exercise, terms: Mapping[str, Term]) -> str:
    """Return the page of ``exercise``. Raises BrokenLinkError."""
    page = page_of(exercise)
    text = _rewritten(site, exercise, "README.md", page)
    head = HEAD.match(text)
    title = head["title"] if head else f"# {exercise.title}\n"
    rest = text[head.end() :] if head else text
    return f"{title}\n{_facts(site, exercise, terms)}\n\n{rest.strip()}\n\n{_tail(site, exercise, page)}"


def _rewritten(site: Site, exercise: Exercise, name: str, page: str) -> str:
    path = f"{exercise.folder}/{name}"
    with open(path, encoding="utf-8") as file:
        return site.rewrite(os.path.relpath(path, site.links.clone), file.read(), page)


def _facts(site: Site, exercise: Exercise, terms: Mapping[str, Term]) -> str:
    page = page_of(exercise)
    lesson = site.lessons.get(exercise.section)
    facts = [f"`{exercise.id}`", f"section {exercise.section}", exercise.role, f"difficulty {exercise.difficulty}",
             f"{exercise.minutes} minutes", f"{exercise.points:g} points", needs_of(exercise)]  # fmt: skip
    if lesson:
        facts[1] = f"[section {exercise.section}]({between(page, lesson)})"
    lines = [" · ".join(facts)]
    if exercise.requires:
        lines.append("Before it: " + ", ".join(f"[{name}]({name}.md)" for name in exercise.requires) + ".")
    words = [_word(word, terms, page) for word in exercise.teaches]
    if words:
        lines.append(f"Words: {', '.join(words)}.")
    return "  \n".join(lines) + "\n{ .facts }"


def needs_of(exercise: Exercise) -> str:
    """Return in words what the exercise needs of the machine."""
    return "needs " + ", ".join(exercise.needs) if exercise.needs else "no root"


def _word(word: str, terms: Mapping[str, Term], page: str) -> str:
    from courseware.explain import find_term

    term = find_term(terms, word)
    return f"[{word}]({between(page, GLOSSARY_PAGE)}#{anchor_of(term.word)})" if term else word


def _tail(site: Site, exercise: Exercise, page: str) -> str:
    parts = ["## Start and check\n", "```console", f"$ ./course ex start {exercise.id}",
             f"$ ./course ex check {exercise.id}", "```\n"]  # fmt: skip
    if exercise.hints:
        # out of the search: nobody should read the answer in a list of results
        parts.append("## Hints { data-search-exclude }\n\nOne at a time, and only when you are stuck.\n")
        parts += [_hint(site, exercise, page, number) for number in range(1, len(exercise.hints) + 1)]
    parts.append(AFTERWARDS.format(id=exercise.id))
    return "\n".join(parts)


def _hint(site: Site, exercise: Exercise, page: str, number: int) -> str:
    text = _rewritten(site, exercise, f"hints/{number}.md", page).strip()
    what = HINTS[number - 1] if number <= len(HINTS) else "one more"
    body = "\n".join(f"    {line}" if line.strip() else "" for line in text.splitlines())
    return f'??? tip "Hint {number}: {what}"\n\n{body}\n'


def all_page(exercises: Iterable[Exercise], lessons: Mapping[int, str]) -> str:
    """Return the list of all exercises, a table per section."""
    parts = ["# All exercises\n\nStart one with `./course ex start ID`; `./course next` says which.\n"]
    there = list(exercises)
    for number in sorted({exercise.section for exercise in there}):
        mine = [e for e in there if e.section == number]
        rows = [
            (f"[{e.title}]({e.id}.md)", e.role, e.difficulty, e.minutes, f"{e.points:g}", needs_of(e)) for e in mine
        ]
        lesson = f"[the lesson]({between(ALL_PAGE, lessons[number])})" if number in lessons else ""
        head = ("exercise", "role", "difficulty", "minutes", "points", "needs")
        parts.append(f"## Section {number}\n\n{table(head, rows)}\n\n{lesson}\n")
    return "\n".join(parts)
