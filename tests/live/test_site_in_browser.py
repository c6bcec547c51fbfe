"""The built site in a real browser, opened from the disk: nothing is fetched, nothing sticks out, search works."""

import pathlib
import subprocess
import sys

import pytest

from courseware.browser import Browser, BrowserError

CLONE = pathlib.Path(__file__).parents[2]
pytestmark = [pytest.mark.needs("program:chromium-headless-shell"), pytest.mark.timeout(600)]

SIZES = {"phone": (360, 800), "desktop": (1280, 800)}
# Nothing slides into its place: a page that has just got another width is looked at as it will be.
AT_REST = """addEventListener("DOMContentLoaded", () => document.head.insertAdjacentHTML("beforeend",
  "<style>*, *::before, *::after { transition: none !important; animation: none !important }</style>"))"""
# Of elements that nothing scrolls, those that stand out of the window: what to look for when the next line says so.
SIDEWAYS = """(() => {
  const page = document.documentElement;
  if (page.scrollWidth <= page.clientWidth) return "";
  const all = [...document.body.querySelectorAll("*")];
  const wide = all.filter(e => e.getBoundingClientRect().right > page.clientWidth).slice(0, 3);
  return `${page.scrollWidth} > ${page.clientWidth}: ` + wide.map(e => e.outerHTML.slice(0, 90)).join(" | ");
})()"""
# The contrast of text and ground of the first element that the selector finds, as WCAG 2.1 defines it.
CONTRAST = """(selector => {
  const levels = css => (c => (c.match(/[\\d.]+/g) || []).map(Number))(css);
  const ground = e => { for (; e; e = e.parentElement) {
    const c = levels(getComputedStyle(e).backgroundColor); if (c.length === 3 || c[3] > 0.99) return c; }
    return [255, 255, 255]; };
  const light = c => c.slice(0, 3).map(v => v / 255).map(v => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const element = document.querySelector(selector), back = ground(element);
  const text = levels(getComputedStyle(element).color), alpha = text[3] ?? 1;
  const seen = text.slice(0, 3).map((v, i) => v * alpha + back[i] * (1 - alpha));
  const [high, low] = [light(seen), light(back)].sort((a, b) => b - a);
  return (high + 0.05) / (low + 0.05);
})"""


