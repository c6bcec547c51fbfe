"""The propagation matrix as this kernel has it equals the kernel's document, typed here once more from its sections."""

import json
import os
import subprocess
import sys

import pytest

from section01_processes import set_dumpable
from section04_filesystem import MountTable
from section04_filesystem.playground.document import TABLES, TYPES
from section04_filesystem.playground.measure import measure

pytestmark = pytest.mark.lane("host", "guest")
JAILMAN = os.path.join(os.path.dirname(sys.executable), "jailman")

#: Documentation/filesystems/sharedsubtree.rst, 5b "BIND MOUNT OPERATION": rows destination, columns source.
BIND_5B = """
source      | shared | private | slave          | unbindable
shared      | shared | shared  | shared & slave | invalid
non-shared  | shared | private | slave          | invalid
"""
#: 5d "MOVE MOUNT OPERATION".
MOVE_5D = """
source      | shared | private | slave            | unbindable
shared      | shared | shared  | shared and slave | invalid
non-shared  | shared | private | slave            | unbindable
"""
#: 5a "the state diagram": rows the state, columns what was asked for. Of its two footnotes: a shared mount that is the
#: only one of its group becomes private when made a slave; making a mount that is not shared a slave changes nothing.
CHANGES_5A = """
state            | shared           | slave      | private | unbindable
shared           | shared           | private    | private | unbindable
slave            | shared and slave | slave      | private | unbindable
shared and slave | shared and slave | slave      | private | unbindable
private          | shared           | private    | private | unbindable
unbindable       | shared           | unbindable | private | unbindable
"""
#: 2, "shared: … propagate to each other; slave: from the master, not towards it; private: neither; unbindable: as
#: private". A is the row, B the column; both are peers of a third mount that is made nothing.
EVENTS = """
A          | shared    | slave   | private | unbindable
shared     | both ways | A to B  | neither | neither
slave      | B to A    | neither | neither | neither
private    | neither   | neither | neither | neither
unbindable | neither   | neither | neither | neither
"""


def read(text):
    head, *rows = [[word.strip() for word in line.split("|")] for line in text.strip().splitlines()]
    return {(row[0], column): word for row in rows for column, word in zip(head[1:], row[1:], strict=True)}


def by_destination(text):
    """Return a table of 5b's shape as ours: (source, destination), non-shared for each of its three kinds."""
    cells = read(text.replace("&", "and"))
    return {
        (source, dest): cells["shared" if dest == "shared" else "non-shared", source]
        for source in TYPES
        for dest in TYPES
    }


EXPECTED = {
    "events": read(EVENTS),
    "unmount": read(EVENTS),  # 5f: it follows the same ways
    "bind": by_destination(BIND_5B),
    "move": by_destination(MOVE_5D),
    "mount": {("new", dest): "shared" if dest == "shared" else "private" for dest in TYPES},  # 5e: a private source
    "changes": read(CHANGES_5A),
}


@pytest.fixture(scope="module")
def measured():
    before = [(mount.id, mount.propagation) for mount in MountTable.of()]
    tables = measure()
    assert [(mount.id, mount.propagation) for mount in MountTable.of()] == before  # it was all thrown away
    return tables


@pytest.mark.parametrize("name", list(EXPECTED))
def test_the_kernel_does_what_its_document_says(measured, name):
    assert measured[name] == EXPECTED[name]


def test_what_the_tool_quotes_is_what_the_document_says():
    assert {name: TABLES[name] for name in EXPECTED} == EXPECTED


def test_a_cloned_namespace(measured):
    """5g; a newer kernel forgets there that a mount was unbindable (seen: 6.18)."""
    found = dict(measured["clone"])
    assert found.pop(("parent", "unbindable")) in ("unbindable", "private")
    assert found == {
        ("parent", "shared"): "shared, a peer",
        ("parent", "slave"): "slave, of the same master",
        ("parent", "private"): "private",
    }


def test_what_a_systemd_host_changes(measured):
    """LCM-NS-01: below shared mounts a container's mount appears on the host, unless it becomes slave or private."""
    assert list(measured["systemd"].values()) == ["appears on the host", "stays inside", "stays inside"]


def test_the_tool_shows_it_and_agrees():
    plain = subprocess.run([JAILMAN, "playground"], capture_output=True, text=True, check=False)
    assert (plain.returncode, plain.stderr) == (0, "")
    assert "shared and slave" in plain.stdout
    assert "5d, move semantics" in plain.stdout
    done = subprocess.run([JAILMAN, "playground", "--json"], capture_output=True, check=True)
    cells = json.loads(done.stdout)
    assert {cell["table"] for cell in cells} == {*TABLES, "host", "systemd"}
    assert all(cell["equal"] or cell["known"] for cell in cells)


@pytest.mark.needs("root", "userns")
def test_an_ordinary_user_measures_the_same(in_child, measured):
    """In a user namespace of his own, whose mounts are as shared as root's."""

    def ask():
        os.setgroups([])
        os.setresgid(65534, 65534, 65534)
        os.setresuid(65534, 65534, 65534)
        set_dumpable(1)  # as after an execve: else /proc/self/uid_map is root's
        return [[name, sorted(table.items())] for name, table in measure().items() if name != "host"]

    assert in_child(ask) == [[name, sorted(table.items())] for name, table in measured.items() if name != "host"]
