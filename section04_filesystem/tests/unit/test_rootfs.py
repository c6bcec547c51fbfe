"""The step lists of plan_rootfs: what, in which order, with which attributes. No kernel."""

import pytest

from section01_processes import Plan, UsageError, describe_plan
from section04_filesystem import ROOT, CgroupLayout, plan_pivot, plan_private_mounts, plan_root_mounts, plan_rootfs

PROC = {"destination": "/proc", "type": "proc", "source": "proc"}
DEV = {"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "mode=755"]}
V1 = {"cpu": "/sys/fs/cgroup/cpu,cpuacct", "cpuacct": "/sys/fs/cgroup/cpu,cpuacct", "memory": "/sys/fs/cgroup/memory",
      "name=systemd": "/sys/fs/cgroup/systemd", "hugetlb": "/sys/fs/cgroup/unified"}  # fmt: skip


def calls(steps):
    return [(step.act.__name__, *step.args) for step in steps]


def names(steps):
    return [step.act.__name__ for step in steps]


def one(mount, **facts):
    """Return the calls of a single mount, without those of every root."""
    steps = plan_root_mounts("/r", [mount], dev_symlinks=(), **facts)
    return [call for call in calls(steps[2:]) if call[0] != "make_device"]


def test_the_order_of_the_whole():
    steps = plan_rootfs("/r", [PROC, DEV], readonly=True, masked_paths=["/proc/kcore"], readonly_paths=["/proc/sys"])
    assert names(steps) == ["set_propagation", "bind_root", "mount_filesystem", "mount_tmpfs", *["make_device"] * 6,
                            "make_links", "make_readonly", "mask_path", "pivot_root", "make_root_readonly"]  # fmt: skip
    assert steps[1].out is ROOT
    assert all(step.args[0] is ROOT for step in steps[2:-1])


def test_the_two_halves_make_the_whole():
    whole = plan_rootfs("/r", [PROC, DEV], propagation="shared", readonly=True)
    halves = plan_root_mounts("/r", [PROC, DEV], propagation="shared") + plan_pivot(propagation="shared", readonly=True)
    assert calls(whole) == calls(halves)


@pytest.mark.parametrize(
    ("word", "first", "last"),
    [
        ("", ("set_propagation", "/", "rslave"), "pivot_root"),
        ("rprivate", ("set_propagation", "/", "rprivate"), "pivot_root"),
        ("slave", ("set_propagation", "/", "rslave"), "pivot_root"),
        ("shared", ("make_parent_private", "/r"), "set_propagation"),
        ("unbindable", ("set_propagation", "/", "rslave"), "set_propagation"),
    ],
)
def test_the_roots_propagation(word, first, last):
    steps = plan_rootfs("/r", [], propagation=word)
    assert calls(steps)[0] == first
    assert names(steps)[-1] == last


def test_private_mounts_are_slaves_unless_said():
    assert calls(plan_private_mounts()) == [("set_propagation", "/", "rslave")]


def test_a_user_namespace_binds_the_hosts_devices():
    steps = plan_root_mounts("/r", [DEV], userns=True)
    assert ("mount_bind", ROOT, "/dev/null", "/dev/null", False) in calls(steps)
    assert "make_device" not in names(steps)


def test_the_specs_devices_come_on_top_and_may_replace_a_default():
    fuse = {"path": "/dev/fuse", "type": "c", "major": 10, "minor": 229, "fileMode": 0o600, "uid": 5}
    null = {"path": "/dev/null", "type": "c", "major": 1, "minor": 3, "fileMode": 0o600}
    made = [call[2:] for call in calls(plan_root_mounts("/r", [DEV], devices=[fuse, null])) if call[0] == "make_device"]
    assert ("/dev/fuse", "c", 10, 229, 0o600, 5, 0) in made
    assert [call for call in made if call[0] == "/dev/null"] == [("/dev/null", "c", 1, 3, 0o600, 0, 0)]


def test_a_bound_dev_is_the_hosts_own_and_is_left_alone():
    bound = {"destination": "/dev", "type": "bind", "source": "/dev", "options": ["rbind"]}
    assert not {"make_device", "make_links"} & set(names(plan_root_mounts("/r", [bound])))


def test_a_readonly_dev_becomes_so_after_its_devices():
    steps = plan_root_mounts("/r", [{**DEV, "options": ["ro"]}])
    assert names(steps)[-1] == "change_mount"
    assert calls(steps)[2] == ("mount_tmpfs", ROOT, "/dev", "tmpfs", (), 0, False)


def test_binds_take_the_short_way_where_it_is_enough():
    def bind(*words):
        return one({"destination": "/a", "source": "/b", "options": words})

    assert bind("rbind", "ro") == [("mount_bind", ROOT, "/a", "/b", True, 1)]
    assert bind("bind", "rw", "rprivate") == [("mount_bind_with", ROOT, "/a", "/b", False, 0, 1, 0, 0, "rprivate")]
    assert bind("rbind", "rro") == [("mount_bind_with", ROOT, "/a", "/b", True, 0, 0, 1, 0, "")]


def test_targets_are_absolute_and_have_no_dots():
    assert one({"destination": "a/../../etc//x/", "type": "bind", "source": "/b"})[0][2] == "/etc/x"


def test_propagation_of_a_new_file_system_is_a_step_of_its_own():
    mount = {"destination": "/t", "type": "tmpfs", "options": ["rshared", "tmpcopyup", "size=1m"]}
    assert one(mount) == [
        ("mount_tmpfs", ROOT, "/t", "tmpfs", ("size=1m",), 0, True),
        ("change_mount", ROOT, "/t", 0, 0, 0, 0, "rshared"),
    ]


def test_readonly_reaches_the_superblock_of_a_disk_only():
    assert one({"destination": "/d", "type": "ext4", "source": "/dev/x", "options": ["ro"]})[0][5:] == (("ro",), 1)
    assert one({"destination": "/sys", "type": "sysfs", "source": "sysfs", "options": ["ro"]})[0][5:] == ((), 1)


def test_version_2_is_one_mount():
    mount = {"destination": "/sys/fs/cgroup", "type": "cgroup", "source": "cgroup", "options": ["ro"]}
    layout = CgroupLayout({"memory": "/sys/fs/cgroup"}, "/sys/fs/cgroup", "/me")
    assert one(mount, cgroup_layout=layout) == [
        ("mount_filesystem", ROOT, "/sys/fs/cgroup", "cgroup2", "cgroup", (), 1)
    ]
    layout.namespace = False
    assert one(mount, cgroup_layout=layout)[0][2:5] == ("/sys/fs/cgroup", "/sys/fs/cgroup/me", True)


def test_version_1_and_hybrid_are_a_folder_of_hierarchies():
    mount = {"destination": "/sys/fs/cgroup", "type": "cgroup", "options": ["nosuid", "ro"]}
    steps = one(mount, cgroup_layout=CgroupLayout(V1, "/sys/fs/cgroup/unified"))
    mounted = {call[2]: call[3:6] for call in steps if call[0] == "mount_filesystem"}
    assert mounted["/sys/fs/cgroup/cpu,cpuacct"] == ("cgroup", "cgroup", ("cpu", "cpuacct"))
    assert mounted["/sys/fs/cgroup/systemd"] == ("cgroup", "cgroup", ("name=systemd",))
    assert mounted["/sys/fs/cgroup/unified"][0] == "cgroup2"
    assert steps[-2] == ("make_links", ROOT, [("cpu,cpuacct", f"/sys/fs/cgroup/{c}") for c in ("cpu", "cpuacct")])
    assert steps[-1][0] == "change_mount"


def test_version_1_without_a_namespace_binds_the_containers_own_folders():
    mount = {"destination": "/sys/fs/cgroup", "type": "cgroup"}
    steps = one(mount, cgroup_layout=CgroupLayout(V1, "/sys/fs/cgroup/unified", "/lcm/abc", namespace=False))
    bound = [call[3] for call in steps if call[0] == "mount_bind_with"]
    assert "/sys/fs/cgroup/memory/lcm/abc" in bound
    assert "/sys/fs/cgroup/unified/lcm/abc" in bound


@pytest.mark.parametrize(
    ("mount", "reason"),
    [
        ({"destination": "/proc", "type": "tmpfs"}, "only proc"),
        ({"destination": "/proc/self/attr", "type": "bind", "source": "/x"}, "inside /proc"),
        ({"destination": "/x/../proc/kcore", "type": "tmpfs"}, "inside /proc"),
        ({"destination": "/x", "type": "bind"}, "needs a source"),
        ({"destination": "/x", "type": "bind", "source": "/y", "options": ["size=1m"]}, "size=1m"),
        ({"destination": "/x", "options": ["ro"]}, "neither a type nor bind"),
        ({"destination": "/x", "type": "cgroup"}, "hierarchies"),
    ],
)
def test_a_mount_that_cannot_be_names_itself(mount, reason):
    with pytest.raises(UsageError, match=reason):
        plan_root_mounts("/r", [mount])


def test_lxcfs_may_cover_its_files():
    assert one({"destination": "/proc/meminfo", "type": "bind", "source": "/lxcfs/meminfo"})


def test_a_dry_run_reads_well():
    lines = describe_plan(Plan("init", plan_rootfs("/r", [{**PROC, "options": ["nosuid", "noexec"]}])))
    assert any("MOUNT_ATTR_NOEXEC|MOUNT_ATTR_NOSUID" in line and "§4" in line for line in lines)
