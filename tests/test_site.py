"""The study site builds without a warning, is whole, and stands alone: no page fetches anything from elsewhere."""

import html.parser
import json
import pathlib
import re
import subprocess
import urllib.parse

import pytest

from courseware.exercises import catalogue
from courseware.explain import blocks, glossary

CLONE = pathlib.Path(__file__).parents[1]


class Page(html.parser.HTMLParser):
    """What a page has, and what it points to."""

    def __init__(self, path):
        super().__init__()
        self.path, self.ids, self.links, self.loads, self.images = path, set(), [], [], []
        self.feed(path.read_text())

    def handle_starttag(self, tag, attrs):
        has = dict(attrs)
        self.ids |= {has["id"]} if "id" in has else set()
        if tag == "a" and "href" in has:
            self.links.append(has["href"])
        if tag in ("script", "img", "iframe", "source", "video", "audio", "object", "embed"):
            self.loads += [has[name] for name in ("src", "data") if has.get(name)]
        if tag == "link" and {"stylesheet", "icon", "preload", "preconnect"} & set((has.get("rel") or "").split()):
            self.loads.append(has["href"])
        if tag == "img":
            self.images.append(has)


@pytest.fixture(scope="module")
def site():
    done = subprocess.run([CLONE / "course", "docs", "build"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"file://{CLONE}/site/index.html" in done.stdout
    return CLONE / "site"


@pytest.fixture(scope="module")
def pages(site):
    return {path.relative_to(site).as_posix(): Page(path) for path in site.rglob("*.html") if path.name != "404.html"}


def test_every_section_has_its_pages(pages):
    sections = {p.parent.name for p in CLONE.glob("section*/README.md")}
    assert {f"{name}.html" for name in sections} <= pages.keys()
    assert {f"reference/api/{name}.html" for name in sections} <= pages.keys()
    assert {f"exercises/{p.parents[1].name}.html" for p in CLONE.glob("*/exercises/README.md")} <= pages.keys()
    assert {"index.html", "journey.html", "capstone.html", "safety.html", "start/machine.html"} <= pages.keys()


def test_every_page_but_shown_files_is_in_the_navigation(pages):
    reached = {urllib.parse.urljoin("index.html", link.partition("#")[0]) for link in pages["index.html"].links}
    missing = {name for name in pages if not name.startswith("source/")} - reached
    assert missing == set()


def test_no_page_loads_anything_from_elsewhere(pages):
    foreign = [(name, url) for name, page in pages.items() for url in page.loads if re.match(r"(?:[a-z]+:)?//", url)]
    assert foreign == []


def test_no_style_loads_anything_from_elsewhere(site):
    wanted = [(css.name, url) for css in site.rglob("*.css") for url in re.findall(r"url\(([^)]*)\)", css.read_text())]
    assert [(name, url) for name, url in wanted if re.match(r"['\"]?(?:https?:)?//", url)] == []


def test_every_internal_link_and_anchor_leads_somewhere(site, pages):
    broken = []
    for name, page in pages.items():
        for link in page.links:
            url = urllib.parse.urlsplit(link)
            if url.scheme or url.netloc:
                continue
            target = (page.path.parent / urllib.parse.unquote(url.path)).resolve() if url.path else page.path
            anchor = urllib.parse.unquote(url.fragment)
            if not target.is_file():
                broken.append(f"{name}: {link}")
            elif anchor and anchor not in pages[target.relative_to(site).as_posix()].ids:
                broken.append(f"{name}: {link}: no such place on the page")
    assert broken == []


def test_every_image_says_what_it_shows(pages):
    assert [name for name, page in pages.items() for image in page.images if not (image.get("alt") or "").strip()] == []


def test_the_error_index_has_every_stumbling_block(pages):
    assert {name.lower() for name in blocks(str(CLONE))} <= pages["errors.html"].ids


def test_ids_in_the_lesson_lead_to_the_error_index(pages):
    assert "errors.html#lcm-proc-06" in pages["section01_processes.html"].links


def test_the_glossary_has_every_word_in_order(site, pages):
    words = sorted(glossary(str(CLONE)), key=str.casefold)
    assert re.findall(r'<h2 id="term-[^"]*">(.*?)<a ', (site / "glossary.html").read_text()) == words
    assert "term-signal-mask" in pages["glossary.html"].ids


@pytest.mark.parametrize("exercise", catalogue(CLONE), ids=lambda exercise: exercise.id)
def test_an_exercise_page_has_its_hints_folded_and_no_answer(site, exercise):
    text = (site / "exercises" / f"{exercise.id}.html").read_text()
    assert len(re.findall(r"<details(?! open)[^>]*>\s*<summary>Hint \d: ", text)) == len(exercise.hints)
    assert "<details open" not in text
    hidden = [line.strip() for path in (exercise.folder / "tests/test_hidden.py", exercise.folder / "debrief.md")
              for line in path.read_text().splitlines() if len(line) > 60]  # fmt: skip
    assert hidden
    assert [line for line in hidden if line in text] == []


def test_no_solution_and_no_hint_is_in_the_search(site):
    index = json.loads((site / "search" / "search_index.json").read_text())
    places = {entry["location"] for entry in index["docs"]}
    assert "exercises/proc-pipeline.html#goal" in places
    assert not any(re.search(r"#hints|solution|mutants|debrief|test_hidden", place) for place in places)
    assert not any("Hint 1: a nudge" in entry["text"] for entry in index["docs"])


def test_the_reference_has_every_name_of_a_surface(pages):
    import section01_processes

    anchors = {anchor.rpartition(".")[2] for anchor in pages["reference/api/section01_processes.html"].ids}
    assert set(section01_processes.__all__) - {"STUMBLING_BLOCKS"} <= anchors
