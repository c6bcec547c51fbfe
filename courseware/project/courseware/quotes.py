"""Write into READMEs what must not be retyped: quoted code, and the tables of exercises. ``./course docs sync``.

What belongs here: the blocks between markers, and who fills them. What does not: what stands around them.

    <!-- quote section01_processes/core/spawn.py:spawn -->    a function, Class.method, class, or ``# region spawn``
    <!-- exercises -->                                        the section's exercises
    <!-- where -->                                            exercise × where it can be done

Each block ends with ``<!-- /quote -->`` (``/exercises``, ``/where``). A path is relative to the section's ``project``
or ``examples``.
"""

from __future__ import annotations

import ast
import glob
import os
import re
import textwrap
from typing import TYPE_CHECKING

from section01_processes import UsageError

from .progress import hand_over
from .sections import Section, read_text, sections, source_file
from .tables import exercise_table, where_table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .exercises import Exercise

BLOCK = re.compile(
    r"^<!-- (?P<kind>quote|exercises|where)(?P<argument> [^\n]*?)? -->$\n(?P<body>.*?)^<!-- /(?P<end>\w+) -->$",
    re.DOTALL | re.MULTILINE,
)
OPENING = re.compile(r"^<!-- (quote|exercises|where)\b[^\n]*-->$", re.MULTILINE)
FENCE = re.compile(r"^(```+|~~~+).*?^\1`*~*[ ]*$", re.DOTALL | re.MULTILINE)
LANGUAGES = {".py": "python", ".sh": "sh", ".toml": "toml"}


# ---- pages ----------------------------------------------------------------------------------------------------------


def sync(clone: str, *, check: bool) -> list[str]:
    """Fill the blocks of every README; return one line per file that was changed or, with ``check``, has drifted."""
    from .exercises import catalogue

    exercises = catalogue(clone)
    lines = []
    for one in sections(clone):
        mine = [exercise for exercise in exercises if exercise.section == one.number]
        for path in _pages(one):
            before = read_text(path)
            after = fill(one, path, before, mine)
            if after == before:
                continue
            name = os.path.relpath(path, clone)
            if check:
                lines.append(f"{name}: {_first_difference(before, after)}: ./course docs sync writes it")
            else:
                _write(clone, path, after)
                lines.append(f"{name}: written")
    return lines


def _pages(one: Section) -> list[str]:
    """Return the pages of a section that may hold blocks."""
    return sorted(
        path
        for pattern in ("README.md", "exercises/README.md", "exercises/*/README.md", "exercises/*/debrief.md")
        for path in glob.glob(os.path.join(glob.escape(one.folder), pattern))
    )


def _write(clone: str, path: str, text: str) -> None:
    with open(path + ".new", "w", encoding="utf-8") as file:
        file.write(text)
    os.chmod(path + ".new", os.stat(path).st_mode & 0o777)
    os.replace(path + ".new", path)
    hand_over(path, clone)


def _first_difference(before: str, after: str) -> str:
    old, new = before.splitlines(), after.splitlines()
    number = next((n for n, pair in enumerate(zip(old, new, strict=False), 1) if pair[0] != pair[1]), len(new) + 1)
    return f"line {number} has drifted from its source"


def fill(one: Section, path: str, text: str, exercises: Sequence[Exercise]) -> str:
    """Return ``text`` with every block filled. Raises UsageError: page, line, and what is wrong."""
    name = os.path.relpath(path, one.clone)
    shown = [match.span() for match in FENCE.finditer(BLOCK.sub(lambda m: " " * len(m[0]), text))]

    def block(match: re.Match[str]) -> str:
        if any(start <= match.start() < end for start, end in shown):
            return match[0]  # a page that shows what a marker looks like
        where = f"{name}, line {text.count(chr(10), 0, match.start()) + 1}"
        kind, argument = match["kind"], (match["argument"] or "").strip()
        if match["end"] != kind or OPENING.search(match["body"]):
            raise UsageError(f"{where}: <!-- {kind} … --> has no <!-- /{kind} -->", exit_code=1)
        try:
            body = quoted(one, argument) if kind == "quote" else TABLES[kind](exercises)
        except UsageError as error:
            raise UsageError(f"{where}: {error}", exit_code=1) from None
        head = match[0].split("\n", 1)[0]
        return f"{head}\n{body}\n<!-- /{kind} -->"

    filled = BLOCK.sub(block, text)
    opened = OPENING.findall(FENCE.sub("", BLOCK.sub("", text)))
    if opened:
        raise UsageError(f"{name}: a <!-- {opened[0]} … --> has no <!-- /{opened[0]} -->", exit_code=1)
    return filled


TABLES = {"exercises": exercise_table, "where": where_table}


# ---- code -----------------------------------------------------------------------------------------------------------


def quoted(one: Section, argument: str) -> str:
    """Return the fenced source of ``PATH:NAME``. Raises UsageError."""
    path, colon, name = argument.rpartition(":")
    if not colon or not path or not name:
        raise UsageError(f"quote what? {argument!r} is no PATH:NAME", exit_code=1)
    source = read_text(source_file(one, path))
    code = region(source, name) or (definition(source, name) if path.endswith(".py") else "")
    if not code:
        raise UsageError(f"{path} has no function, class or region {name}", exit_code=1)
    fence = "```"
    while fence in code:
        fence += "`"
    return f"{fence}{LANGUAGES.get(os.path.splitext(path)[1], 'text')}\n{code}\n{fence}"


def region(source: str, name: str) -> str:
    """Return the lines between ``# region NAME`` and the next ``# endregion``; empty when there is none."""
    pattern = rf"^[ \t]*# region {re.escape(name)}[ \t]*\n(.*?)^[ \t]*# endregion\b"
    match = re.search(pattern, source, re.DOTALL | re.MULTILINE)
    return textwrap.dedent(match[1]).strip("\n") if match else ""


def definition(source: str, name: str) -> str:
    """Return the source of function or class ``name`` (``Class.method`` too), decorators included, or empty."""
    body: list[ast.stmt] = ast.parse(source).body
    found: ast.stmt | None = None
    for part in name.split("."):
        found = next((node for node in body if _is_named(node, part)), None)
        if not isinstance(found, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            return ""
        body = found.body
    if not isinstance(found, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        return ""
    first = min([found.lineno, *(decorator.lineno for decorator in found.decorator_list)])
    return textwrap.dedent("\n".join(source.splitlines()[first - 1 : found.end_lineno]))


def _is_named(node: ast.stmt, name: str) -> bool:
    return isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)) and node.name == name
