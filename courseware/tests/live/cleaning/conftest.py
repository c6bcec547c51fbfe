"""What the tests of ``course clean`` share: a state folder with jails, somebody in one, a place of one's own."""

import contextlib
import os
import signal

import pytest

from section01_processes import spawn
from section02_namespaces import CLONE_NEWNS, unshare
from section04_filesystem import Jails, set_propagation


@pytest.fixture
def folder(tmp_path):
    """A state folder with the jails ``empty`` and ``lived``."""
    (tmp_path / "source" / "bin").mkdir(parents=True)
    made = Jails(str(tmp_path / "above" / "jailman"))
    for name in ("empty", "lived"):
        made.create(name, str(tmp_path / "source"))
    return made.folder


@pytest.fixture
def found():
    """Return a function: kind and name of each of some leftovers."""
    return lambda leftovers: [(item.kind, item.name) for item in leftovers]


@pytest.fixture
def somebody_in():
    """Return a context: a process with this root, for as long as the block; gives its pid."""

    @contextlib.contextmanager
    def dweller(root):
        def dwell():
            os.chroot(root)
            os.write(there, b"x")
            signal.pause()

        seen, there = os.pipe()
        with spawn(dwell) as child:
            assert os.read(seen, 1) == b"x"
            yield child.pid
            child.signal(signal.SIGKILL)
            child.wait()
        os.close(seen)
        os.close(there)

    return dweller


@pytest.fixture
def alone():
    """Return a function: call ``check`` in a child that may mount, in a namespace of its own; fail as it fails."""

    def in_its_own_place(check):
        def run():
            unshare(CLONE_NEWNS)
            set_propagation("/", "rprivate")
            check()

        with spawn(run) as child:
            assert child.wait() == 0

    return in_its_own_place
