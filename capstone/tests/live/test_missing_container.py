"""A name that nobody has: the exit codes are docker's, measured with docker 20.10's command line and daemon."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile

import pytest

from minidocker.paths import ROOTS_PLACE

pytestmark = [pytest.mark.lane("host"), pytest.mark.needs("root")]

COMMANDS = [
    ("exec", "nope", "true"), ("exec", "-d", "nope", "true"), ("exec", "nope", "run"), ("start", "nope"),
    ("start", "-a", "nope"), ("stop", "nope"), ("restart", "nope"), ("kill", "nope"), ("rm", "nope"), ("wait", "nope"),
    ("logs", "nope"), ("attach", "nope"), ("top", "nope"), ("stats", "--no-stream", "nope"),
]  # fmt: skip


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_a_missing_container_is_1(minidocker, words):
    assert "no such container: nope" in minidocker.fails(*words, code=1)


def test_a_missing_object_is_1(minidocker):
    assert "no such object: nope" in minidocker.fails("inspect", "nope", code=1)


def test_the_command_is_told_from_its_arguments(minidocker):
    """A container may be called as a command is: `logs run` is not `run`."""
    for name in ("run", "create", "exec", "start"):
        assert f"no such container: {name}" in minidocker.fails("logs", name, code=1)


def test_runs_own_errors_are_125(minidocker):
    assert "nope" in minidocker.fails("run", "--rm", "--network", "container:nope", "tiny", "true", code=125)
    assert "no such image" in minidocker.fails("run", "nope", code=125)


def test_a_missing_tiny_says_what_makes_it_and_whose_it_may_be():
    """As an ordinary user, with a place of one's own: root's images are another store."""
    ordinary = {"user": 65534, "group": 65534, "extra_groups": []}
    with tempfile.TemporaryDirectory(prefix="lcm-") as folder:
        os.chown(folder, 65534, 65534)
        command = [sys.executable, "-m", "minidocker", "--root", f"{folder}/state", "run", "--rm", "tiny", "true"]
        done = subprocess.run(command, **ordinary, capture_output=True, text=True, check=False)
    assert done.returncode == 125
    assert "./course run minidocker system tiny makes this one" in done.stderr
    assert ("was sudo meant?" in done.stderr) == os.path.isdir(ROOTS_PLACE)


def test_exec_refused_by_the_engine_is_1_and_by_the_container_has_its_own_code(minidocker):
    minidocker("run", "-d", "--name", "box", "--network", "none", "tiny", "sleep", "600")
    assert "--env-file" in minidocker.fails("exec", "--env-file", "/nonexistent", "box", "true", code=1)
    assert "/nonexistent" in minidocker.fails("exec", "box", "/nonexistent", code=127)
    assert "/etc/passwd" in minidocker.fails("exec", "box", "/etc/passwd", code=126)
    assert "fits more than one" in ambiguous(minidocker)


def ambiguous(minidocker):
    """Make containers until two ids share their first digit; exec by that digit."""
    first = set()
    while True:
        digit = minidocker("create", "--network", "none", "tiny", "true")[0]
        if digit in first:
            return minidocker.fails("exec", digit, "true", code=1)
        first.add(digit)
