"""copy_up: what is kept, and what must not travel. In a temporary directory."""

import os
import stat

import pytest

from section04_filesystem import copy_up


@pytest.fixture
def source(tmp_path):
    place = tmp_path / "source"
    (place / "sub").mkdir(parents=True)
    (place / "file").write_bytes(b"content" * 100000)
    os.chmod(place / "file", 0o4751)
    os.link(place / "file", place / "sub" / "same")
    (place / "link").symlink_to("/etc/passwd")
    os.mkfifo(place / "fifo", 0o620)
    os.setxattr(place / "file", "user.note", b"kept")
    os.setxattr(place / "sub", "user.overlay.opaque", b"y")
    os.chmod(place / "sub", 0o1770)
    os.utime(place / "sub", (1000, 2000))
    os.chmod(place, 0o750)
    return place


def copy(source, target):
    fd = os.open(source, os.O_PATH)
    try:
        return copy_up(fd, str(target))
    finally:
        os.close(fd)


@pytest.fixture
def copied(source, tmp_path):
    target = tmp_path / "target"
    target.mkdir()
    assert copy(source, target)
    return target


def test_content_modes_times_and_links_are_kept(copied):
    assert (copied / "file").read_bytes() == b"content" * 100000
    assert stat.S_IMODE(os.stat(copied / "file").st_mode) == 0o4751
    assert os.path.samefile(copied / "file", copied / "sub" / "same")
    assert os.readlink(copied / "link") == "/etc/passwd"
    assert stat.S_ISFIFO(os.stat(copied / "fifo").st_mode)
    assert (stat.S_IMODE(os.stat(copied / "sub").st_mode), os.stat(copied / "sub").st_mtime) == (0o1770, 2000)
    assert stat.S_IMODE(os.stat(copied).st_mode) == 0o750


def test_only_allowed_attributes_travel(copied):
    assert os.getxattr(copied / "file", "user.note") == b"kept"
    assert os.listxattr(copied / "sub") == []


def test_a_folder_that_holds_something_is_left_alone(source, tmp_path):
    (tmp_path / "mine").write_text("x")
    assert not copy(source, tmp_path)
    assert not (tmp_path / "file").exists()


@pytest.mark.lane("host", "guest")
@pytest.mark.needs("root")
def test_owners_are_kept_and_devices_and_capabilities_are_not(source, tmp_path):
    os.mknod(source / "device", stat.S_IFCHR | 0o666, os.makedev(1, 3))
    os.chown(source / "file", 1234, 5678)
    os.chown(source / "link", 4321, 8765, follow_symlinks=False)
    capability = b"\x01\x00\x00\x02\x00\x04\x00\x00" + bytes(12)
    os.setxattr(source / "file", "security.capability", capability)
    target = tmp_path / "target"
    target.mkdir()
    copy(source, target)
    owner, link = os.stat(target / "file"), os.lstat(target / "link")
    assert (owner.st_uid, owner.st_gid, link.st_uid, link.st_gid) == (1234, 5678, 4321, 8765)
    assert not (target / "device").exists()
    assert "security.capability" not in os.listxattr(target / "file")
