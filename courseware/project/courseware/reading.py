"""The reading order of a section: ``./course read N``, from ``sectionNN_name/reading.toml``.

What belongs here: reading the list, checking it, rendering. What does not: which files (the list says it).
"""

from __future__ import annotations

import ast
import io
import os
import tokenize
from typing import NamedTuple

from section01_processes import UsageError

from .screen import filled
from .sections import Section, read_text, read_toml, section, source_file

FIELDS = {"path": str, "minutes": int, "question": str}


class Reading(NamedTuple):
    """One file to read: its name in lessons, where it is, how long it is, and what to ask oneself.

    ``lines``: all of them; ``code``: those that hold code.
    """

    path: str
    file: str
    lines: int
    code: int
    minutes: int
    question: str


def reading_order(one: Section) -> list[Reading]:
    """Return the files to read, in order; none where the section has no list. Raises UsageError with file and field."""
    path = os.path.join(one.folder, "reading.toml")
    data = read_toml(path)
    unknown = sorted(data.keys() - {"file"})
    if unknown:
        raise UsageError(f"{path}: unknown key {unknown[0]}", hint="there are only [[file]] tables", exit_code=1)
    return [_reading(one, path, number, entry) for number, entry in enumerate(data.get("file", []), 1)]


def _reading(one: Section, path: str, number: int, entry: dict[str, object]) -> Reading:
    for field, kind in FIELDS.items():
        if not isinstance(entry.get(field), kind):
            raise UsageError(f"{path}: file {number}: {field} is missing, or no {kind.__name__}", exit_code=1)
    unknown = sorted(entry.keys() - FIELDS.keys())
    if unknown:
        raise UsageError(f"{path}: file {number}: unknown key {unknown[0]}", exit_code=1)
    name = str(entry["path"])
    file = source_file(one, name)
    minutes, text = entry["minutes"], read_text(file)
    code = code_lines(text) if file.endswith(".py") else sum(bool(line.strip()) for line in text.splitlines())
    return Reading(name, file, len(text.splitlines()), code, minutes if isinstance(minutes, int) else 0,
                   str(entry["question"]))  # fmt: skip


def code_lines(source: str) -> int:
    """Return how many lines of Python hold code: no blank ones, comments, docstrings. Raises SyntaxError."""
    layout = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER}
    code: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type not in layout:
            code.update(range(token.start[0], token.end[0] + 1))
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        if ast.get_docstring(node, clean=False) is not None:
            code.difference_update(range(node.body[0].lineno, (node.body[0].end_lineno or 0) + 1))
    return len(code)


def about(number: int) -> int:
    """Return ``number`` as a reader needs it: to the nearest ten, from ten on."""
    return round(number, -1) if number >= 10 else number


def render(clone: str, number: int) -> str:
    """Return what ``./course read N`` prints. Raises UsageError."""
    one = section(clone, number)
    files = reading_order(one)
    if not files:
        lesson = f"read {one.name}/README.md and the core: {one.name}/project/{one.name}/core/"
        return filled(f"{one.title} has no reading order yet; {lesson}")
    lines = [f"{one.title}: what to read, in this order", ""]
    for place, entry in enumerate(files, 1):
        lines.append(f"{place:2}. {os.path.relpath(entry.file, clone)}")
        lines.append(filled(f"{_length(entry.code, entry.lines)}, {entry.minutes} minutes", "    "))
        lines.append(filled(entry.question, "    ? "))
    total = _length(sum(e.code for e in files), sum(e.lines for e in files))
    return "\n".join([*lines, "", filled(f"together {total}, {sum(e.minutes for e in files)} minutes")])


def _length(code: int, lines: int) -> str:
    return f"about {about(code)} lines of code ({lines} with comments and blank lines)"
