"""Links of a page: from places in the repository to places on the site. A target that is not there ends the build.

A README's link leads to its page, an image is copied, any other file gets a page that shows it. What learners must not
see (a solution, a mutant, a hidden test, a debrief) may not be linked from any page.
"""

from __future__ import annotations

import os
import re
import shutil
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

LANGUAGES = {".py": "python", ".sh": "sh", ".toml": "toml", ".json": "json", ".yml": "yaml", ".yaml": "yaml"}
SECRET = re.compile(r"(?:^|/)exercises/[^/]+/(?:solution|mutants|debrief\.md|tests/test_hidden\.py)(?:/|$)")
SCHEME = re.compile(r"[a-z][a-z0-9+.-]*:", re.IGNORECASE)
#: Shown files are read from their links; in the search they would bury the lessons.
UNSEARCHED = "---\nsearch:\n  exclude: true\n---\n\n"
FENCE = re.compile(r"^\s*(`{3,})", re.MULTILINE)


class BrokenLinkError(Exception):
    """A page links to what is not there, or must not be shown."""


class Links:
    """The links of one site: ``clone`` and ``target`` are folders, ``pages`` maps a source to its page's name."""

    def __init__(self, clone: str, target: str, pages: Mapping[str, str]) -> None:
        self.clone, self.target, self.pages = clone, target, pages

    def of(self, source: str, page: str, path: str, anchor: str = "") -> str:
        """Return where ``path``, as ``source`` writes it, stands as seen from ``page``. Raises BrokenLinkError."""
        if SCHEME.match(path):
            return path + anchor
        wanted = self._existing(source, path)
        if SECRET.search(wanted):
            raise BrokenLinkError(f"{source}: link to {path}, which learners must not see before they have passed")
        if f"{wanted}/README.md" in self.pages:
            wanted += "/README.md"
        return between(page, self.pages.get(wanted) or self.source_page(wanted)) + anchor

    def image(self, source: str, page: str, path: str, alt: str) -> str:
        """Copy an image to the site and return where it stands as seen from ``page``. Raises BrokenLinkError."""
        if SCHEME.match(path):
            raise BrokenLinkError(f"{source}: image {path} would be fetched from elsewhere: put it into the repository")
        wanted = self._existing(source, path)
        if not alt.strip():
            raise BrokenLinkError(f"{source}: image {path} has no alternative text: ![what it shows]({path})")
        copy = f"assets/img/{wanted.replace('/', '-')}"
        os.makedirs(f"{self.target}/assets/img", exist_ok=True)
        shutil.copyfile(f"{self.clone}/{wanted}", f"{self.target}/{copy}")
        return between(page, copy)

    def _existing(self, source: str, path: str) -> str:
        wanted = os.path.normpath(os.path.join(os.path.dirname(source), path))
        if wanted.startswith("..") or not os.path.exists(f"{self.clone}/{wanted}"):
            raise BrokenLinkError(f"{source}: link to {path}, which is not in the repository")
        return wanted

    def source_page(self, path: str) -> str:
        """Write a page that shows the file (or lists the folder) ``path`` and return the page's name."""
        page = f"source/{path.strip('/').replace('/', '-')}.md"
        full = f"{self.clone}/{path}"
        if os.path.isdir(full):
            names = sorted(n for n in os.listdir(full) if not n.startswith(("__", ".")))
            body = "\n".join(f"- `{name}`" for name in names)
        else:
            with open(full, encoding="utf-8", errors="replace") as file:
                body = fenced(file.read(), path)
        os.makedirs(f"{self.target}/source", exist_ok=True)
        with open(f"{self.target}/{page}", "w", encoding="utf-8") as file:
            file.write(f"{UNSEARCHED}# `{path}`\n\n{body}\n")
        return page


def between(page: str, other: str) -> str:
    """Return the relative link from ``page`` to ``other``, both named from the site's top."""
    return os.path.relpath(other, os.path.dirname(page) or ".")


def fenced(text: str, path: str) -> str:
    """Return ``text`` of file ``path`` as a code block that nothing in it can close."""
    language = LANGUAGES.get(os.path.splitext(path)[1]) or ("sh" if text.startswith("#!/bin/sh") else "text")
    fence = "`" * max([3, *(len(found) for found in FENCE.findall(text))])
    fence += "`" if len(fence) > 3 or FENCE.search(text) else ""
    return f"{fence}{language}\n{text.rstrip()}\n{fence}"
