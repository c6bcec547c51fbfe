"""What the inside sees of /proc: masks, read-only paths; and a /proc of the runtime's own."""

import errno
import os
import shutil

import pytest

from section01_processes import Plan
from section02_namespaces import CLONE_NEWNS, CLONE_NEWPID, CLONE_NEWUSER, IdMap, unshare, write_id_maps
from section04_filesystem import bind, mount, open_proc, plan_rootfs, set_propagation, umount, write_proc

pytestmark = pytest.mark.lane("host", "guest")


def test_masks_and_readonly_paths(inside, usual_mounts, seen, refused):
    (masked, there, sys_flags, wrote, ipv4) = inside(
        lambda: (
            os.listdir("/sys/firmware"),
            os.stat("/proc/interrupts").st_rdev,
            seen()["/proc/sys"][1],
            refused(lambda: open("/proc/sys/net/ipv4/ip_forward", "w")),
            forward(),
        ),
        usual_mounts,
        masked_paths=["/proc/interrupts", "/sys/firmware", "/proc/no_such_file"],
        readonly_paths=["/proc/sys", "/proc/none"],
    )
    assert masked == []
    assert there == os.makedev(1, 3)
    assert "ro" in sys_flags
    assert "nosuid" in sys_flags
    assert wrote == errno.EROFS
    assert ipv4 == "1"  # the runtime's own writes still get through


def forward():
    """Switch forwarding on in this network namespace through a procfs of our own; return what /proc says then."""
    fd = open_proc()
    write_proc(fd, "sys/net/ipv4/ip_forward", "1")
    os.close(fd)
    return open("/proc/sys/net/ipv4/ip_forward").read().strip()


def test_a_masked_proc_keeps_a_user_namespace_from_mounting_its_own(in_child, root, usual_mounts):
    def run():
        unshare(CLONE_NEWNS)
        set_propagation("/", "rprivate")
        mount("tmpfs", "/proc/irq", "tmpfs")
        unshare(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID)
        write_id_maps(0, [IdMap(0, 0, 1)], [IdMap(0, 0, 1)])
        return in_child(lambda: Plan("init", plan_rootfs(str(root), usual_mounts[:1], userns=True)).run({}) and None)

    with pytest.raises(in_child.error) as caught:
        in_child(run)
    assert "LCM-NS-05" in caught.value.text
    assert "proc → /proc" in caught.value.text


def test_a_false_null_device_is_no_mask(in_child, root):
    def run():
        unshare(CLONE_NEWNS)
        set_propagation("/", "rprivate")
        bind("/dev/zero", "/dev/null")
        Plan("init", plan_rootfs(str(root), [], masked_paths=["/etc/secret"])).run({})

    (root / "etc" / "secret").write_text("x")
    with pytest.raises(in_child.error, match="not the null device"):
        in_child(run)


def test_the_procfs_handle_takes_no_detour(in_child, tmp_path, refused):
    def run():
        unshare(CLONE_NEWNS)
        set_propagation("/", "rprivate")
        fd = open_proc()
        mount("tmpfs", "/proc", "tmpfs")  # whatever lies on /proc does not matter to the handle
        write_proc(fd, "self/oom_score_adj", "500")
        umount("/proc")
        return open("/proc/self/oom_score_adj").read().strip(), refused(lambda: write_proc(fd, "self/cwd/x", "1"))

    assert in_child(run) == ("500", errno.ELOOP)
    shutil.rmtree(tmp_path)
