"""The two look-ups: "I saw this error" from every section's stumbling blocks, and the glossary.

What belongs here: data → page. What does not: the data (each section's ``stumbling.py``; ``docs/glossary.toml``).
"""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

from .links import SCHEME, between
from .prose import ERRORS_PAGE, GLOSSARY_PAGE, ID, anchor_of, escape

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from courseware.explain import Block, Term

ERRORS_HEAD = """# I saw this error

Search for the words that you saw (the field on top of the page), or look below your section. The tools print the id
beside the error; `./course explain LCM-FS-01` says the same in the terminal.
"""
GLOSSARY_HEAD = """# Glossary

The words of the course, each as the section explains it that introduces it. `./course explain WORD` finds them in the
terminal.
"""


def errors_page(blocks: Iterable[Block], lessons: Mapping[int, str]) -> str:
    """Return the error index: ``blocks`` by section, each with an anchor such as ``lcm-proc-06``."""
    parts = [ERRORS_HEAD]
    for number, group in groupby(blocks, key=lambda block: block.section):
        parts.append(f"## Section {number}\n" if number else "## Your machine\n")
        parts += [_error(block, lessons) for block in group]
    return "\n".join(parts)


def _error(block: Block, lessons: Mapping[int, str]) -> str:
    read = [f"<{block.link}>" if SCHEME.match(block.link) else escape(block.link)]
    if block.section in lessons:
        read.append(f"[section {block.section}]({between(ERRORS_PAGE, lessons[block.section])})")
    lines = [
        f"### {block.id} · {escape(block.symptom)} {{ #{block.id.lower()} }}",
        "",
        f"- **Because** {_with_ids(block.cause)}",
        f"- **Do this:** {_with_ids(block.remedy)}",
        f"- **Read** {' · '.join(read)}",
    ]
    if block.verified:
        lines.append(f"- *{escape(block.verified)}*")
    return "\n".join([*lines, ""])


def _with_ids(text: str) -> str:
    return ID.sub(lambda match: f"[{match[0]}](#{match[0].lower()})", escape(text))


def glossary_page(terms: Iterable[Term], lessons: Mapping[int, str]) -> str:
    """Return the glossary: ``terms`` sorted, each with an anchor such as ``term-signal-mask``."""
    return "\n".join([GLOSSARY_HEAD, *(_term(t, lessons) for t in sorted(terms, key=lambda t: t.word.casefold()))])


def _term(term: Term, lessons: Mapping[int, str]) -> str:
    where = f"section {term.introduced_in}"
    if term.introduced_in in lessons:
        where = f"[{where}]({between(GLOSSARY_PAGE, lessons[term.introduced_in])})"
    facts = [f"introduced in {where}"]
    if term.see:
        facts.append(f"read {escape(', '.join(term.see))}")
    if term.forms:
        facts.append(f"also: {escape(', '.join(term.forms))}")
    return f"## {escape(term.word)} {{ #{anchor_of(term.word)} }}\n\n{escape(term.means)}\n\n*{' · '.join(facts)}*\n"
