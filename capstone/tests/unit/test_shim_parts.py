"""The shim's pure parts: who the user is, the queue of a slow client, the detach keys, the error frame, smaps."""

from __future__ import annotations

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minidocker.shim import protocol as p
from minidocker.shim.backlog import MEMORY_MAX, Backlog
from minidocker.shim.memory import droppable
from minidocker.shim.user import resolve_user
from minidocker.shimterminal import DetachScanner, parse_detach_keys
from section01_processes import UsageError

PASSWD = (
    "root:x:0:0:root:/root:/bin/sh\n# comment\nbroken:x\nalice:x:1000:1001::/home/alice:/bin/sh\n7:x:70:71::/seven:\n"
)
GROUP = "root:x:0:\nwheel:x:10:root,alice\nalice:x:1001:\nvideo:x:44:alice,bob\n"


@pytest.mark.parametrize(
    ("user", "added", "uid", "gid", "groups", "home"),
    [
        ("", [], 0, 0, [0, 10], "/root"),
        ("alice", [], 1000, 1001, [1001, 10, 44], "/home/alice"),
        ("1000", [], 1000, 1001, [1001, 10, 44], "/home/alice"),
        ("4711", [], 4711, 0, [0], "/"),
        ("alice:video", [], 1000, 44, [44], "/home/alice"),
        ("alice:4712", ["wheel", "5"], 1000, 4712, [4712, 10, 5], "/home/alice"),
        (":10", [], 0, 10, [10], "/root"),
        ("7", [], 70, 71, [71], "/seven"),  # a name made of digits comes before a number
    ],
)
def test_users_as_docker_resolves_them(user, added, uid, gid, groups, home):
    who = resolve_user(user, added, PASSWD, GROUP)
    assert (who.uid, who.gid, who.groups, who.home) == (uid, gid, groups, home)


@pytest.mark.parametrize(("user", "added"), [("bob", []), ("alice:nogroup", []), ("", ["nope"]), ("4294967295", [])])
def test_unknown_users_and_groups_are_refused(user, added):
    with pytest.raises(UsageError):
        resolve_user(user, added, PASSWD, GROUP)


def test_root_needs_no_passwd():
    who = resolve_user("", [], "", "")
    assert (who.uid, who.gid, who.groups, who.home) == (0, 0, [0], "/root")


@given(st.lists(st.tuples(st.integers(0, 2), st.binary(max_size=64), st.integers(1, 8000)), max_size=60))
def test_backlog_keeps_everything_in_order_and_memory_bounded(tmp_path_factory, actions):
    queue = Backlog(str(tmp_path_factory.mktemp("queue")))
    expected = []
    for kind, data, times in actions:
        if kind == 2:
            while expected[:1] and len(expected) > times % 7:
                assert queue
                assert (queue.first()[0], bytes(queue.first()[1])) == expected.pop(0)
                queue.pop()
        else:
            frame = (p.OUT if kind else p.ERR, data * times)
            queue.append(*frame)
            expected.append(frame)
        in_memory = sum(len(d) for _, d in expected) - queue.spooled
        assert in_memory <= MEMORY_MAX + 64 * 8000
    while queue:
        assert (queue.first()[0], bytes(queue.first()[1])) == expected.pop(0)
        queue.pop()
    assert not expected
    queue.close()


def test_backlog_leaves_no_file_behind(tmp_path):
    queue = Backlog(str(tmp_path))
    for _ in range(40):
        queue.append(p.OUT, bytes(65536))
    assert queue.spooled > MEMORY_MAX
    assert os.listdir(tmp_path) == []
    queue.close()
    assert not queue


@given(st.lists(st.binary(max_size=5)), st.lists(st.binary(max_size=5)))
def test_detach_keys_are_found_however_they_are_cut(before, after):
    keys = b"\x10\x11"
    scanner = DetachScanner(keys)
    passed = b""
    typed = [*before, b"\x10", b"\x11", *after]
    for piece in typed:
        data, found = scanner.feed(piece)
        passed += data
        if found:
            break
    else:
        pytest.fail("the keys were not found")
    whole = b"".join(typed)
    assert passed == whole[: whole.find(keys)]


@pytest.mark.parametrize(
    ("text", "keys"), [("ctrl-p,ctrl-q", b"\x10\x11"), ("a,b", b"ab"), ("ctrl-@", b"\0"), ("", b"")]
)
def test_detach_keys_as_docker_writes_them(text, keys):
    assert parse_detach_keys(text) == keys


def test_unknown_detach_keys():
    with pytest.raises(UsageError):
        parse_detach_keys("ctrl-1")


def test_error_frames_carry_all_four_parts():
    frame = p.error_frame(127, "not found: \udcff", "try this", "LCM-FS-03")
    assert frame[0] == p.ERROR
    assert p.parse_error(frame[1:]) == (127, "not found: \udcff", "try this", "LCM-FS-03")
    assert len(p.error_frame(1, "x" * 100_000, "y" * 100_000)) < p.DATA_MAX


def test_only_untouched_read_only_file_pages_are_dropped():
    entry = "{} {} 00000000 00:1f 7   {}\nSize: 4 kB\nAnonymous:   {} kB\nVmFlags: rd\n"
    text = "".join(
        [
            entry.format("1000-2000", "r-xp", "/usr/bin/python", 0),
            entry.format("2000-3000", "r--p", "/usr/bin/python", 4),  # relocated: RELRO
            entry.format("3000-4000", "rw-p", "/usr/bin/python", 0),
            entry.format("4000-6000", "r--p", "/", 0),
            entry.format("7000-8000", "r--p", "[vvar]", 0),
            "8000-9000 r--p 00000000 00:00 0 \nAnonymous:    0 kB\n",
        ]
    )
    assert droppable(text) == [(0x1000, 0x2000), (0x4000, 0x6000)]
