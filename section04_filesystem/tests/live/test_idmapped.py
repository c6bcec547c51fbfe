"""Id-mapped mounts on the real kernel: other owners through one mount only; refusals that name their cause."""

import os

import pytest

from section01_processes import Plan
from section02_namespaces import CLONE_NEWNS, CLONE_NEWUSER, IdMap, unshare, write_id_maps
from section04_filesystem import (
    MountTable,
    bind,
    idmapped,
    images,
    loops,
    mount,
    plan_pivot,
    plan_root_mounts,
    set_propagation,
)
from section04_filesystem.core.mounts import attach
from section04_filesystem.idmap import plan_mapped_sources

pytestmark = [pytest.mark.lane("host", "guest"), pytest.mark.needs("root", "program:mkfs.ext4")]
MAPS = [(0, 100000, 65536)]
HIGH = [{"containerID": 0, "hostID": 100000, "size": 65536}]


def private():
    unshare(CLONE_NEWNS)
    set_propagation("/", "rprivate")


@pytest.fixture(scope="module")
def image(tmp_path_factory):
    """An ext4 file system in a file: the kind that every kernel since 5.12 can map."""
    path = tmp_path_factory.mktemp("image") / "disk.img"
    images.create_image(str(path), 8 << 20)
    return str(path)


def mounted(image, place, maps=()):
    """Mount the image at ``place``/disk; return that."""
    disk = f"{place}/disk"
    os.mkdir(disk)
    with loops.attach_loop(image) as device:
        mount(device.path, disk, "ext4")
    for name, owner in (("root", 0), ("user", 1000)):
        os.close(os.open(f"{disk}/{name}", os.O_CREAT))
        os.chown(f"{disk}/{name}", owner, owner)
    os.chmod(disk, 0o777)
    return disk


def test_owners_are_others_through_the_mount_and_the_disk_keeps_its_own(in_child, image, tmp_path):
    def whole():
        private()
        disk = mounted(image, tmp_path)
        seen = f"{tmp_path}/seen"
        os.mkdir(seen)
        tree = idmapped(disk, MAPS, MAPS)
        place = os.open(seen, os.O_PATH)
        attach(tree, place)
        os.close(tree)
        os.close(place)
        owners = [os.stat(f"{folder}/{name}").st_uid for folder in (disk, seen) for name in ("root", "user")]
        try:
            os.mkdir(f"{seen}/by-us")
            refused = 0
        except OSError as error:
            refused = error.errno
        os.chdir(seen)
        there = os.open(disk, os.O_PATH)
        os.setresgid(100005, 100005, 100005)
        os.setresuid(100005, 100005, 100005)
        os.mkdir("by-them")
        below = os.open("by-them", os.O_PATH, dir_fd=there)
        return owners, refused, os.fstat(below).st_uid, "idmapped" in MountTable.of().at(seen).flags

    owners, refused, made, flag = in_child(whole)
    assert owners == [0, 1000, 100000, 101000]
    assert refused == 75  # EOVERFLOW: our id 0 has none on the disk
    assert made == 5
    assert flag


def test_a_containers_mount_with_uid_mappings(in_child, inside, image, tmp_path):
    """The runtime spec's mounts[].uidMappings and gidMappings, recursive or not, beside other options."""
    disk = tmp_path / "disk"

    def prepare():
        mounted(image, tmp_path)
        os.mkdir(disk / "below")
        bind(str(disk), str(disk / "below"))

    def look():
        flags = {m.target: m.flags for m in MountTable.of()}
        return [
            os.stat("/mapped/user").st_uid, os.stat("/all/user").st_gid, os.stat("/mapped/below/user").st_uid,
            os.stat("/all/below/user").st_uid, "ro" in flags["/mapped"], "idmapped" in flags["/all/below"],
        ]  # fmt: skip

    maps = {"uidMappings": HIGH, "gidMappings": HIGH, "source": str(disk)}
    mounts = [
        {"destination": "/proc", "type": "proc", "source": "proc"},
        {"destination": "/mapped", "options": ["rbind", "idmap", "ro"], **maps},
        {"destination": "/all", "options": ["rbind", "ridmap"], **maps},
    ]
    assert inside(look, mounts, prepare=prepare) == [101000, 101000, 1000, 101000, True, True]


