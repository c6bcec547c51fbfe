"""pivot_root and what it depends on: the propagation of mounts, in both directions."""

import errno
import os

import pytest

from section01_processes import Plan
from section02_namespaces import CLONE_NEWNS, CLONE_NEWUSER, IdMap, unshare, write_id_maps
from section04_filesystem import MountTable, bind, mount, pivot_root, plan_private_mounts, set_propagation, umount
from section04_filesystem.pivot import exchange_root

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


def private():
    unshare(CLONE_NEWNS)
    set_propagation("/", "rprivate")


def not_a_mount(root):
    mount("tmpfs", root, "tmpfs")
    os.mkdir(f"{root}/new")
    pivot_root(f"{root}/new")


def shared_itself(root):
    bind(root, root)
    set_propagation(root, "shared")
    pivot_root(root)


def below_shared(root):
    mount("tmpfs", root, "tmpfs")
    set_propagation(root, "shared")
    os.mkdir(f"{root}/new")
    bind(f"{root}/new", f"{root}/new")
    set_propagation(f"{root}/new", "private")
    pivot_root(f"{root}/new")


def after_chroot(root):
    os.makedirs(f"{root}/proc", exist_ok=True)
    os.makedirs(f"{root}/new", exist_ok=True)
    bind("/proc", f"{root}/proc")
    os.chroot(root)
    os.chdir("/")
    bind("/new", "/new")
    pivot_root("/new")


def not_below(root):
    mount("tmpfs", root, "tmpfs")
    for name in ("new", "other"):
        os.mkdir(f"{root}/{name}")
        mount("tmpfs", f"{root}/{name}", "tmpfs")
    exchange_root(f"{root}/new", f"{root}/other")


def old_goes_to_shared(root):
    mount("tmpfs", root, "tmpfs")
    os.mkdir(f"{root}/old")
    mount("tmpfs", f"{root}/old", "tmpfs")
    set_propagation(f"{root}/old", "shared")
    exchange_root(root, f"{root}/old")


def other_namespace(root):
    mount("tmpfs", root, "tmpfs")
    place = os.open(root, os.O_PATH)
    unshare(CLONE_NEWNS)
    pivot_root(place)


def on_the_root_mount(root):
    pivot_root("/")


def old_on_the_root_mount(root):
    mount("tmpfs", root, "tmpfs")
    exchange_root(root, "/")


#: function: errno, words of the cause. All that pivot_root(2) and fs/namespace.c name, but two: a root that is the
#: initial ramfs (no test can have one; see test_mountinfo.py) and a locked mount (below).
CAUSES = {
    not_a_mount: (errno.EINVAL, "not a mount point"),
    shared_itself: (errno.EINVAL, "root is a shared mount"),
    below_shared: (errno.EINVAL, "the parent mount of"),
    after_chroot: (errno.EINVAL, "after chroot"),
    not_below: (errno.EINVAL, "is not below"),
    old_goes_to_shared: (errno.EINVAL, "where the old root shall go, is a shared mount"),
    other_namespace: ((errno.EINVAL, errno.ENOENT), "another mount namespace"),  # 6.18: ENOENT
    on_the_root_mount: (errno.EBUSY, "is on the current root mount"),
    old_on_the_root_mount: (errno.EBUSY, "where the old root shall go, is on the current root mount"),
}


@pytest.mark.parametrize("provoke", list(CAUSES), ids=lambda function: function.__name__)
def test_pivot_root_says_which_cause_it_was(in_child, root, provoke):
    """Each cause provoked on the real kernel, alone; the error names it, and its stumbling block."""

    def run():
        private()
        provoke(str(root))

    code, words = CAUSES[provoke]
    with pytest.raises(in_child.error) as caught:
        in_child(run)
    assert caught.value.errno in (code if isinstance(code, tuple) else [code])
    assert words in caught.value.text
    assert caught.value.explain == ("LCM-FS-02" if code == errno.EBUSY else "LCM-FS-01")


def test_a_mount_that_a_user_namespace_has_locked(in_child, root):
    """Mounts that came with a new user namespace's mount namespace hang together: pivoting to one would uncover."""
    uid, gid = os.geteuid(), os.getegid()

    def run():
        private()
        mount("tmpfs", str(root), "tmpfs")
        unshare(CLONE_NEWUSER | CLONE_NEWNS)
        write_id_maps(0, [IdMap(0, uid, 1)], [IdMap(0, gid, 1)])
        set_propagation("/", "rprivate")
        pivot_root(str(root))

    with pytest.raises(in_child.error, match="locked: in a user namespace") as caught:
        in_child(run)
    assert caught.value.errno == errno.EINVAL


def test_exchanging_roots_as_the_manual_page_has_it(in_child, root):
    def run():
        private()
        mount("tmpfs", str(root), "tmpfs")
        os.mkdir(root / "old")
        exchange_root(str(root), str(root / "old"))
        return os.listdir("/"), os.path.isdir("/old/proc/self")

    assert in_child(run) == (["old"], True)


def test_without_proc_the_first_error_survives(in_child, root):
    def run():
        private()
        mount("tmpfs", "/proc", "tmpfs")
        pivot_root("/")

    with pytest.raises(in_child.error, match="without /proc") as caught:
        in_child(run)
    assert caught.value.errno == errno.EBUSY
