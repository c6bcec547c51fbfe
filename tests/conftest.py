"""Fixtures of the repository-wide tests: a MiniDocker of one's own, with the embedded image."""

import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

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