def refusal(in_child, run):
    with pytest.raises(in_child.error) as caught:
        in_child(lambda: [private(), run()][:0])
    return caught.value.text


def test_a_file_system_that_cannot_is_named(in_child):
    said = refusal(in_child, lambda: os.close(idmapped("/proc", MAPS, MAPS)))
    assert "no id-mapped mounts for file system proc" in said


def test_tmpfs_by_kernel(in_child, tmp_path):
    """Since Linux 6.3; before that a refusal that names the file system and the kernel."""

    def run():
        private()
        mount("tmpfs", str(tmp_path), "tmpfs")
        os.close(idmapped(str(tmp_path), MAPS, MAPS))

    release = tuple(int(part) for part in os.uname().release.split(".")[:2])
    if release >= (6, 3):
        in_child(run)
    else:
        assert f"({os.uname().release}) has no id-mapped mounts for file system tmpfs" in refusal(in_child, run)


def test_a_mount_that_is_mapped_already(in_child, image, tmp_path):
    def run():
        place = mounted(image, tmp_path)
        tree = idmapped(place, MAPS, MAPS)
        fd = os.open(place, os.O_PATH)
        attach(tree, fd)
        idmapped(place, MAPS, MAPS)

    assert "id-mapped mount already" in refusal(in_child, run)


def test_maps_that_cannot_be_leave_nothing_behind(in_child, tmp_path):
    def run():
        private()
        before = os.listdir("/proc/self/fd")
        try:
            idmapped("/proc", [(0, 1, 5), (3, 9, 5)], MAPS)
        except Exception as error:
            return str(error), before == os.listdir("/proc/self/fd")

    said, same = in_child(run)
    assert "overlap" in said
    assert same


def test_without_root_the_cause_is_told(in_child, tmp_path):
    def run():
        unshare(CLONE_NEWUSER)
        write_id_maps(0, [IdMap(0, 0, 1)], [IdMap(0, 0, 1)])
        unshare(CLONE_NEWNS)
        idmapped(str(tmp_path), [(0, 0, 1)], [(0, 0, 1)])

    with pytest.raises(in_child.error, match="only root of the user namespace that the file system was mounted in"):
        in_child(run)


def test_a_container_with_a_user_namespace_gets_its_mapped_mounts_too(in_child, root, image, tmp_path):
    """Its init may not map anything; the process before it does, while it still is in the caller's user namespace."""
    disk = str(tmp_path / "disk")
    bound = {"destination": "/data", "source": disk, "options": ["rbind", "idmap", "nosuid"]}
    bound |= {"uidMappings": HIGH, "gidMappings": HIGH}

    def init(mapped):
        steps = plan_root_mounts("root", [bound], dev_symlinks=(), userns=True, mapped=mapped)
        Plan("init", [*steps, *plan_pivot()]).run({})
        os.mkdir("/data/made-inside")
        return os.stat("/data/root").st_uid, os.stat("/data/user").st_uid, os.stat("/data/made-inside").st_uid

    def run():
        private()
        mounted(image, tmp_path)
        for folder in (root, root / "etc"):
            os.chown(folder, 100000, 100000)
        steps, mapped = plan_mapped_sources([bound])
        Plan("child", steps).run({})
        os.chdir(tmp_path)  # the init may not walk there
        ready, said = os.pipe()
        wait, go = os.pipe()
        if os.fork() == 0:  # writes the maps of its parent, from outside
            os.read(ready, 1)
            write_id_maps(os.getppid(), [IdMap(0, 100000, 65536)], [IdMap(0, 100000, 65536)])
            os.write(go, b"x")
            os._exit(0)
        unshare(CLONE_NEWUSER)
        os.write(said, b"x")
        os.read(wait, 1)
        os.setresgid(0, 0, 0)
        os.setresuid(0, 0, 0)
        unshare(CLONE_NEWNS)
        return in_child(lambda: init(mapped)), mapped["/data"].source

    assert in_child(run) == ((0, 1000, 0), disk)
