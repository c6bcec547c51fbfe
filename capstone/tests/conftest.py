"""The ``minidocker`` fixture: a runner with a state root of its own and the image ``tiny``; nothing is left."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time

import pytest


class Runner:
    """Runs the real command line below a private root."""

    def __init__(self, root):
        self.root = str(root)

    def command(self, *words):
        return [sys.executable, "-m", "minidocker", "--root", self.root, *map(str, words)]

    def __call__(self, *words, code=0, stdin="", env=None, timeout=60):
        """Run a command, require its exit code, return its standard output without the last newline."""
        done = self.run(*words, stdin=stdin, env=env, timeout=timeout)
        assert done.returncode == code, f"{words}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done.stdout.rstrip("\n")

    def fails(self, *words, code=125, stdin=""):
        """Run a command that must fail with ``code`` in one line without a traceback; return that line."""
        done = self.run(*words, stdin=stdin)
        assert done.returncode == code, f"{words}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        assert "Traceback" not in done.stderr
        assert len(done.stderr.strip().splitlines()) == 1, done.stderr
        return done.stderr.strip()

    def run(self, *words, stdin="", env=None, timeout=60):
        surroundings = {**os.environ, **(env or {})}
        return subprocess.run(
            self.command(*words), input=stdin, capture_output=True, text=True, timeout=timeout, env=surroundings
        )

    def start(self, *words, **options):
        """Start a command and return its process."""
        return subprocess.Popen(self.command(*words), text=True, **options)

    def clean(self):
        """Remove every container; then nothing may be left of this root."""
        ids = self("ps", "-aq", "--no-trunc").split()
        if ids:
            self("rm", "-f", "-v", *ids)
        # an empty cgroup may be another root's, whose shim was killed and whose next command is still to come
        findings = self.run("system", "check").stdout.splitlines()
        ours = [line for line in findings if not line.startswith("cgroup") or any(i in line for i in ids)]
        assert ours == ["nothing is left behind"] or (findings and not ours), ours
        assert os.listdir(self.root + "/containers") == []


def until(condition, seconds=60.0):
    """Wait until ``condition()`` is true and return its value; fail after ``seconds``."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)
    return value


@pytest.fixture
def yardstick():
    """Return a function that tells the CPU seconds of a process that spins beside us, without a limit."""
    with subprocess.Popen([sys.executable, "-c", "while True: pass"]) as spinner:

        def used():
            with open(f"/proc/{spinner.pid}/stat", encoding="ascii") as file:
                fields = file.read().rpartition(")")[2].split()
            return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")  # proc_pid_stat(5): utime, stime

        yield used
        spinner.kill()


@pytest.fixture(scope="session")
def tiny_root(tmp_path_factory):
    """A state root that holds the image ``tiny``."""
    root = tmp_path_factory.mktemp("tiny") / "root"
    Runner(root)("system", "tiny")
    return root


@pytest.fixture
def minidocker(tiny_root, tmp_path):
    """A runner with a private root and ``tiny`` in it."""
    root = tmp_path / "root"
    root.mkdir(mode=0o700)
    shutil.copytree(tiny_root / "images", root / "images", symlinks=True)
    runner = Runner(root)
    runner.until = until
    yield runner
    runner.clean()
