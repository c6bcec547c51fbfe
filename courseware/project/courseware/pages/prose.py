"""Rewrite a page's prose for the site and leave its code alone.

In prose, links lead to pages; an id such as LCM-FS-01 leads to the error index; "(later: §2)" leads to section 2; a
``<details>`` becomes a closed block; a quote shows where its code stands; a badge looks like one.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from .folds import close_folds
from .links import BrokenLinkError, Links, between

if TYPE_CHECKING:
    from collections.abc import Container, Iterator, Mapping

ERRORS_PAGE = "errors.md"
GLOSSARY_PAGE = "glossary.md"

TOKEN = re.compile(
    r"(?P<code>(?P<ticks>`+)(?!`).+?(?<!`)(?P=ticks)(?!`))"
    r"|(?P<image>!\[(?P<alt>[^\]]*)\]\((?P<src>[^)\s]+)\))"
    r"|(?P<link>\[(?P<label>(?:`[^`]*`|[^\]`])+)\]\((?P<path>[^)#\s]*)(?P<anchor>#[^)\s]*)?\))"
    r"|(?P<markup><!--.*?-->|<[a-zA-Z/][^>]*>)"
    r"|(?P<id>\bLCM-[A-Z]+-\d\d\b)"
    r"|\(later: §(?P<later>\d+)\)",
    re.DOTALL,
)
OPEN_FENCE = re.compile(r"^[ \t]*(`{3,}|~{3,})")
QUOTE = re.compile(r"^<!-- quote (\S+) -->\n(`{3,})(\w+)$", re.MULTILINE)
BADGE = re.compile(r"^\*((?:no root|root, inside|root, changes)[^*\n]*)\*$", re.MULTILINE)
ID = re.compile(r"LCM-[A-Z]+-\d\d")


class Site(NamedTuple):
    """What rewriting has to know: the links, the ids that exist, and the page of each section by number."""

    links: Links
    ids: Container[str]
    lessons: Mapping[int, str]

    def rewrite(self, source: str, text: str, page: str) -> str:
        """Return ``text`` of file ``source`` as it stands on ``page``. Raises BrokenLinkError."""
        text = QUOTE.sub(lambda m: f'{m[0]} title="{m[1].replace(":", ": ", 1)}"', text)
        parts = [part if is_code else self._prose(source, part, page) for is_code, part in pieces(text)]
        return close_folds("".join(parts))

    def _prose(self, source: str, text: str, page: str) -> str:
        text = BADGE.sub(r"*\1*{ .badge }", text)
        return TOKEN.sub(lambda m: self._token(source, m, page), text)

    def _token(self, source: str, match: re.Match[str], page: str) -> str:
        if match["image"]:
            return f"![{match['alt']}]({self.links.image(source, page, match['src'], match['alt'])})"
        if match["link"]:
            if not match["path"]:
                return match[0]
            return f"[{match['label']}]({self.links.of(source, page, match['path'], match['anchor'] or '')})"
        if match["id"] or (match["code"] and ID.fullmatch(match["code"].strip("`"))):
            return match[0] if _in_heading(match) else self._error(source, match[0], page)
        if match["later"] and int(match["later"]) in self.lessons:
            return f"(later: [§{match['later']}]({between(page, self.lessons[int(match['later'])])}))"
        return match[0]

    def _error(self, source: str, words: str, page: str) -> str:
        name = words.strip("`")
        if name not in self.ids:
            raise BrokenLinkError(f"{source}: {name} is no stumbling block of any section")
        return f"[{words}]({between(page, ERRORS_PAGE)}#{name.lower()})"


def _in_heading(match: re.Match[str]) -> bool:
    """Whether it stands in a heading: its words are an anchor and an entry of the contents, so no link there."""
    return match.string[match.string.rfind("\n", 0, match.start()) + 1 :].startswith("#")


def pieces(text: str) -> Iterator[tuple[bool, str]]:
    """Yield ``text`` in order as (is it a fenced block, its lines)."""
    lines: list[str] = []
    fence = ""
    for line in text.splitlines(keepends=True):
        opened = OPEN_FENCE.match(line)
        if not fence and opened:
            yield False, "".join(lines)
            lines, fence = [line], opened[1]
        elif fence and line.strip().startswith(fence) and not line.strip().strip(fence[0]):
            yield True, "".join([*lines, line])
            lines, fence = [], ""
        else:
            lines.append(line)
    yield bool(fence), "".join(lines)


def escape(text: str) -> str:
    """Return plain ``text`` so that Markdown shows it as it is; what stands in backticks stays code."""
    parts = re.split(r"(`[^`\n]+`)", text)
    return "".join(part if part.startswith("`") and len(part) > 2 else _escaped(part) for part in parts)


def _escaped(text: str) -> str:
    text = re.sub(r"([\\*_{}\[\]#`])", r"\\\1", text.replace("&", "&amp;"))
    return text.replace("<", "&lt;").replace(">", "&gt;")


def anchor_of(word: str) -> str:
    """Return the anchor of a glossary's ``word``."""
    return "term-" + re.sub(r"[^a-z0-9]+", "-", word.lower()).strip("-")
