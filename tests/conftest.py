"""Fixtures of the repository-wide tests: a MiniDocker of one's own, with the embedded image."""

import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

import pytest

TOOL = pathlib.Path(sys.executable).parent / "minidocker"


class MiniDocker:
    """The tool with a state root of its own; every call is a process, as a user's would be."""

    def __init__(self, root):
        self.root = pathlib.Path(root)

    def command(self, *arguments):
        return [str(TOOL), "--root", str(self.root), *map(str, arguments)]

    def __call__(self, *arguments, check=True, timeout=60, env=None, **options):
        done = subprocess.run(
            self.command(*arguments), capture_output=True, text=True, errors="replace", check=False, timeout=timeout,
            stdin=options.pop("stdin", subprocess.DEVNULL), env={**os.environ, **(env or {})}, **options,
        )  # fmt: skip
        if check and done.returncode:
            words = " ".join(map(str, arguments))
            pytest.fail(f"minidocker {words} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}")
        return done

    def state(self):
        """Return the names in the state root that a container may leave: folders, leases, endpoints, volumes."""
        found = set()
        for pattern in ("containers/*", "networks/*/leases/*", "networks/*/endpoints/*", "networks/endpoints/*",
                        "images/leases/*", "volumes/*", "names/*"):  # fmt: skip
            found |= {str(p.relative_to(self.root)) for p in self.root.glob(pattern)}
        return found


@pytest.fixture(scope="session")
def until():
    """Return a function that waits until ``condition()`` holds; ``told`` says what there is if it never does."""

    def wait(condition, seconds=60, told=lambda: "it did not happen in time"):
        end = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < end, told()
            time.sleep(0.05)

    return wait


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


@pytest.fixture
def require_half_a_cpu(until, yardstick):
    """Return a function that requires half a CPU by ``used()``, seconds: never more; once, in 4 s, that much.

    On a machine that is so busy that a neighbour without a limit gets less: about as much as that one. We may be held
    up at each look, hence two bounds.
    """

    def look(used):
        before, value = time.monotonic(), (used(), yardstick())
        return before, value, time.monotonic()

    def require(used):
        def reaches_half():
            early, first, began = look(used)
            time.sleep(4)
            ended, last, late = look(used)
            ours, free = (b - a for a, b in zip(first, last, strict=True))
            assert ours / (late - early) <= 0.55
            return ours / (ended - began) >= 0.45 or ours >= 0.8 * free

        until(reaches_half)

    return require


@pytest.fixture(scope="session")
def short_folder():
    """Return a folder with a short name: containerd's sockets do not stand a long one (unix(7): 107 bytes)."""
    folder = tempfile.mkdtemp(prefix="lcm-")
    yield pathlib.Path(folder)
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def minidocker(tmp_path_factory):
    """Return MiniDocker on a fresh state root that has the image ``tiny``; in the end no container may be left."""
    tool = MiniDocker(tmp_path_factory.mktemp("minidocker"))
    tool("system", "tiny")
    yield tool
    left = tool("ps", "-aq").stdout.split()
    if left:
        tool("rm", "-f", *left)
