"""Fixtures of section 2's live tests: nsman as a user runs it, as root or as an ordinary user."""

import os
import pathlib
import subprocess
import sys
import tempfile
import time

import pytest

#: An ordinary user's id that owns nothing here.
ORDINARY = 65534
PATIENCE = 60  # seconds; only a broken program waits as long
#: Binds files of ours over /etc/subuid and /etc/subgid, in a mount namespace where nobody else sees it.
WITH_SUBIDS = 'mount --bind "$1" /etc/subuid; mount --bind "$1" /etc/subgid; shift; exec "$@"'


class Nsman:
    """The tool; every call is a process. ``ordinary``: as a user without rights; ``subids``: his /etc/subuid."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)

    def command(self, *words, ordinary=False, subids=None):
        command = [sys.executable, "-c", "from section02_namespaces.cli import main; main()", *map(str, words)]
        if ordinary:
            become = ["setpriv", f"--reuid={ORDINARY}", f"--regid={ORDINARY}", "--clear-groups"]
            command = [*become, *command]
        if subids is not None:
            (self.folder / "subids").write_text(subids)
            private = ["unshare", "--mount", "--propagation", "private", "sh", "-ec", WITH_SUBIDS, "-"]
            command = [*private, str(self.folder / "subids"), *command]
        return command

    def __call__(self, *words, ordinary=False, subids=None, **options):
        command = self.command(*words, ordinary=ordinary, subids=subids)
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=PATIENCE, **options)
        assert "Traceback" not in done.stderr, done.stderr
        return done

    def start(self, *words, ordinary=False):
        """Start it, wait for its first line, return the running process."""
        command = self.command(*words, ordinary=ordinary)
        running = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert running.stdout.readline() == "ready\n"
        return running


@pytest.fixture
def folder():
    """Return a folder where everybody may write; pytest's own, and TMPDIR, may lie where an ordinary user cannot go."""
    with tempfile.TemporaryDirectory(prefix="lcm-ns-", dir="/tmp") as path:
        os.chmod(path, 0o777)
        yield pathlib.Path(path)


@pytest.fixture
def nsman(folder):
    """Return the tool."""
    return Nsman(folder)


@pytest.fixture
def until():
    """Return the function ``until(condition, what)``, which waits and returns the condition's value."""

    def wait(condition, what):
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            if value := condition():
                return value
            time.sleep(0.01)
        raise AssertionError(f"not within {PATIENCE} s: {what}")

    return wait


def finish(running):
    """End a process that ``start`` made, and close its pipes; return its exit code."""
    running.kill()
    running.wait()
    for pipe in (running.stdin, running.stdout):
        pipe.close()
    return running.returncode


@pytest.fixture
def started(nsman):
    """Return ``started(…)`` like ``nsman.start``; what still runs at the end of the test is killed."""
    processes = []

    def start(*words, **options):
        processes.append(nsman.start(*words, **options))
        return processes[-1]

    yield start
    for process in processes:
        finish(process)


def first_child(pid):
    """Return the first child of ``pid``."""
    with open(f"/proc/{pid}/task/{pid}/children") as file:
        return int(file.read().split()[0])


@pytest.fixture(name="first_child")
def give_first_child():
    """Return the function ``first_child(pid)``."""
    return first_child
