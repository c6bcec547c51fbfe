"""Removing a jail: never while somebody is inside, never past a mount, never by two at once."""

import contextlib
import fcntl
import os
import signal
import subprocess
import sys
import time

import pytest

from section01_processes import spawn
from section04_filesystem import FilesystemError, bind, mount, set_propagation, umount
from section04_filesystem.core.flags import MS_BIND
from section04_filesystem.jaillock import lock
from section04_filesystem.jails import Jails
from section04_filesystem.mountinfo import MountTable
from section04_filesystem.occupants import Occupants, mounts_within, place_of
from section04_filesystem.removal import remove_tree

pytestmark = [pytest.mark.lane("host", full="guest"), pytest.mark.needs("root")]


@pytest.fixture
def jails(tmp_path):
    made = tmp_path / "source/data/deep"
    made.mkdir(parents=True)
    (made / "file").write_text("x")
    jails = Jails(str(tmp_path / "jails"))
    jails.create("j", str(tmp_path / "source"))
    return jails


@pytest.fixture
def precious(tmp_path):
    (tmp_path / "precious/sub").mkdir(parents=True)
    (tmp_path / "precious/sub/file").write_text("keep me")
    return tmp_path / "precious"


def alone():
    from section02_namespaces import CLONE_NEWNS, unshare

    unshare(CLONE_NEWNS)
    set_propagation("/", "rprivate")


def refusal(call, *arguments, **options):
    try:
        call(*arguments, **options)
    except (FilesystemError, OSError) as error:
        return str(error)
    return ""


def test_a_mount_of_ours_is_named_and_its_files_stay(jails, precious, in_child):
    root = jails.find("j").root

    def look():
        alone()
        bind(str(precious), f"{root}/data")  # the same file system: the device number alone would not tell
        return refusal(jails.remove, "j"), Occupants.of(root).mounts, refusal(remove_tree, f"{jails.folder}/j")

    said, mounts, removal = in_child(look)
    assert f"jail j is in use: {root}/data is mounted" in said
    assert "busy" in removal
    assert mounts == [(0, f"{root}/data")]
    assert (precious / "sub/file").read_text() == "keep me"


def test_force_unmounts_and_the_host_s_files_stay(jails, precious, in_child):
    root = jails.find("j").root

    def look():
        alone()
        bind(str(precious), f"{root}/data")
        mount("tmpfs", f"{root}/data/sub", "tmpfs")
        jails.remove("j", force=True)
        return [mount.target for mount in MountTable.of() if root in mount.target]

    assert in_child(look) == []
    assert os.listdir(jails.folder) == []
    assert (precious / "sub/file").read_text() == "keep me"


@pytest.mark.parametrize("what", ["file", "root", "whole"])
def test_a_mount_anywhere_in_it_stops_the_removal_itself(jails, precious, in_child, what):
    place = jails.find("j").folder
    target = {"file": f"{place}/root/data/deep/file", "root": f"{place}/root", "whole": place}[what]

    def look():
        alone()
        mount(str(precious / "sub/file" if what == "file" else precious), target, "", MS_BIND)
        if what == "whole":
            mount("tmpfs", f"{target}/sub", "tmpfs")
        return refusal(remove_tree, place)

    assert "busy" in in_child(look).lower()
    assert (precious / "sub/file").read_text() == "keep me"


def test_another_file_system_is_not_entered(jails, in_child):
    place = f"{jails.find('j').root}/data"

    def look():
        alone()
        mount("tmpfs", place, "tmpfs")
        open(f"{place}/file", "w").close()
        inside = os.open(place, os.O_RDONLY)  # the removal gives the folders above it other names
        said = refusal(remove_tree, place), refusal(remove_tree, jails.find("j").folder)
        return said, os.listdir(inside)

    said, left = in_child(look)
    assert all("busy" in text for text in said)
    assert left == ["file"]


def test_links_are_removed_and_not_followed(jails, precious):
    root = jails.find("j").root
    os.symlink(precious, f"{root}/data/out")
    os.symlink("/", f"{root}/slash")
    jails.remove("j")
    assert os.listdir(jails.folder) == []
    assert (precious / "sub/file").exists()


def test_folders_deeper_than_any_path_are_removed(jails):
    fd = os.open(jails.find("j").root, os.O_RDONLY)
    for _ in range(3000):
        os.mkdir("d" * 50, dir_fd=fd)
        inner = os.open("d" * 50, os.O_RDONLY, dir_fd=fd)
        os.close(fd)
        fd = inner
    os.close(fd)
    jails.remove("j")
    assert os.listdir(jails.folder) == []


