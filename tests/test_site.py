"""The study site builds without a warning and stands alone: no page fetches anything from elsewhere."""

import pathlib
import re
import subprocess

import pytest

CLONE = pathlib.Path(__file__).parents[1]


@pytest.fixture(scope="module")
def site():
    done = subprocess.run([CLONE / "course", "docs", "build"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return CLONE / "site"


def test_every_section_has_a_page(site):
    pages = {p.name for p in site.glob("*.html")}
    assert {f"{p.parent.name}.html" for p in CLONE.glob("section*/README.md")} <= pages
    assert {"index.html", "journey.html", "capstone.html", "safety.html"} <= pages


def test_no_page_loads_anything_from_elsewhere(site):
    for page in site.rglob("*.html"):
        text = page.read_text()
        foreign = re.findall(r'<(?:script|img|iframe)[^>]+src="(https?:[^"]+)"', text)
        foreign += re.findall(r'<link[^>]+rel="stylesheet"[^>]+href="(https?:[^"]+)"', text)
        assert foreign == [], page


def test_every_internal_link_leads_somewhere(site):
    broken = []
    for page in site.rglob("*.html"):
        for target in re.findall(r'href="([^"#?:]+)(?:#[^"]*)?"', page.read_text()):
            if target.startswith("/") or page.name == "404.html":
                continue
            if not (page.parent / target).exists():
                broken.append(f"{page.relative_to(site)}: {target}")
    assert broken == []
