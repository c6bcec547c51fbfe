"""Loop devices and images on the real kernel: limits of size, races, and nobody killed half-way leaves a device."""

import errno
import json
import os
import pathlib
import signal
import subprocess
import sys
import threading
import time

import pytest

from section01_processes import Plan, Recorder, describe_plan
from section02_namespaces import CLONE_NEWNS, unshare
from section04_filesystem import (
    FilesystemError,
    MountTable,
    attach_loop,
    create_image,
    detach_loop,
    list_loops,
    loopdevice,
    loops,
    mount,
    set_propagation,
    umount,
)

pytestmark = [pytest.mark.lane("host", "guest"), pytest.mark.needs("root", "program:mkfs.ext4")]
MIB = 1 << 20


@pytest.fixture
def image(tmp_path):
    content = tmp_path / "content"
    content.mkdir()
    (content / "hello").write_text("from the folder")
    create_image(str(tmp_path / "disk.img"), 4 * MIB, source=str(content))
    return str(tmp_path / "disk.img")


@pytest.fixture(autouse=True)
def as_before():
    """Who tests loop devices leaves none: of its own, by file."""
    yield
    assert left("pytest-") == []


def left(words):
    """Return the devices that show a file with these words, once there are none: udev may hold one for a moment."""
    end = time.monotonic() + 10
    while found := [loop for loop in list_loops() if words in str(loop["file"])]:
        if time.monotonic() > end:
            break
        time.sleep(0.02)
    return found


def private():
    unshare(CLONE_NEWNS)
    set_propagation("/", "rprivate")