@pytest.fixture(scope="module")
def built_site():
    tool = pathlib.Path(sys.executable).parent / "course-tool"
    done = subprocess.run([tool, "docs", "build"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return CLONE / "site"


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    with Browser(str(tmp_path_factory.mktemp("browser"))) as one:
        one.call("Page.addScriptToEvaluateOnNewDocument", source=AT_REST)
        yield one


@pytest.fixture
def page(browser, built_site):
    """Return a function that opens a page of the site, by name, in a desktop's window and light colours."""
    browser.size(*SIZES["desktop"])
    browser.scheme("light")

    def open_page(name):
        browser.open((built_site / name).as_uri())
        return browser

    return open_page


def asked_for(events):
    """Return the addresses that a page asked for and that are neither on the disk nor in the page itself."""
    asked = [e["params"]["request"]["url"] for e in events if e.get("method") == "Network.requestWillBeSent"]
    return [url for url in asked if not url.startswith(("file:", "data:", "blob:"))]


def complaints(events):
    """Return what a page's scripts, and the browser about the page, complained of."""
    said = [(event.get("method"), event.get("params", {})) for event in events]
    found = [what["exceptionDetails"]["text"] for method, what in said if method == "Runtime.exceptionThrown"]
    logged = [what["entry"] for method, what in said if method == "Log.entryAdded"]
    found += [entry["text"] for entry in logged if entry["level"] in ("error", "warning")]
    printed = [what for method, what in said if method == "Runtime.consoleAPICalled"]
    found += [str(what["args"]) for what in printed if what["type"] in ("error", "warning")]
    return found


def test_every_page_stands_alone_and_fits_a_phone(browser, built_site):
    wrong, opened = [], 0
    for file in sorted(built_site.rglob("*.html")):
        if file.name == "404.html":  # for servers: its links begin at the server's root
            continue
        name = file.relative_to(built_site)
        browser.size(*SIZES["phone"])
        events = browser.open(file.as_uri())
        opened += 1
        for width in SIZES:
            browser.size(*SIZES[width])
            sideways = browser.run(SIDEWAYS)
            wrong += [f"{name} on the {width}: {sideways}"] if sideways else []
        wrong += [f"{name} asks for {url}" for url in asked_for(events)]
        wrong += [f"{name} complains: {text}" for text in complaints(events)]
    assert opened > 50
    assert wrong == []


def test_the_browser_would_tell(browser, tmp_path):
    """A page that does what no page of ours may is caught."""
    bad = tmp_path / "bad.html"
    bad.write_text("<img src='http://127.0.0.1:9/x.png'><script>undefined_name()</script><p style='width: 3000px'>wide")
    browser.size(*SIZES["phone"])
    events = browser.open(bad.as_uri())
    assert asked_for(events) == ["http://127.0.0.1:9/x.png"]
    assert any("Uncaught" in text for text in complaints(events))
    assert browser.run(SIDEWAYS).startswith("3008 > 360")


@pytest.mark.parametrize(("words", "where"), [("zombie hunter", "exercises/proc-zombie-hunter.html"),
                                              ("externally-managed-environment", "errors.html#lcm-env-03"),
                                              ("signal mask", "glossary.html#term-signal-mask")])  # fmt: skip
def test_search_finds(page, until, words, where):
    browser = page("index.html")
    browser.run("document.querySelector('[data-md-component=search-query]').focus()")
    browser.call("Input.insertText", text=words)
    browser.call("Input.dispatchKeyEvent", type="keyUp", key="End", code="End")
    results = (
        "[...document.querySelectorAll('.md-search-result__link')].map(link => link.href.split('?')[0] + link.hash)"
    )
    until(lambda: any(link.endswith(where) for link in browser.run(results)), told=lambda: browser.run(results))
    assert asked_for(browser.events) == []
    assert complaints(browser.events) == []


def test_hints_and_answers_are_folded_until_opened(page):
    for name, count in (("exercises/proc-pipeline.html", 3), ("start/linux.html", 10)):
        browser = page(name)
        assert browser.run("document.querySelectorAll('article details').length") == count
        assert browser.run("document.querySelectorAll('article details[open]').length") == 0
        browser.run("document.querySelector('article summary').click()")
        assert browser.run("document.querySelectorAll('article details[open]').length") == 1


def test_copying_a_block_of_commands_takes_the_commands_only(page):
    browser = page("section01_processes.html")
    code = "document.querySelector('.gp').closest('code')"
    screen = browser.run(f"{code}.innerText")
    assert screen.startswith("$ ")
    browser.run(f"{code}.setAttribute('data-md-copying', '')")  # what the theme sets while it copies
    copied = browser.run(f"{code}.innerText")
    typed = [line[2:] for line in screen.splitlines() if line.startswith("$ ")]
    assert [line.strip() for line in copied.splitlines() if line.strip()] == typed


@pytest.mark.parametrize(("scheme", "name"), [("light", "default"), ("dark", "slate")])
def test_light_and_dark_follow_the_system_and_can_be_read(page, scheme, name):
    browser = page("section01_processes.html")
    browser.scheme(scheme)
    browser.call("Page.reload")
    browser.events.clear()
    browser.wait_for("Page.loadEventFired")
    assert browser.run("document.body.getAttribute('data-md-color-scheme')") == name
    for selector in ("article p", "article p a", "article .badge", "article pre code", "article td", ".md-nav__link"):
        assert browser.run(f"{CONTRAST}({selector!r})") >= 4.5, selector


def test_a_browser_that_does_not_start_is_named(tmp_path):
    with pytest.raises(BrowserError, match=r"no-such-browser did not start \(is it installed\?"):
        Browser(str(tmp_path), "no-such-browser")
