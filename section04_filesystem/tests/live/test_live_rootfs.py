"""A container's root on the real kernel: built in a child with namespaces of its own, judged from inside."""

import errno
import os
import stat

import pytest

from section01_processes import Plan, Slot, Step
from section02_namespaces import CLONE_NEWNS, unshare
from section04_filesystem import ROOT, bind_descriptor, plan_pivot, plan_root_mounts

pytestmark = pytest.mark.lane("host", "guest")


@pytest.mark.parametrize("user", [False, True], ids=["root", "userns"])
def test_the_usual_mounts_are_there_with_their_flags(inside, user, usual_mounts, seen):
    found = inside(seen, usual_mounts, user=user, readonly=True, propagation="rprivate")
    assert found["/proc"][:2] == ["proc", ["nodev", "noexec", "nosuid", "relatime", "rw"]]
    assert found["/dev"][:2] == ["tmpfs", ["nosuid", "rw"]]
    assert found["/dev/pts"][0] == "devpts"
    assert found["/dev/shm"][:2] == ["tmpfs", ["nodev", "noexec", "nosuid", "relatime", "rw"]]
    assert found["/dev/mqueue"][0] == "mqueue"
    assert found["/sys"][:2] == ["sysfs", ["nodev", "noexec", "nosuid", "relatime", "ro"]]
    assert "ro" in found["/"][1]
    assert {entry[3] for entry in found.values()} == {"private"}
    groups = {target: entry for target, entry in found.items() if target.startswith("/sys/fs/cgroup")}
    assert all("ro" in entry[1] for entry in groups.values())
    assert {"cgroup", "cgroup2"} & {entry[0] for entry in groups.values()}
    assert not [target for target in found if target.startswith(("/work", "/mnt", "/tmp"))]  # the host is gone


def test_devices_and_links_in_dev(inside, usual_mounts):
    def look():
        devices = {}
        for name in os.listdir("/dev"):
            status = os.lstat(f"/dev/{name}")
            if stat.S_ISCHR(status.st_mode):
                devices[name] = (os.major(status.st_rdev), os.minor(status.st_rdev), stat.S_IMODE(status.st_mode))
            elif stat.S_ISLNK(status.st_mode):
                devices[name] = os.readlink(f"/dev/{name}")
        master, _ = os.openpty()
        return devices, os.stat(f"/proc/self/fd/{master}").st_dev == os.stat("/dev/pts/ptmx").st_dev

    fuse = {"path": "/dev/fuse", "type": "c", "major": 10, "minor": 229, "fileMode": 0o600}
    os.umask(0o077)
    try:
        devices, own_pty = inside(look, usual_mounts, devices=[fuse])
    finally:
        os.umask(0o022)
    assert devices["null"] == (1, 3, 0o666)
    assert devices["fuse"] == (10, 229, 0o600)
    assert devices["ptmx"] == "pts/ptmx"
    assert devices["fd"] == "/proc/self/fd"
    assert " ".join(sorted(devices)) == "core fd full fuse null ptmx random stderr stdin stdout tty urandom zero"
    assert own_pty


def test_a_console_is_bound_after_the_pivot(inside, usual_mounts, seen):
    def look():
        _, slave = os.openpty()
        bind_descriptor(-1, "/dev/console", slave)
        return os.path.samefile("/dev/console", os.ttyname(slave)), seen()["/dev/console"][0]

    assert inside(look, usual_mounts) == (True, "devpts")


def test_readonly_and_kernels_without_openat2(inside, root, monkeypatch, usual_mounts, seen):
    from section01_processes import SyscallError
    from section04_filesystem import _syscalls

    def missing(*arguments):
        raise SyscallError(errno.ENOSYS, "openat2", arguments)

    monkeypatch.setattr(_syscalls, "_openat2", missing)
    (root / "abs").symlink_to("/etc")
    found = inside(
        seen, [{"destination": "/abs/x", "type": "tmpfs"}, *usual_mounts[:5]], masked_paths=["/proc/interrupts"]
    )
    assert {"/etc/x", "/proc", "/dev/pts", "/proc/interrupts"} <= set(found)


def test_steps_of_the_caller_between_the_halves(in_child, root, refused):
    def note(fd):
        os.close(os.open("made-between", os.O_CREAT | os.O_WRONLY, dir_fd=fd))

    def run():
        unshare(CLONE_NEWNS)
        steps = [*plan_root_mounts(str(root), []), Step(note, ROOT), *plan_pivot()]
        slots = Plan("init", steps).run({})
        return os.listdir("/"), refused(lambda: os.fstat(slots["rootfs"]))

    names, closed = in_child(run)
    assert "made-between" in names
    assert closed == errno.EBADF
    assert isinstance(ROOT, Slot)
