"""The crash matrix: each process killed at each boundary, after the call and before its record; then one release.

The engine's tests do the same through the command line; here the shim is driven directly, so that a failure points to
the step.
"""

from __future__ import annotations

import os

import pytest

from minidocker.shim import protocol as p
from minidocker.shim.container import plan_shim
from minidocker.shim.release import plan_release, release

pytestmark = pytest.mark.lane("host", "guest")


def boundaries(one, process):
    """Return how many steps ``process`` has for this container."""
    from section01_processes import parse_json

    plans = plan_shim(one.folder, one.config, parse_json(one.read("config.json")))
    if process == "release":
        return len(plan_release(one.folder, one.id, one.config, by_shim="0::/"))
    return len(plans[process].steps)


def alive(one):
    """Return the pids of its shim and of what that forked (they show the shim's command line until they execute)."""
    found = set()
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as file:
                if one.id.encode() in file.read():
                    found.add(pid)
        except OSError:
            continue
    return found


def crash_and_release(one, process, number, until):
    """Start it, killed at the boundary; whatever came of it, one release must leave nothing."""
    kinds = set()
    with one.start(crash=f"{process}:{number}") as connection:
        while kind := connection.receive()[0]:
            kinds.add(kind)
    if process == "shim":
        assert not kinds & {p.EXIT, p.ERROR}, number  # it was killed
    elif process != "release":
        assert kinds & {p.ERROR, p.EXIT}, number  # the shim noticed; past the gate it is an exit like any other
    fd = one.lock(wait=True)
    release(one.folder, one.id)
    os.close(fd)
    assert one.left() == [], number
    until(lambda: not alive(one))


@pytest.mark.parametrize("process", ["shim", "child", "release"])
def test_each_boundary(box, process, until, thin):
    make = lambda: box(["sh", "-c", "exit 0"], etc_files=True)  # noqa: E731
    for number in thin(range(boundaries(make(), process))):
        crash_and_release(make(), process, number, until)


def test_some_boundaries_of_the_init(box, until, thin):
    make = lambda: box(["sh", "-c", "exit 0"])  # noqa: E731
    count = boundaries(make(), "init")
    for number in [*thin(range(0, count, 6)), count - 2, count - 1]:
        crash_and_release(make(), "init", number, until)


@pytest.mark.full
def test_every_boundary_of_the_init(box, until):
    make = lambda: box(["sh", "-c", "exit 0"], etc_files=True)  # noqa: E731
    for number in range(boundaries(make(), "init")):
        crash_and_release(make(), "init", number, until)
