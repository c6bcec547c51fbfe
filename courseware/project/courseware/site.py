"""Stage and build the study site.

The sections' READMEs *are* the pages. Staging copies them into the site's source, rewritten for it, adds the pages of
the exercises, the look-ups, the API reference and the navigation, and fails on a link that leads nowhere. What belongs
here: the order of the work, and calling mkdocs. What does not: what the pages say (``pages/``).
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from .exercises import catalogue
from .explain import blocks, glossary
from .pages.exercise_pages import ALL_PAGE, all_page, exercise_page, page_of
from .pages.links import BrokenLinkError, Links
from .pages.lookups import errors_page, glossary_page
from .pages.navigation import navigation
from .pages.prose import ERRORS_PAGE, GLOSSARY_PAGE, Site
from .pages.surfaces import page_of as surface_page_of
from .pages.surfaces import surface_page
from .sections import sections

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .exercises import Exercise

CAPSTONE = 11
TOP = {"README.md": "index.md", "SAFETY.md": "safety.md", "CONTRIBUTING.md": "contributing.md",
       "CHANGELOG.md": "changelog.md"}  # fmt: skip


# ---- which pages there are ------------------------------------------------------------------------------------------


def lessons(clone: str) -> dict[int, str]:
    """Return section number → the folder whose README is its page, in reading order; the capstone is section 11."""
    return {one.number: one.name for one in sections(clone)} | {CAPSTONE: "capstone"}


def pages_of(clone: str, exercises: list[Exercise]) -> dict[str, str]:
    """Return source file → page, both relative: ``clone``'s to the clone, the page to the site's top."""
    pages = {f"{folder}/README.md": f"{folder}.md" for folder in (*lessons(clone).values(), "courseware")}
    for folder in lessons(clone).values():
        if os.path.exists(f"{clone}/{folder}/exercises/README.md"):
            pages[f"{folder}/exercises/README.md"] = f"exercises/{folder}.md"
    pages |= TOP | {f"docs/{p}": p for p in _files(f"{clone}/docs", ".md")}
    pages |= {os.path.relpath(f"{e.folder}/README.md", clone): page_of(e) for e in exercises}
    return pages | {"docs/glossary.toml": GLOSSARY_PAGE}


def _files(folder: str, ending: str) -> list[str]:
    return sorted(
        os.path.relpath(os.path.join(d, n), folder)
        for d, _, names in os.walk(folder)
        for n in names
        if n.endswith(ending)
    )


# ---- staging --------------------------------------------------------------------------------------------------------


def stage(clone: str) -> str:
    """Write the site's source to ``.course/site``, mkdocs' settings beside it; return the former.

    Raises BrokenLinkError; UsageError and ExerciseError for data that are not right.
    """
    target = f"{clone}/.course/site"
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(f"{clone}/docs", target, ignore=shutil.ignore_patterns("*.toml"))
    exercises = catalogue(clone)
    pages = pages_of(clone, exercises)
    numbered = {number: f"{folder}.md" for number, folder in lessons(clone).items()}
    site = Site(Links(clone, target, pages), blocks(clone), numbered)
    generated = {GLOSSARY_PAGE, *map(page_of, exercises)}
    for source, page in pages.items():
        if page not in generated:
            with open(f"{clone}/{source}", encoding="utf-8") as file:
                _write(target, page, site.rewrite(source, file.read(), page))
    _generate(clone, site, exercises)
    _settings(clone, target, exercises)
    return target


def _generate(clone: str, site: Site, exercises: list[Exercise]) -> None:
    """Write the pages that no README is: exercises, look-ups, surfaces."""
    target, terms = site.links.target, glossary(clone)
    for exercise in exercises:
        _write(target, page_of(exercise), exercise_page(site, exercise, terms))
    if exercises:
        _write(target, ALL_PAGE, all_page(exercises, site.lessons))
    _write(target, ERRORS_PAGE, errors_page(blocks(clone).values(), site.lessons))
    if terms:
        _write(target, GLOSSARY_PAGE, glossary_page(terms.values(), site.lessons))
    for one in sections(clone):
        text = surface_page(one, site.links)
        if text:
            _write(target, surface_page_of(one), text)


def _settings(clone: str, target: str, exercises: list[Exercise]) -> None:
    """Write ``.course/site.yml``: the repository's ``mkdocs.yml``, this folder, and the navigation (JSON is YAML)."""
    groups: dict[str, list[str]] = {}
    for number, folder in lessons(clone).items():
        index = [f"exercises/{folder}.md"] if os.path.exists(f"{target}/exercises/{folder}.md") else []
        groups[f"{folder}.md"] = index + [page_of(e) for e in exercises if e.section == number]
    settings = {"INHERIT": "../mkdocs.yml", "docs_dir": "site", "site_dir": "../site",
                "nav": navigation(target, list(groups), groups)}  # fmt: skip
    with open(f"{clone}/.course/site.yml", "w", encoding="utf-8") as file:
        json.dump(settings, file, indent=1, ensure_ascii=False)


def _write(target: str, page: str, text: str) -> None:
    os.makedirs(os.path.dirname(f"{target}/{page}"), exist_ok=True)
    with open(f"{target}/{page}", "w", encoding="utf-8") as file:
        file.write(text)


# ---- building -------------------------------------------------------------------------------------------------------


def build(clone: str) -> int:
    """Stage and build into ``site/``, strictly; say where it is; return the exit status."""
    with _alone(clone):
        if not _staged(clone):
            return 1
        status = _mkdocs(clone, "build", "--strict", "--quiet")
    if status == 0:
        click.echo(f"the site is in {clone}/site")
        click.echo(f"open file://{clone}/site/index.html in a browser: it needs neither network nor server")
    return status


def serve(clone: str, port: int) -> int:
    """Stage and serve on 127.0.0.1; return the exit status."""
    with _alone(clone):
        if not _staged(clone):
            return 1
    return _mkdocs(clone, "serve", "--dev-addr", f"127.0.0.1:{port}")


def _staged(clone: str) -> bool:
    try:
        stage(clone)
    except BrokenLinkError as error:
        click.echo(f"course: {error}", err=True)
        return False
    return True


@contextmanager
def _alone(clone: str) -> Iterator[None]:
    """Wait until nobody else stages or builds in this clone."""
    os.makedirs(f"{clone}/.course", exist_ok=True)
    with open(f"{clone}/.course/site.lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _mkdocs(clone: str, command: str, *options: str) -> int:
    arguments = [sys.executable, "-m", "mkdocs", command, "-f", f"{clone}/.course/site.yml", *options]
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1", "DISABLE_MKDOCS_2_WARNING": "true"}
    return subprocess.run(arguments, check=False, env=environment, cwd=clone).returncode