def test_an_image_has_its_content_and_its_size_is_a_limit(in_child, image, tmp_path):
    """Quota by size: inside ENOSPC, outside nothing has grown but the file, and that up to its size."""
    place = tmp_path / "place"
    place.mkdir()

    def fill():
        private()
        Plan("cli", loops.plan_attach(image, target=str(place))).run({})
        with open(place / "hello") as file:
            text = file.read()
        try:
            with open(place / "big", "wb", buffering=0) as file:
                while True:  # the last write before it is full may be a short one
                    file.write(bytes(MIB // 4))
        except OSError as error:
            return text, error.errno

    assert in_child(fill) == ("from the folder", errno.ENOSPC)
    assert os.stat(image).st_size == 4 * MIB
    assert os.stat(image).st_blocks * 512 <= 4 * MIB


def test_a_device_that_stays_and_its_end(image):
    slots = Plan("cli", loops.plan_attach(image, read_only=True)).run({})
    device = slots["device"].path
    (found,) = [loop for loop in list_loops() if loop["device"] == device]
    assert found == {"device": device, "file": image, "offset": 0, "size_limit": 0, "read_only": True,
                     "autoclear": False, "mounted": []}  # fmt: skip
    assert detach_loop(image)[0] == device
    assert left(image) == []
    with pytest.raises(FilesystemError, match="attached to no loop device"):
        detach_loop(image)
    with pytest.raises(FilesystemError, match="attached to nothing"):
        detach_loop(device)


def test_a_device_is_found_by_a_file_that_is_gone(image):
    slots = Plan("cli", loops.plan_attach(image, read_only=True)).run({})
    os.unlink(image)
    assert detach_loop(image)[0] == slots["device"].path


def test_detaching_what_is_mounted_says_who_holds_it(in_child, image, tmp_path):
    def run():
        private()
        place = tmp_path / "a place\nof two lines"
        place.mkdir()
        with attach_loop(image) as device:
            device.set_autoclear(False)
            mount(device.path, str(place), "ext4")
        answer = detach_loop(image)
        umount(str(place), detach=False)
        return answer[1]

    assert "place\\nof two lines" in in_child(run)


def test_killed_at_any_boundary_no_device_is_left(image, tmp_path):
    """kill -9 between any two steps: the device ends with its last descriptor (LO_FLAGS_AUTOCLEAR)."""
    for target in ("", str(tmp_path)):
        steps = loops.plan_attach(image, target=target)
        for boundary in range(len(steps) - (not target)):  # after the last one it shall stay
            pid = os.fork()
            if pid == 0:
                private()
                Plan("cli", steps).run({}, Recorder(-1, "cli", f"cli:{boundary}"))
                os._exit(0)
            assert os.waitpid(pid, 0)[1] == signal.SIGKILL
            assert left(image) == []


def test_two_at_once_both_get_a_device(image):
    """Somebody else takes the free device between the question and its use: EBUSY, and the next one is taken."""
    found, failed = [], []

    def attach():
        try:
            found.append(attach_loop(image, read_only=True))
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=attach) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert len({device.number for device in found}) == 6
    for device in found:
        device.close()


def test_a_taken_device_is_passed_over(image, monkeypatch):
    """The race made certain: the first answer is a device that is taken by now."""
    with attach_loop(image, read_only=True) as taken:
        answers = [(taken.number, os.dup(taken.fd))]
        real = loops.open_free
        monkeypatch.setattr(loops, "open_free", lambda: answers.pop() if answers else real())
        with attach_loop(image, read_only=True) as device:
            assert device.number != taken.number


def test_a_missing_node_is_made(in_child, image):
    """A /dev that is no devtmpfs has no nodes but those that somebody made: a container's."""

    def run():
        private()
        control = os.stat("/dev/loop-control").st_rdev
        mount("tmpfs", "/dev", "tmpfs")
        try:
            attach_loop(image)
        except FilesystemError as error:
            said = str(error)
        os.mknod("/dev/loop-control", 0o020600, control)
        with attach_loop(image) as device:
            return said, os.major(os.stat(device.path).st_rdev)

    said, major = in_child(run)
    assert "/dev/loop-control is missing" in said
    assert major == 7


def test_offset_and_end_of_what_is_seen(tmp_path, image):
    disk = tmp_path / "disk"
    disk.write_bytes(bytes(MIB) + pathlib.Path(image).read_bytes() + b"tail" * 128)
    with attach_loop(str(disk), read_only=True, offset=MIB, size_limit=4 * MIB) as device:
        assert loopdevice.detect_fstype(device.fd) == "ext4"
        assert os.lseek(device.fd, 0, os.SEEK_END) == 4 * MIB
    with pytest.raises(FilesystemError, match="multiples of 512 bytes"):
        attach_loop(str(disk), offset=7)


def test_what_cannot_be_an_image_is_told(tmp_path, monkeypatch):
    for size, fstype, source, words in [
        (1000, "ext4", "", "at least 1 MiB"), (MIB, "xfs", "", "at least 300 MiB"),
        (MIB, "squashfs", "", "needs the folder"), (MIB, "ntfs", "", "ext4 xfs squashfs"),
    ]:  # fmt: skip
        with pytest.raises(FilesystemError, match=words):
            create_image(str(tmp_path / "x"), size, fstype, source)
    monkeypatch.setattr("section04_filesystem.images._PATH", "/nowhere")
    with pytest.raises(FilesystemError, match=r"mksquashfs is not installed \(apt-get install squashfs-tools"):
        create_image(str(tmp_path / "x"), 0, "squashfs", str(tmp_path))
    assert os.listdir(tmp_path) == []
    with pytest.raises(FilesystemError, match="no regular file"):
        attach_loop(str(tmp_path))


def test_an_image_in_the_making_has_no_name_and_never_replaces(image, tmp_path):
    before = sorted(os.listdir(tmp_path)), len(os.listdir("/proc/self/fd"))
    with pytest.raises(FilesystemError, match=r"there is a file .* already"):
        create_image(image, MIB)
    with pytest.raises(FilesystemError, match="there is no folder '/no-such'"):
        create_image(str(tmp_path / "y"), MIB, source="/no-such")
    assert (sorted(os.listdir(tmp_path)), len(os.listdir("/proc/self/fd"))) == before


@pytest.mark.needs("program:mksquashfs")
def test_squashfs_is_read_only_and_found_by_its_magic(in_child, tmp_path):
    (tmp_path / "content").mkdir()
    (tmp_path / "content" / "file").write_text("squashed")
    create_image(str(tmp_path / "s.img"), 0, "squashfs", str(tmp_path / "content"))
    place = tmp_path / "place"
    place.mkdir()

    def look():
        private()
        Plan("cli", loops.plan_attach(str(tmp_path / "s.img"), read_only=True, target=str(place))).run({})
        mounted = MountTable.of().at(str(place))
        return (place / "file").read_text(), mounted.fstype, mounted.flags[0]

    assert in_child(look) == ("squashed", "squashfs", "ro")


@pytest.mark.needs("program:mkfs.xfs")
def test_xfs_with_content(in_child, tmp_path):
    (tmp_path / "content").mkdir()
    (tmp_path / "content" / "file").write_text("in xfs")
    create_image(str(tmp_path / "x.img"), 300 * MIB, "xfs", str(tmp_path / "content"))
    place = tmp_path / "place"
    place.mkdir()

    def look():
        private()
        Plan("cli", loops.plan_attach(str(tmp_path / "x.img"), target=str(place))).run({})
        return (place / "file").read_text(), MountTable.of().at(str(place)).fstype

    assert in_child(look) == ("in xfs", "xfs")


def test_the_plan_reads_as_what_it_does(image):
    text = "\n".join(describe_plan(Plan("cli", loops.plan_attach(image, target="/mnt"))))
    assert "attach_free(<the image file>" in text
    assert "loop(4)" in text


def test_the_command_makes_attaches_lists_and_detaches(tmp_path):
    """As a learner types it; each line's error is one line without a traceback."""
    jailman = os.path.join(os.path.dirname(sys.executable), "jailman")

    def loop(*words):
        done = subprocess.run([jailman, "loop", *words], cwd=tmp_path, capture_output=True, text=True, check=False)
        return done.returncode, done.stdout.strip(), done.stderr.strip()

    assert loop("create", "a disk.img", "--size", "2M", "--dry-run")[1].count("\n") == 2
    assert os.listdir(tmp_path) == []
    assert loop("create", "a disk.img", "--size", "2M") == (0, "", "")
    code, device, _ = loop("attach", "a disk.img", "--read-only")
    assert (code, device[:9]) == (0, "/dev/loop")
    assert any(line.split()[0] == device and "a disk.img' read_only" in line for line in loop("ls")[1].splitlines())
    assert [row["file"] for row in json.loads(loop("ls", "--json")[1]) if row["device"] == device] == [
        f"{tmp_path}/a disk.img"
    ]
    assert loop("detach", "a disk.img")[1].startswith(f"{device} ")
    for words, code, said in [
        (["attach", "no such"], 125, "'no such': No such file"), (["attach", ""], 125, "image ''"),
        (["attach", "a disk.img", "--offset", "1G"], 125, "a disk.img, which has 2097152 bytes"),
        (["create", "a disk.img"], 125, "there is a file 'a disk.img' already"), (["create", ""], 125, "no name"),
        (["create", "no/such"], 125, "'no/such': No such file"), (["create", "x", "--size", "9" * 30], 2, "8 EiB"),
        (["create", "x", "--size", "7000000T"], 125, "more than a file can hold"),
        (["create", "x", "--size", "9000000T"], 2, "8 EiB"), (["detach", "/dev/loop9999"], 125, "to nothing"),
        (["create", "x", "--size", "many"], 2, "no size"),
        (["create", "x", "--fs", "squashfs"], 125, "--from DIR"), (["detach", "/dev/loop-x"], 125, "no loop device"),
    ]:  # fmt: skip
        found, _, err = loop(*words)
        assert (found, err.count("\n")) == (code, 0), err
        assert said in err
        assert "while cli did" not in err
    assert os.listdir(tmp_path) == ["a disk.img"]
    assert not os.path.exists("/dev/loop9999")  # to ask for a device makes none