@contextlib.contextmanager
def somebody(run):
    """Run ``run`` in a child up to its sleep; end it afterwards."""
    reader, writer = os.pipe()

    def live():
        run()
        os.write(writer, b"x")
        os.close(writer)
        time.sleep(60)

    with spawn(live) as child:
        os.close(writer)
        assert os.read(reader, 1) == b"x"
        yield child
        child.signal(signal.SIGKILL)
        child.wait()
    os.close(reader)


def test_whoever_has_it_as_his_root_is_named_and_ended_by_force(jails):
    root = jails.find("j").root
    with somebody(lambda: os.chroot(root)) as child:
        assert Occupants.of(root).pids == [child.pid]
        with pytest.raises(FilesystemError, match=rf"jail j is in use: process {child.pid} \(.*\) runs in it"):
            jails.remove("j")
        with somebody(lambda: os.chroot(f"{root}/data")) as other:
            assert Occupants.of(root).pids == sorted([child.pid, other.pid])
        jails.remove("j", force=True)
        assert child.wait() == 128 + signal.SIGKILL
    assert os.listdir(jails.folder) == []


def test_a_mount_in_another_namespace_is_named(jails, precious):
    root = jails.find("j").root

    def hide():
        alone()
        bind(str(precious), f"{root}/data")

    with somebody(hide) as child:
        assert Occupants.of(root).mounts == [(child.pid, f"{root}/data")]
        with pytest.raises(FilesystemError, match=rf"{root}/data is mounted \(as process {child.pid} sees it\)"):
            jails.remove("j")
    jails.remove("j")
    assert (precious / "sub/file").exists()


def test_a_jail_that_is_bound_elsewhere_is_in_use(jails, precious, in_child):
    root = jails.find("j").root

    def look():
        alone()
        bind(f"{root}/data", str(precious))
        said = refusal(jails.remove, "j")
        umount(str(precious))
        return said

    assert f"{precious} is mounted" in in_child(look)


def test_where_a_mount_lies_is_told_by_file_system_and_folder():
    table = MountTable.parse(
        "20 1 8:1 / / rw - ext4 /dev/a rw\n"
        "21 20 8:2 /sub /srv rw - ext4 /dev/b rw\n"
        "22 21 0:9 / /srv/jails/j/root/proc rw - proc proc rw\n"
        "23 20 8:2 /sub/jails/j/root/data /mnt rw - ext4 /dev/b rw\n"
        "24 20 8:2 /sub/jails/j2 /other rw - ext4 /dev/b rw\n"
    )
    place = place_of(table, "/srv/jails/j")
    assert place == ("8:2", "/sub/jails/j")
    assert [mount.id for mount in mounts_within(table, place)] == [22, 23]


def test_a_jail_somebody_enters_at_this_moment_is_held(jails):
    held = lock(jails.find("j").folder, fcntl.LOCK_SH)
    with pytest.raises(FilesystemError, match="another jailman works on it"):
        jails.remove("j")
    os.close(held)
    jails.remove("j")


RACE = """
import os, sys
from section01_processes import LcmError
from section04_filesystem.jails import Jails
jails, source, count = Jails(sys.argv[1]), sys.argv[2], int(sys.argv[3])
done = [0, 0]
for number in range(2 * count):
    try:
        jails.remove("same") if number % 2 else jails.create("same", source)
        done[number % 2] += 1
    except LcmError as error:
        assert any(word in str(error) for word in ("already", "being made", "no jail", "in use")), error
print(*done)
"""


def test_many_who_make_and_remove_one_name_get_in_nobodys_way(jails, tmp_path):
    command = [sys.executable, "-c", RACE, jails.folder, str(tmp_path / "source"), "40"]
    racers = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(4)]
    said = [racer.communicate(timeout=100) for racer in racers]
    assert [error for _, error in said] == ["", "", "", ""]
    made, removed = (sum(int(done.split()[which]) for done, _ in said) for which in (0, 1))
    assert 0 < removed <= made
    assert os.listdir(jails.folder).count("same") == made - removed
    with contextlib.suppress(FilesystemError):
        jails.remove("same")
    jails.remove("j")
    assert os.listdir(jails.folder) == []
