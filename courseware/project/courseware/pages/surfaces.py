"""The API reference: one page per section, with the names that its package root exports, by the module they stand in.

The names are read from the source of ``__init__.py`` (its table ``_WHERE``, PEP 562), and mkdocstrings reads the
modules the same way: nothing is imported.
"""

from __future__ import annotations

import ast
import os
from typing import TYPE_CHECKING

from .links import between

if TYPE_CHECKING:
    from courseware.sections import Section

    from .links import Links


def page_of(one: Section) -> str:
    """Return the name of the section's reference page."""
    return f"reference/api/{one.name}.md"


def exports(source: str) -> dict[str, str]:
    """Return the public names of a package root's ``source`` → the submodule (dotted; "" for the root itself)."""
    found: dict[str, str] = {}
    for node in ast.parse(source).body:
        if not isinstance(node, ast.Assign) or not isinstance(node.targets[0], ast.Name):
            continue
        if node.targets[0].id == "_WHERE":
            found |= ast.literal_eval(node.value)
        elif node.targets[0].id == "__all__" and isinstance(node.value, ast.List):
            found = dict.fromkeys(ast.literal_eval(node.value), "") | found
    return {name: where for name, where in found.items() if name != "STUMBLING_BLOCKS"}


def surface_page(one: Section, links: Links) -> str:
    """Return the reference page of a section; empty when its package root exports nothing."""
    root = f"{one.name}/project/{one.name}"
    try:
        with open(f"{links.clone}/{root}/__init__.py", encoding="utf-8") as file:
            names = exports(file.read())
    except FileNotFoundError:
        return ""
    if not names:
        return ""
    example = f"from {one.name} import {min(names, key=str.casefold)}"
    parts = [f"# API · {one.name}\n\nWhat the floors above take, always from the package root: `{example}`.\n"]
    for module in sorted(set(names.values()), key=lambda m: (m != "", not m.startswith("core"), m)):
        parts += _module(one, module, sorted(n for n, m in names.items() if m == module), root, links)
    return "\n".join(parts)


def _module(one: Section, module: str, names: list[str], root: str, links: Links) -> list[str]:
    path = f"{root}/{module.replace('.', '/')}.py" if module else f"{root}/__init__.py"
    if not os.path.exists(f"{links.clone}/{path}"):
        path = f"{root}/{module.replace('.', '/')}/__init__.py"
    link = between(page_of(one), links.source_page(path))
    dotted = ".".join(filter(None, (one.name, module)))
    return [f"## {module or one.name}\n\n[The file]({link})\n", *(f"::: {dotted}.{name}\n" for name in names)]
