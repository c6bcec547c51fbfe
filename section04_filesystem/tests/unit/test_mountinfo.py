"""The mount table's parser, and the reasons why pivot_root fails."""

import os
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from section04_filesystem import Mount, MountTable
from section04_filesystem.diagnose import why_not
from section04_filesystem.mountinfo import unescape

HOST = """\
22 28 0:21 / /proc rw,nosuid shared:12 - proc proc rw
28 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw,errors=remount-ro
40 28 0:40 /sub /mnt/with\\040space rw shared:7 master:3 - tmpfs tm\\011pfs rw,size=1k
41 40 0:41 / /mnt/with\\040space/deep ro unbindable - tmpfs tmpfs rw
"""


def test_a_line_is_read_with_escapes_and_optional_fields():
    found = MountTable.parse(HOST).by_id(40)
    assert (found.target, found.source, found.root, found.device) == ("/mnt/with space", "tm\tpfs", "/sub", "0:40")
    assert found.propagation == "shared:7,slave:3"
    assert (found.flags, found.data, found.parent) == (["rw"], "rw,size=1k", 28)


def test_looking_up():
    table = MountTable.parse(HOST)
    assert table.containing("/mnt/with space/deep/er").id == 41
    assert table.containing("/mnt/with spaceship").id == 28
    assert [found.id for found in table.children(table.at("/"))] == [22, 40]
    assert table.at("/mnt") is None
    assert [found.propagation for found in table] == ["shared:12", "shared:1", "shared:7,slave:3", "unbindable"]


@pytest.mark.parametrize("line", ["", "1 2 3", "1 2 0:1 / / rw - ext4", "a b 0:1 / / rw - ext4 x rw"])
def test_another_text_is_a_value_error(line):
    with pytest.raises(ValueError):  # noqa: PT011  its words do not matter
        Mount.parse(line)


def mangled(text):
    """Return ``text`` as the kernel writes it: fs/proc_namespace.c mangle(), fs/seq_file.c seq_path()."""
    return "".join(f"\\{ord(c):03o}" if c in " \t\n\\#" else c for c in text)


NAMES = st.binary(min_size=1, max_size=40).map(lambda raw: os.fsdecode(raw.replace(b"\0", b"-")))
FIELDS = st.sampled_from(["shared:7", "master:3", "propagate_from:2", "unbindable", "brand_new", "new:9:1"])


@given(NAMES, NAMES, NAMES | st.just(""), st.lists(FIELDS, unique=True), NAMES)
def test_whatever_the_kernel_would_write_is_read_back(target, root, source, optional, fstype):
    """Bytes that are not UTF-8, \\r, the line breaks that only Python knows, a target that is a dash: all come back."""
    parts = ["9 1 0:7", mangled("/" + root), mangled("/" + target), "rw,nosuid", *optional]
    line = f"{' '.join(parts)} - {mangled(fstype)} {mangled(source)} rw,size=1k"
    (found,) = MountTable.parse(f"{line}\n")
    assert (found.target, found.root, found.source, found.fstype) == ("/" + target, "/" + root, source, fstype)
    assert (found.flags, found.data) == (["rw", "nosuid"], "rw,size=1k")
    assert found.number("shared") == 7 * ("shared:7" in optional)
    assert found.number("propagate_from") == 2 * ("propagate_from:2" in optional)
    assert found.propagation.startswith("shared:7") == ("shared:7" in optional)


def test_all_five_escapes_and_no_others():
    assert unescape(r"a\040b\011c\012d\134e\043f") == "a b\tc\nd\\e#f"


def test_the_dominating_peer_group_is_kept_apart():
    """A slave whose master is in no mount that the reader sees: sharedsubtree.rst, proc_pid_mountinfo(5)."""
    found = Mount.parse("9 1 0:7 / /x rw propagate_from:4 brand_new master:8 - tmpfs  rw")
    assert (found.propagation, found.number("propagate_from"), found.source) == ("slave:8", 4, "")


