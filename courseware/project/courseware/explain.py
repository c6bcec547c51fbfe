"""Look up what a learner stumbled over: ``./course explain [ID | WORD]``.

What belongs here: collecting the stumbling blocks of all sections and the glossary, finding, rendering. What does not:
the blocks (each section's ``stumbling.py``; ours) and the terms (``docs/glossary.toml``).
"""

from __future__ import annotations

import difflib
import importlib
import os
import textwrap
from typing import TYPE_CHECKING, NamedTuple

from section01_processes import UsageError

from .screen import filled, width
from .sections import read_toml, sections

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


class Block(NamedTuple):
    """A stumbling block. ``section``: the number of its owner, 0 for the courseware; ``link``: where to read more."""

    id: str
    section: int
    symptom: str
    cause: str
    remedy: str
    link: str
    verified: str = ""


class Term(NamedTuple):
    """A word of the glossary, ``introduced_in`` that section."""

    word: str
    means: str
    introduced_in: int
    see: tuple[str, ...] = ()
    forms: tuple[str, ...] = ()


# ---- collecting -----------------------------------------------------------------------------------------------------


def all_blocks(clone: str) -> Iterator[Block]:
    """Yield the stumbling blocks of every section of ``clone`` and the courseware's, an id twice if two own it."""
    for one in sections(clone):
        try:
            package = importlib.import_module(one.name)
        except ModuleNotFoundError as error:
            if error.name != one.name:
                raise
            continue
        yield from _blocks(getattr(package, "STUMBLING_BLOCKS", {}), one.number)
    from .stumbling import STUMBLING_BLOCKS

    yield from _blocks(STUMBLING_BLOCKS, 0)


def _blocks(data: Mapping[str, Mapping[str, str]], owner: int) -> Iterator[Block]:
    for name, text in data.items():
        number = int(text.get("section", owner))
        yield Block(name, number, text["symptom"], text["cause"], text["remedy"], text["link"],
                    text.get("verified", ""))  # fmt: skip


def blocks(clone: str) -> dict[str, Block]:
    """Return the stumbling blocks by id, ordered by section and id. Raises UsageError when two sections own one."""
    found: dict[str, Block] = {}
    for block in sorted(all_blocks(clone), key=lambda b: (b.section, b.id)):
        if block.id in found:
            owners = f"section {found[block.id].section} and section {block.section}"
            raise UsageError(f"{block.id} has two owners: {owners}", exit_code=1)
        found[block.id] = block
    return found


def glossary(clone: str) -> dict[str, Term]:
    """Return the terms of ``docs/glossary.toml`` by word; none when there is no such file."""
    path = os.path.join(clone, "docs", "glossary.toml")
    terms = {}
    for word, data in read_toml(path).items():
        if not isinstance(data, dict) or not {"means", "introduced_in"} <= data.keys():
            raise UsageError(f"{path}: term {word!r} needs means and introduced_in", exit_code=1)
        see = data.get("see", ())
        terms[word] = Term(word, data["means"], data["introduced_in"], (see,) if isinstance(see, str) else tuple(see),
                           tuple(data.get("forms", ())))  # fmt: skip
    return terms


# ---- finding --------------------------------------------------------------------------------------------------------


def explain(clone: str, wanted: str) -> str:
    """Return the explanation of an id or a word. Raises UsageError with the nearest ones."""
    there, terms = blocks(clone), glossary(clone)
    name = wanted.upper() if wanted.upper().startswith("LCM-") else f"LCM-{wanted.upper()}"
    if name in there:
        return render_block(clone, there[name])
    term = find_term(terms, wanted)
    mentions = [b for b in there.values() if _mentions(b, wanted)]
    if term is None and not mentions:
        raise UsageError(f"nothing is known of {wanted!r}", hint=_nearest(wanted, there, terms), exit_code=2)
    parts = [render_term(clone, term)] if term else []
    if mentions:
        parts.append(f"stumbling blocks that speak of {wanted!r}:\n" + "\n".join(_line(block) for block in mentions))
    return "\n\n".join(parts)


def find_term(terms: Mapping[str, Term], wanted: str) -> Term | None:
    """Return the term that is written ``wanted``, in one of its forms, with or without a plural's s."""
    word = wanted.casefold()
    for term in terms.values():
        spelt = {form.casefold() for form in (term.word, *term.forms)}
        if word in spelt or word.removesuffix("s") in spelt:
            return term
    return None


def _mentions(block: Block, wanted: str) -> bool:
    """Whether ``wanted`` (three letters or more) stands in what a learner saw or why."""
    return len(wanted) > 2 and wanted.casefold() in f"{block.symptom} {block.cause}".casefold()


def _nearest(wanted: str, there: Mapping[str, Block], terms: Mapping[str, Term]) -> str:
    """Return what may have been meant: of an id with a number that is not there, which numbers there are."""
    family, _, number = wanted.upper().rpartition("-")
    siblings = sorted(name for name in there if name.rpartition("-")[0] == family)
    if siblings and number.isdecimal():
        return f"{siblings[0]} to {siblings[-1]} are there; ./course explain lists all"
    known = {name.casefold(): name for name in (*there, *terms)}
    known |= {name.casefold().removeprefix("lcm-"): name for name in there}
    near = [known[k] for k in difflib.get_close_matches(wanted.casefold(), known, n=6, cutoff=0.5)]
    near = list(dict.fromkeys(near))[:4]
    return f"near it: {', '.join(near)}" if near else "./course explain lists all ids and words"


# ---- rendering ------------------------------------------------------------------------------------------------------


def render_block(clone: str, block: Block) -> str:
    """Return the page of one stumbling block."""
    rows = [("you see", block.symptom), ("because", block.cause), ("do this", block.remedy), ("read", block.link)]
    rows.append(("lesson", _lesson(clone, block.section)))
    if block.verified:
        rows.append(("note", block.verified))
    return "\n".join([block.id, *(_row(label, text) for label, text in rows)])


def render_term(clone: str, term: Term) -> str:
    """Return the page of one word."""
    rows = [("means", term.means)]
    if term.forms:
        rows.append(("also", ", ".join(term.forms)))
    if term.see:
        rows.append(("read", ", ".join(term.see)))
    rows.append(("lesson", _lesson(clone, term.introduced_in)))
    return "\n".join([term.word, *(_row(label, text) for label, text in rows)])


def _row(label: str, text: str) -> str:
    return filled(text, f"  {label:<8} ")


def _lesson(clone: str, number: int) -> str:
    name = next((one.name for one in sections(clone) if one.number == number), "courseware")
    return f"section {number}: {name}/README.md" if number else "./course doctor"


def _line(block: Block) -> str:
    return f"  {block.id:<12} {textwrap.shorten(block.symptom, width() - 15, placeholder=' …')}"


def listing(clone: str) -> str:
    """Return all ids, by section, and all words."""
    lines: list[str] = []
    owner = -1
    for block in blocks(clone).values():
        if block.section != owner:
            owner = block.section
            lines += [*([""] if lines else []), f"section {owner}" if owner else "this machine"]
        lines.append(_line(block))
    words = sorted(glossary(clone), key=str.casefold)
    if words:
        lines += ["", "words", filled(", ".join(words), "  ")]
    return "\n".join(lines)


def remedy_line(clone: str, name: str) -> str:
    """Return ``ID: remedy`` in one line, or the id alone when nobody owns it."""
    block = blocks(clone).get(name)
    return f"{name}: {block.remedy}" if block else name
