"""The mount table's parser, and the reasons why pivot_root fails."""

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
    mount = MountTable.parse(HOST).by_id(40)
    assert (mount.target, mount.source, mount.root, mount.device) == ("/mnt/with space", "tm\tpfs", "/sub", "0:40")
    assert mount.propagation == "shared:7,slave:3"
    assert (mount.flags, mount.data, mount.parent) == (["rw"], "rw,size=1k", 28)


def test_looking_up():
    table = MountTable.parse(HOST)
    assert table.containing("/mnt/with space/deep/er").id == 41
    assert table.containing("/mnt/with spaceship").id == 28
    assert [mount.id for mount in table.children(table.at("/"))] == [22, 40]
    assert table.at("/mnt") is None
    assert [mount.propagation for mount in table] == ["shared:12", "shared:1", "shared:7,slave:3", "unbindable"]


@pytest.mark.parametrize("line", ["", "1 2 3", "1 2 0:1 / / rw - ext4", "a b 0:1 / / rw - ext4 x rw"])
def test_another_text_is_a_value_error(line):
    with pytest.raises(ValueError):  # noqa: PT011  its words do not matter
        Mount.parse(line)


@given(st.text(st.characters(min_codepoint=1, max_codepoint=0x2FF)))
def test_what_the_kernel_escapes_comes_back(text):
    escaped = "".join(f"\\{ord(c):03o}" if c in " \t\n\\" else c for c in text)
    assert unescape(escaped) == text


def cause(text, new_root, current="/"):
    return why_not(MountTable.parse(text), new_root, current)[0]


def test_each_cause_of_a_failed_pivot_root_has_its_sentence():
    assert "not a mount point" in cause(HOST.replace("shared:1 ", ""), "/new")
    assert "/new is a shared mount" in cause(HOST + "50 28 8:1 /new /new rw shared:1 - ext4 d rw\n", "/new")
    assert "the parent of / is a shared" in cause(HOST + "50 28 8:1 /new /new rw - ext4 d rw\n", "/new")
    assert "is on the current root mount" in cause(HOST, "/")
    assert "no mount point (after chroot)" in cause("22 28 0:21 / /proc rw - proc proc rw\n", "/new")
    assert "initial ramfs" in cause("1 1 0:2 / / rw - rootfs rootfs rw\n", "/new")
    assert cause("1 0 8:1 / / rw - ext4 d rw\n2 1 8:1 /n /n rw - ext4 d rw\n", "/n") == ""