def test_the_topmost_of_several_and_the_hidden_one():
    """Found as a look-up finds it, and not the one that comes last in the file."""
    text = (
        "1 9 0:1 / / rw - a a rw\n"
        "5 1 0:5 / /x/deep rw - hidden h rw\n"  # below what was mounted over /x later
        "7 6 0:7 / /x rw - top t rw\n"
        "6 1 0:6 / /x rw - under u rw\n"
    )
    table = MountTable.parse(text)
    assert table.at("/x").fstype == "top"
    assert table.at("/x/deep") is None
    assert table.containing("/x/deep").fstype == "top"
    assert [(depth, found.id) for depth, found in table.walk()] == [(0, 1), (1, 5), (1, 6), (2, 7)]


def test_ten_thousand_mounts_on_top_of_each_other_need_no_recursion():
    lines = (f"{n} {n - 1} 0:{n} / {'/d' * min(n - 1, 500) or '/'} rw - tmpfs t rw\n" for n in range(1, 10_001))
    table = MountTable.parse("".join(lines))
    assert max(depth for depth, _ in table.walk()) == 9_999 > sys.getrecursionlimit()
    assert table.containing("/d" * 700).id == 10_000


def test_lookups_do_not_go_through_all_mounts():
    """The cause of a quick answer: each mount is touched when the index is made, and not by the questions."""

    class Counting(Mount):
        touched = 0

        def __getattribute__(self, name):
            Counting.touched += name == "target"
            return super().__getattribute__(name)

    count = 1000
    lines = ["1 0 0:1 / / rw - t t rw"] + [f"{n} 1 0:{n} / /m{n} rw - t t rw" for n in range(2, count)]
    table = MountTable([Counting.parse(line) for line in lines])
    Counting.touched = 0
    for n in range(2, count):
        assert table.at(f"/m{n}") is table.by_id(n)
        assert table.children(table.by_id(n)) == []
    assert Counting.touched < 5 * count


def cause(text, new_root, put_old="", mount_id=0):
    return why_not(MountTable.parse(text), new_root, put_old, mount_id)[0]


PRIVATE = "28 1 8:1 / / rw - ext4 d rw\n"
NEW = PRIVATE + "50 28 8:1 /new /new rw - ext4 d rw\n"


def test_each_cause_of_a_failed_pivot_root_has_its_sentence():
    assert "on the current root mount" in cause(HOST.replace("shared:1 ", ""), "/new")
    assert "/new is a shared mount" in cause(PRIVATE + "50 28 8:1 /new /new rw shared:1 - ext4 d rw\n", "/new")
    assert "parent mount of /new, /, is a shared" in cause(HOST + "50 28 8:1 /new /new rw - ext4 d rw\n", "/new")
    assert "is on the current root mount" in cause(PRIVATE, "/")
    assert "not a mount point" in cause(NEW, "/new/folder")
    assert "no mount point (after chroot)" in cause("22 28 0:21 / /new rw - proc proc rw\n", "/new")
    assert "on the current root mount" in cause("22 28 0:21 / /proc rw - proc proc rw\n", "/new")
    assert "initial ramfs" in cause("1 1 0:2 / / rw - rootfs rootfs rw\n2 1 8:1 /n /n rw - ext4 d rw\n", "/n")
    assert "/old, where the old root shall go, is on the current" in cause(NEW, "/new", "/old")
    other = "51 28 0:9 / /x rw{} - tmpfs t rw\n"
    assert "/x/old, where the old root shall go, is not below /new" in cause(NEW + other.format(""), "/new", "/x/old")
    assert "shall go, is a shared mount" in cause(NEW + other.format(" shared:3"), "/new", "/x/old")
    assert "another mount namespace" in cause(NEW, "/new", mount_id=99)
    assert cause(NEW, "/new") == ""
    assert cause(NEW, "/new", "/new/old", 50) == ""
