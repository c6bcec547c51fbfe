"""Fixtures of section 1's live tests: procman with a state folder of its own, which leaves nothing behind."""

import json
import os
import pathlib
import subprocess
import sys
import time

import pytest

TOOL = pathlib.Path(sys.executable).parent / "procman"
PATIENCE = 60  # seconds; only a broken program waits as long


def wait_until(condition, what):
    """Wait until ``condition()`` is true and return its value."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if value := condition():
            return value
        time.sleep(0.01)
    raise AssertionError(f"not within {PATIENCE} s: {what}")


class Procman:
    """The tool as a user runs it; every call is a process."""

    def __init__(self, state):
        self.state = pathlib.Path(state)
        self.until = wait_until

    def __call__(self, *words, check=True, **options):
        done = subprocess.run(
            self.command(*words), capture_output=True, text=True, errors="replace", check=False, timeout=PATIENCE,
            stdin=options.pop("stdin", subprocess.DEVNULL), **options,
        )  # fmt: skip
        assert "Traceback" not in done.stderr
        if check and done.returncode:
            pytest.fail(f"procman {' '.join(map(str, words))} ended with {done.returncode}: {done.stderr}")
        return done

    def command(self, *words):
        return [str(TOOL), "--state", str(self.state), *map(str, words)]

    def detach(self, name, *words):
        """Start ``words`` (options, --, program); return its pid."""
        return json.loads(self("spawn", "--detach", "--json", "--name", name, *words).stdout)["pid"]

    def status(self, name):
        return json.loads(self("status", name, "--json").stdout)["managed"]

    def log(self, name):
        return (self.state / name / "log").read_text()


@pytest.fixture
def procman(tmp_path):
    """Return the tool; in the end no process that it keeps may be left, nor a supervisor."""
    tool = Procman(tmp_path / "state")
    yield tool
    left = sorted(p.name for p in tool.state.glob("[!.]*")) if tool.state.is_dir() else []
    for name in left:
        tool("rm", "--force", name)
    assert [n for n in os.listdir(tool.state) if n != ".lock"] == [] if tool.state.is_dir() else True
