"""mountinfo, /proc/PID/cgroup and statistics: parsers of text."""

import pytest

from section03_cgroups import Cgroup, CgroupError, ControllerMissing, Hierarchy
from section03_cgroups.hierarchy import parse_mountinfo, parse_proc_cgroup
from section03_cgroups.stats import parse_blkio, parse_flat, parse_io_stat

V2 = "31 23 0:28 / /nowhere/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate,memory_recursiveprot\n"
V1 = """\
21 1 0:20 / /proc rw - proc proc rw
32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,relatime shared:10 - cgroup cgroup rw,cpu,cpuacct
33 31 0:30 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,xattr,name=systemd
34 31 0:31 /docker/abc /mnt/part rw - cgroup cgroup rw,memory
35 31 0:31 / /mnt/my\\040memory rw master:3 propagate_from:1 - cgroup none rw,memory
36 31 0:31 / /mnt/second rw - cgroup cgroup rw,memory
"""


def test_modes():
    assert Hierarchy.detect(V2).mode == "v2"
    assert Hierarchy.detect(V1).mode == "v1"
    hybrid = Hierarchy.detect(V1 + V2)
    assert (hybrid.mode, hybrid.unified) == ("hybrid", "/nowhere/cgroup")
    with pytest.raises(ControllerMissing):
        Hierarchy.detect("21 1 0:20 / /proc rw - proc proc rw\n")


def test_mountinfo_with_shared_and_named_hierarchies_escapes_and_partial_mounts():
    controllers, unified = parse_mountinfo(V1)
    assert controllers == {
        "cpu": "/sys/fs/cgroup/cpu,cpuacct", "cpuacct": "/sys/fs/cgroup/cpu,cpuacct",
        "name=systemd": "/sys/fs/cgroup/systemd", "memory": "/mnt/my memory",
    }  # fmt: skip
    assert unified == ""


def test_each_mount_is_listed_once_and_the_unified_one_last():
    hierarchy = Hierarchy("hybrid", {"cpu": "/a", "cpuacct": "/a", "hugetlb": "/u", "blkio": "/b"}, "/u")
    assert hierarchy.mounts() == ["/a", "/b", "/u"]
    assert hierarchy.find("io") == ("/b", 1)
    assert hierarchy.find("hugetlb") == ("/u", 2)
    assert hierarchy.find("memory") == ("", 0)


@pytest.mark.parametrize("path", ["", "/", "/a/../b", "/./a"])
def test_a_cgroup_has_a_name_and_stays_below_the_root(path):
    with pytest.raises(CgroupError):
        Cgroup(Hierarchy("v2", {}, "/u"), path)


def test_proc_cgroup():
    text = "12:cpu,cpuacct:/a\n1:name=systemd:/b:c\n0::/user.slice\n"
    assert parse_proc_cgroup(text) == {"cpu": "/a", "cpuacct": "/a", "name=systemd": "/b:c", "": "/user.slice"}


def test_statistics_files():
    assert parse_flat("oom 0\noom_kill 3\nlow max\n") == {"oom": 0, "oom_kill": 3}
    assert parse_io_stat("8:0 rbytes=10 wbytes=5 rios=1\n253:0 rbytes=7 wbytes=1 dios=0\n8:16\n") == (17, 6)
    assert parse_blkio("8:0 Read 4096\n8:0 Write 1\n8:16 Read 1\nTotal 9999\n") == (4097, 1)
