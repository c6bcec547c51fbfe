"""pivot_root and what it depends on: the propagation of mounts, in both directions."""

import os

import pytest

from section01_processes import Plan
from section02_namespaces import CLONE_NEWNS, unshare
from section04_filesystem import MountTable, bind, mount, pivot_root, plan_private_mounts, set_propagation, umount

pytestmark = pytest.mark.lane("host", "guest")


@pytest.mark.parametrize(
    ("word", "expected"), [("rshared", "shared"), ("unbindable", "unbindable"), ("rprivate", "private")]
)
def test_the_roots_own_propagation(inside, word, expected, seen):
    assert inside(seen, propagation=word)["/"][3].startswith(expected)
    assert "shared" not in inside(seen)["/"][3]


def test_private_mounts_receive_from_the_host_or_not(in_child, tmp_path):
    """A "host" mount namespace with shared mounts, and a guest in it: rslave receives, rprivate does not."""
    place = tmp_path / "place"
    place.mkdir()

    def guest(word, ready, go):
        unshare(CLONE_NEWNS)
        Plan("child", plan_private_mounts(word)).run({})
        mount("tmpfs", str(tmp_path), "tmpfs") if word == "hide" else None
        os.write(ready, b"x")
        os.read(go, 1)
        got = MountTable.of().at(str(place)) is not None
        mount("mine", "/mnt", "tmpfs")
        return got

    def host():
        unshare(CLONE_NEWNS)
        set_propagation("/", "rprivate")
        bind("/", "/mnt", recursive=False)
        umount("/mnt")
        set_propagation("/", "rshared")
        answers = []
        for word in ("rslave", "rprivate"):
            ready, said = os.pipe()
            go, end = os.pipe()
            result, answer = os.pipe()
            pid = os.fork()
            if pid == 0:
                os.close(end)
                os.write(answer, b"1" if guest(word, said, go) else b"0")
                os._exit(0)
            os.read(ready, 1)
            mount("tmpfs", str(place), "tmpfs")
            os.close(end)
            os.waitpid(pid, 0)
            answers.append(os.read(result, 1))
            answers.append(MountTable.of().at("/mnt") is None)
            umount(str(place))
        return answers

    assert in_child(host) == [b"1", True, b"0", True]


def test_pivot_root_says_which_cause_it_was(in_child, root):
    def not_a_mount():
        unshare(CLONE_NEWNS)
        set_propagation("/", "rprivate")
        pivot_root(str(root))

    def not_a_mount_elsewhere():
        unshare(CLONE_NEWNS)
        set_propagation("/", "rprivate")
        mount("tmpfs", str(root), "tmpfs")
        (root / "new").mkdir()
        pivot_root(str(root / "new"))

    def shared():
        unshare(CLONE_NEWNS)
        set_propagation("/", "rprivate")
        bind(str(root), str(root))
        set_propagation("/", "rshared")
        pivot_root(str(root))

    def after_chroot():
        unshare(CLONE_NEWNS)
        set_propagation("/", "rprivate")
        os.mkdir(root / "proc") if not (root / "proc").exists() else None
        bind("/proc", str(root / "proc"))
        (root / "new").mkdir(exist_ok=True)
        os.chroot(root)
        os.chdir("/")
        bind("/new", "/new")
        pivot_root("/new")

    def the_root_itself():
        unshare(CLONE_NEWNS)
        set_propagation("/", "rprivate")
        pivot_root("/")

    for attempt, cause, explain in [
        (not_a_mount, "not a mount point", "LCM-FS-0"),  # 2 where the folder is on the current root mount
        (not_a_mount_elsewhere, "not a mount point", "LCM-FS-01"),
        (shared, "is a shared mount", "LCM-FS-01"),
        (after_chroot, "after chroot", "LCM-FS-01"),
        (
            lambda: (unshare(CLONE_NEWNS), set_propagation("/", "rprivate"), pivot_root("/")),
            "current root",
            "LCM-FS-02",
        ),
    ]:
        with pytest.raises(in_child.error, match=cause) as caught:
            in_child(attempt)
        assert caught.value.explain.startswith(explain)
