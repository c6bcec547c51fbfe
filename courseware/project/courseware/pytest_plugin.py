"""The pytest plugin of the project: lanes, needs, leak counts.

A *lane* is a machine that tests run on: ``host`` (as it is: hybrid, v1 or v2) or ``guest`` (a throw-away machine with
cgroup v2 and AppArmor). A test says where it runs with ``@pytest.mark.lane("host", "guest")`` (default: host); with
``lane("host", full="guest")`` it runs in the guest, too, when all is asked for (``--full``). It also says
what it has to have with ``@pytest.mark.needs("root", "program:runc", …)``; a need is decided by trying. In CI a need
that is not met is a failure, not a skip, and ``./course test`` fails if a test ran in no lane.
"""

from __future__ import annotations

import json
import os
import shutil
import signal

import pytest

from . import leaks, needs
from .exercises.catalogue import exercise_folder

# A section's folder and its package have one name: pytest's importlib mode would take the folder for the package.
# Whoever is imported first wins, so the packages are, before any test is collected.
PACKAGES = (
    *("section01_processes", "section02_namespaces", "section03_cgroups", "section04_filesystem", "section05_images"),
    *("section06_network", "section07_security", "section08_oci", "section09_init", "section10_orchestration"),
    *("minidocker", "courseware"),
)
for _package in PACKAGES:
    __import__(_package)

LANES = ("host", "guest")
pytest_plugins = ["courseware.exercises.plugin", "courseware.fixtures"]


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add ``--lane``, ``--full`` and ``--lane-report``."""
    group = parser.getgroup("course")
    group.addoption("--lane", choices=LANES, default="guest" if os.environ.get("IN_VM") else "host",
                    help="the machine these tests run on")  # fmt: skip
    group.addoption("--full", action="store_true", help="also the long loops (marker: full)")
    group.addoption("--lane-report", metavar="FILE", help="write which tests ran here, as JSON")


def pytest_configure() -> None:
    """Let Ctrl-C work in what the tests start, also where the whole run was put into the background by a script."""
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def lanes_of(item: pytest.Item, *, full: bool) -> tuple[str, ...]:
    """Return the lanes that ``item`` runs in; an exercise's tests say by their exercise's needs, not by lanes."""
    if exercise_folder(item.path):
        return LANES
    marker = item.get_closest_marker("lane")
    if marker is None:
        return ("host",)
    more = [marker.kwargs["full"]] if full and "full" in marker.kwargs else []
    return (*marker.args, *more)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deselect what belongs to another lane, and the long loops unless asked for."""
    lane, full = config.getoption("--lane"), config.getoption("--full")
    report: dict[str, dict[str, object]] = {}
    keep: list[pytest.Item] = []
    away: list[pytest.Item] = []
    for item in items:
        lanes, asked = lanes_of(item, full=full), full or item.get_closest_marker("full") is None
        (keep if asked and lane in lanes else away).append(item)
        if asked:
            report[item.nodeid] = {"lanes": lanes, "outcome": "not here"}
    config.stash[REPORT] = report
    if away:
        config.hook.pytest_deselected(items=away)
        items[:] = keep


PEERS: pytest.StashKey[frozenset[str]] = pytest.StashKey()
REPORT: pytest.StashKey[dict[str, dict[str, object]]] = pytest.StashKey()


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip a test whose needs are not met; in CI, fail it."""
    marker = item.get_closest_marker("needs")
    for need in marker.args if marker else ():
        reason = needs.missing(need)
        if reason:
            text = f"not runnable here: {reason}"
            if os.environ.get("CI"):
                pytest.fail(f"{text} (in CI every need must be met)", pytrace=False)
            pytest.skip(text)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]):  # type: ignore[no-untyped-def]  # noqa: ANN201
    """Note each test's outcome and seconds; in CI a skip of any kind is a failure."""
    result = yield
    outcome = result.get_result()
    if outcome.skipped and os.environ.get("CI") and not hasattr(outcome, "wasxfail"):
        outcome.outcome = "failed"
        outcome.longrepr = f"skipped in CI: {outcome.longrepr}"
    entry = item.config.stash[REPORT].get(item.nodeid)
    if entry is not None:  # set-up, call and tear-down together
        entry["seconds"] = round(float(str(entry.get("seconds", 0))) + call.duration, 3)
    if entry is not None and (call.when == "call" or outcome.outcome != "passed"):
        entry["outcome"] = outcome.outcome


def pytest_sessionstart(session: pytest.Session) -> None:
    """Note which cgroups of Docker and podman were there before us."""
    session.config.stash[PEERS] = leaks.peers_cgroups()


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Remove the empty cgroups that the tests' private dockerd and podman have left; write the lane report."""
    before = session.config.stash[PEERS]
    leaks.remove_cgroups(leaks.peers_cgroups() - before)
    path = session.config.getoption("--lane-report")
    if path:
        with open(path, "w", encoding="utf-8") as file:
            json.dump(session.config.stash.get(REPORT, {}), file, indent=1)


@pytest.fixture
def no_leaks():  # type: ignore[no-untyped-def]  # noqa: ANN201
    """Count mounts, namespaces, cgroups, links, rules, children and descriptors before and after the test."""
    before = leaks.quiet_snapshot(10.0)
    yield before
    assert leaks.wait_until_equal(before) == []


@pytest.fixture
def program():  # type: ignore[no-untyped-def]  # noqa: ANN201
    """Return a function that gives the path of a program, or fails the test by name."""

    def find(name: str) -> str:
        path = shutil.which(name)
        if path is None:
            pytest.fail(f"{name} is not installed: sudo ./course test installs it", pytrace=False)
        return path

    return find


@pytest.fixture
def thin(request: pytest.FixtureRequest):  # type: ignore[no-untyped-def]  # noqa: ANN201
    """Return a function that leaves, in the guest, only each n-th of a long loop's rounds and the last.

    The guest is several times slower and the host lane runs all of them; ``--full`` runs all of them everywhere.
    """
    whole = request.config.getoption("--lane") == "host" or request.config.getoption("--full")

    def rounds(items: range, every: int = 5) -> list[int]:
        return list(items) if whole else sorted({*items[::every], *items[-1:]})

    return rounds
