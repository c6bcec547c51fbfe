"""Fixtures of section 1's live tests: procman with a state folder of its own, which leaves nothing behind."""

import json
import os
import pathlib
import subprocess
import sys
import textwrap
import time

import pytest

from section01_processes import ProcessStat

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


@pytest.fixture
def until():
    """Return the function ``until(condition, what)``."""
    return wait_until


class Program:
    """A learner's program: its lines go back and forth; it is killed in the end."""

    def __init__(self, code, *arguments, **options):
        buffered = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
        self.running = subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(code), *map(str, arguments)], text=True, env=buffered,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options,
        )  # fmt: skip
        self.pid = self.running.pid

    def line(self):
        return self.running.stdout.readline().rstrip()

    def say(self, text):
        self.running.stdin.write(text + "\n")
        self.running.stdin.flush()

    def end(self):
        """Return what else it wrote, standard error behind, once everybody has closed its output."""
        text = self.running.stdout.read() + self.running.stderr.read()
        self.running.wait()
        return text

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.running.kill()
        self.running.wait()
        for pipe in (self.running.stdin, self.running.stdout, self.running.stderr):
            pipe.close()


@pytest.fixture
def learner():
    """Return the class of a learner's program: ``with learner(code) as program``."""
    return Program


def waits_in(pid, function):
    """Whether the process sleeps in the kernel's ``function``, a part of its name (proc_pid_wchan(5)).

    A kernel that is a process itself (the guest) knows no such name: there, whether it sleeps at twenty looks.
    """
    for _ in range(20):
        with open(f"/proc/{pid}/wchan") as file:
            name = file.read()
        if ProcessStat.of(pid).state != "S":
            return False
        if not os.environ.get("IN_VM"):
            return function in name
        time.sleep(0.01)
    return True


@pytest.fixture(name="waits_in")
def give_waits_in():
    """Return the function ``waits_in(pid, function)``."""
    return waits_in


def state_of(pid):
    """Return the state's letter, "" when the process is gone."""
    try:
        return ProcessStat.of(pid).state
    except ProcessLookupError:
        return ""


@pytest.fixture(name="state_of")
def give_state_of():
    """Return the function ``state_of(pid)``."""
    return state_of


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
