"""The mounts of a container's root: binds, tmpfs, hostile targets, and errors that name the mount."""

import errno
import os
import stat

import pytest

from section02_namespaces import CLONE_NEWNS, unshare
from section04_filesystem import bind, binds, mount, set_propagation

pytestmark = pytest.mark.lane("host", "guest")


def test_binds_with_their_options(inside, tmp_path, seen):
    shared = tmp_path / "volume"
    (shared / "below").mkdir(parents=True)
    (tmp_path / "file").write_text("hello")

    def prepare():
        mount("tmpfs", str(shared / "below"), "tmpfs")

    mounts = [
        {"destination": "/ro", "source": str(shared), "options": ["rbind", "ro", "rprivate"]},
        {"destination": "/rro", "source": str(shared), "options": ["rbind", "rro"]},
        {"destination": "/one", "source": str(shared), "options": ["bind", "nosuid", "nodev", "noexec"]},
        {"destination": "/slave", "source": str(shared), "options": ["rbind", "rslave"]},
        {"destination": "/etc/hosts", "source": str(tmp_path / "file"), "type": "bind", "options": ["ro"]},
    ]
    found, text = inside(lambda: (seen(), open("/etc/hosts").read()), mounts, prepare=prepare)
    assert "ro" in found["/ro"][1]
    assert "rw" in found["/ro/below"][1]
    assert "ro" in found["/rro/below"][1]
    assert {"nosuid", "nodev", "noexec", "rw"} <= set(found["/one"][1])
    assert "/one/below" not in found
    assert text == "hello"
    assert (tmp_path / "root" / "etc" / "hosts").is_file()


def test_a_user_namespace_keeps_locked_flags_and_says_so(inside, in_child, tmp_path, usual_mounts, seen):
    """The source is read-only outside: inside it stays so, and an explicit rw is an error that explains itself."""
    volume = tmp_path / "volume"
    volume.mkdir()

    def run(words):
        def child():
            unshare(CLONE_NEWNS)
            set_propagation("/", "rprivate")
            bind(str(volume), str(volume))
            mount("", str(volume), flags=0x1000 | 0x20 | 1 | 2)  # MS_BIND|MS_REMOUNT|MS_RDONLY|MS_NOSUID
            bound = {"destination": "/v", "source": str(volume), "options": words}
            return inside(seen, [usual_mounts[0], bound], user=True)

        return in_child(child)

    assert {"ro", "nosuid"} <= set(run(["rbind", "nodev"])["/v"][1])
    with pytest.raises(in_child.error, match="cannot be taken off"):
        run(["rbind", "rw"])


@pytest.mark.parametrize("text", ["/{0}", "../../../../../../../../{0}", "{0}"])
def test_a_hostile_link_in_the_image_stays_inside(inside, root, tmp_path, text, seen):
    outside = tmp_path / "outside"
    outside.mkdir()
    (root / "trap").symlink_to(text.format(str(outside).lstrip("/")))
    found = inside(seen, [{"destination": "/trap/here", "type": "tmpfs"}])
    assert f"{outside}/here" in found  # a folder of the root with the host's name
    assert os.listdir(outside) == []


def test_a_link_named_proc_is_an_error(inside, root, in_child, usual_mounts, seen):
    (root / "proc").symlink_to("etc")
    with pytest.raises(in_child.error, match="/proc") as caught:
        inside(seen, [usual_mounts[0]])
    assert caught.value.errno == errno.ELOOP


def test_a_tmpfs_takes_mode_and_content_of_what_it_covers(inside, root, seen):
    data = root / "data"
    data.mkdir()
    os.chmod(data, 0o1750)
    (data / "file").write_text("from the image")
    mounts = [{"destination": "/data", "type": "tmpfs", "source": "tmpfs", "options": ["tmpcopyup", "ro"]}]
    look = lambda: (open("/data/file").read(), stat.S_IMODE(os.stat("/data").st_mode), seen()["/data"])  # noqa: E731
    content, mode, found = inside(look, mounts)
    assert (content, mode, found[0]) == ("from the image", 0o1750, "tmpfs")
    assert "ro" in found[1]


def test_a_tmpfs_too_small_for_the_content_leaves_no_descriptor(in_child, root):
    (root / "data").mkdir()
    (root / "data" / "file").write_bytes(bytes(100_000))

    def run():
        unshare(CLONE_NEWNS)
        set_propagation("/", "rprivate")
        root_fd = os.open(root, os.O_PATH | os.O_DIRECTORY)
        before = os.listdir("/proc/self/fd")
        try:
            binds.mount_tmpfs(root_fd, "/data", "tmpfs", ("size=4k",), 0, with_content=True)
        except OSError as error:
            return error.errno, before == os.listdir("/proc/self/fd")

    assert in_child(run) == (errno.ENOSPC, True)


@pytest.mark.parametrize(
    ("mounted", "words"),
    [
        ({"destination": "/x", "type": "tmpfs", "options": ["size=many"]}, ["tmpfs → /x", "size"]),
        ({"destination": "/x", "type": "nosuchfs", "source": "s"}, ["s → /x", "no file system nosuchfs"]),
        ({"destination": "/x", "source": "/no/such", "options": ["bind"]}, ["bind /no/such → /x", "No such file"]),
        ({"destination": "/etc", "source": "/etc/passwd", "options": ["bind"]}, ["/etc/passwd → /etc", "a file"]),
    ],
)
def test_an_error_names_the_mount_and_the_cause(inside, in_child, mounted, words, seen):
    with pytest.raises(in_child.error) as caught:
        inside(seen, [mounted])
    for word in words:
        assert word in caught.value.text
