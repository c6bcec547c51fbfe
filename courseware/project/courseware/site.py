"""Stage and build the study site.

The sections' READMEs *are* the pages. Staging copies them into the site's source, rewrites their links (another README
→ its page; any other file of the repository → a page that shows it), and fails on a target that does not exist. What
belongs here: staging and calling mkdocs. What does not: what the pages say.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys

import click

LINK = re.compile(r"(?<!!)\[([^\]]+)\]\(([^)#\s]+)(#[^)\s]*)?\)")
LANGUAGES = {".py": "python", ".sh": "sh", ".toml": "toml", ".json": "json", ".yml": "yaml"}


class BrokenLinkError(Exception):
    """A page links to a file that is not there."""


def lessons(clone: str) -> list[str]:
    """Return the folders whose README is a page, in reading order."""
    sections = sorted(d for d in os.listdir(clone) if d.startswith("section") and os.path.isdir(f"{clone}/{d}"))
    return [*sections, "capstone", "courseware"]


def stage(clone: str) -> str:
    """Write the site's source to ``.course/site`` and return its path. Raises BrokenLinkError."""
    target = f"{clone}/.course/site"
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(f"{clone}/docs", target)
    pages = {f"{folder}/README.md": f"{folder}.md" for folder in lessons(clone)}
    for name in ("README.md", "SAFETY.md", "CONTRIBUTING.md", "CHANGELOG.md"):
        pages[name] = "index.md" if name == "README.md" else name.lower()
    pages |= {f"docs/{p}": p for p in _files(f"{clone}/docs", ".md")}
    for source, page in pages.items():
        with open(f"{clone}/{source}", encoding="utf-8") as file:
            text = file.read()
        text = rewrite(clone, source, text, pages, target)
        os.makedirs(os.path.dirname(f"{target}/{page}"), exist_ok=True)
        with open(f"{target}/{page}", "w", encoding="utf-8") as file:
            file.write(text)
    return target


def rewrite(clone: str, source: str, text: str, pages: dict[str, str], target: str) -> str:
    """Return ``text`` of page ``source`` with its links turned into links of the site."""
    page = pages[source]

    def link(match: re.Match[str]) -> str:
        label, path, anchor = match[1], match[2], match[3] or ""
        if re.match(r"[a-z]+:", path):
            return match[0]
        wanted = os.path.normpath(os.path.join(os.path.dirname(source), path))
        if os.path.isdir(f"{clone}/{wanted}") and f"{wanted}/README.md" in pages:
            wanted += "/README.md"
        if not os.path.exists(f"{clone}/{wanted}"):
            raise BrokenLinkError(f"{source}: link to {path}, which is not in the repository")
        found = pages.get(wanted) or source_page(clone, wanted, target)
        return f"[{label}]({os.path.relpath(found, os.path.dirname(page) or '.')}{anchor})"

    return LINK.sub(link, text)


def source_page(clone: str, path: str, target: str) -> str:
    """Write a page that shows the file (or lists the folder) ``path`` and return the page's name."""
    page = f"source/{path.strip('/').replace('/', '-')}.md"
    full = f"{clone}/{path}"
    if os.path.isdir(full):
        names = sorted(n for n in os.listdir(full) if not n.startswith(("__", ".")))
        body = "\n".join(f"- `{name}`" for name in names)
    else:
        with open(full, encoding="utf-8", errors="replace") as file:
            body = f"````{LANGUAGES.get(os.path.splitext(path)[1], 'text')}\n{file.read()}\n````"
    os.makedirs(f"{target}/source", exist_ok=True)
    with open(f"{target}/{page}", "w", encoding="utf-8") as file:
        file.write(f"# {path}\n\n{body}\n")
    return page


def _files(folder: str, ending: str) -> list[str]:
    return sorted(
        os.path.relpath(os.path.join(d, n), folder)
        for d, _, names in os.walk(folder)
        for n in names
        if n.endswith(ending)
    )


def build(clone: str) -> int:
    """Stage and build into ``site/``, strictly; return the exit status."""
    try:
        stage(clone)
    except BrokenLinkError as error:
        click.echo(f"course: {error}", err=True)
        return 1
    return _mkdocs(clone, "build", "--strict", "--quiet", "--site-dir", f"{clone}/site")


def serve(clone: str, port: int) -> int:
    """Stage and serve on 127.0.0.1; return the exit status."""
    stage(clone)
    return _mkdocs(clone, "serve", "--dev-addr", f"127.0.0.1:{port}")


def _mkdocs(clone: str, command: str, *options: str) -> int:
    arguments = [sys.executable, "-m", "mkdocs", command, "-f", f"{clone}/mkdocs.yml", *options]
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1", "DISABLE_MKDOCS_2_WARNING": "true"}
    return subprocess.run(arguments, check=False, env=environment, cwd=clone).returncode
