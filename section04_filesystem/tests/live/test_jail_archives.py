"""Jails from archives: what is kept, and that a hostile archive writes nothing outside of its root."""

import io
import os
import stat
import tarfile

import pytest

from section04_filesystem import FilesystemError, UnsafePath
from section04_filesystem.jails import Jails

pytestmark = [pytest.mark.lane("host"), pytest.mark.needs("root")]


def member(name, kind=tarfile.REGTYPE, link="", data=b"", **fields):
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.size, info.mode = kind, link, len(data), 0o644
    for key, value in fields.items():
        setattr(info, key, value)
    return info, data


def archive(path, *members, mode="w"):
    with tarfile.open(path, mode, format=tarfile.PAX_FORMAT) as tar:
        for info, data in members:
            tar.addfile(info, io.BytesIO(data))
    return str(path)


FOLDER, LINK, HARD = tarfile.DIRTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE


@pytest.fixture
def jails(tmp_path):
    (tmp_path / "canary").write_text("outside")
    yield Jails(str(tmp_path / "jails"))
    assert (tmp_path / "canary").read_text() == "outside"
    assert sorted(os.listdir(tmp_path)) in (["canary", "jails", "x.tar"], ["canary", "x.tar"])
    if os.path.isdir(tmp_path / "jails"):
        assert [name for name in os.listdir(tmp_path / "jails") if name[0] == "."] == []


@pytest.mark.parametrize("compression", ["", "gz", "bz2", "xz"])
def test_what_is_kept(tmp_path, jails, compression):
    path = archive(
        tmp_path / "x.tar",
        member("./", FOLDER, mode=0o751, mtime=1000),
        member("bin", FOLDER, mode=0o2755, mtime=2000),
        member("bin/su", data=b"program" * 5000, mode=0o4755, uid=0, mtime=3000),
        member("bin/same", HARD, "bin/su"),
        member("deep/way/to/file", data=b"x", uid=1234, gid=5678, mode=0o600,
               pax_headers={"SCHILY.xattr.user.note": "kept"}),
        member("out", LINK, "/etc/passwd", uid=77),
        member("a b\nc", data=b"odd"),
        member("fifo", tarfile.FIFOTYPE, mode=0o620),
        member("bin/su", data=b"newer", mode=0o4755, mtime=3000),
        mode=f"w:{compression}",
    )  # fmt: skip
    root = jails.create("j", path).root
    assert stat.S_IMODE(os.stat(root).st_mode) == 0o751
    assert os.stat(root).st_mtime == 1000
    assert stat.S_IMODE(os.stat(f"{root}/bin").st_mode) == 0o2755
    su, same, file = (os.stat(f"{root}/{name}") for name in ("bin/su", "bin/same", "deep/way/to/file"))
    assert (stat.S_IMODE(su.st_mode), su.st_mtime, su.st_size) == (0o4755, 3000, 5)
    assert same.st_size == 35000  # the first one; a later member of the same name replaces the name, not the file
    assert (file.st_uid, file.st_gid, stat.S_IMODE(file.st_mode)) == (1234, 5678, 0o600)
    assert os.getxattr(f"{root}/deep/way/to/file", "user.note") == b"kept"
    assert (os.readlink(f"{root}/out"), os.lstat(f"{root}/out").st_uid) == ("/etc/passwd", 77)
    assert os.path.exists(f"{root}/a b\nc")
    assert stat.S_ISFIFO(os.stat(f"{root}/fifo").st_mode)


def test_names_and_links_that_point_out_end_inside(tmp_path, jails):
    path = archive(
        tmp_path / "x.tar",
        member("/absolute", data=b"1"),
        member("up", LINK, "../../../../.."),
        member(f"up{tmp_path}/canary", data=b"evil"),
        member("top", LINK, "/"),
        member(f"top{tmp_path}/other", data=b"evil"),
        member("canary", LINK, str(tmp_path / "canary")),
        member("canary", data=b"replaces the link"),
        member("dangling", LINK, f"{tmp_path}/made"),
        member("dangling/in it", data=b"2"),
    )
    root = jails.create("j", path).root
    assert os.path.exists(f"{root}/absolute")
    assert open(f"{root}{tmp_path}/canary").read() == "evil"
    assert os.path.exists(f"{root}{tmp_path}/other")
    assert open(f"{root}/canary").read() == "replaces the link"
    assert os.path.exists(f"{root}{tmp_path}/made/in it")


@pytest.mark.parametrize(
    ("members", "error"),
    [
        ([member("../evil", data=b"x")], r"climbs with '\.\.'"),
        ([member("a/../../evil", data=b"x")], r"climbs with '\.\.'"),
        ([member("hard", HARD, "/etc/passwd")], "'hard' cannot be unpacked: No such file"),
        ([member("hard", HARD, "../../etc/passwd")], r"climbs with '\.\.'"),
        ([member("up", LINK, "../../../.."), member("hard", HARD, "up/etc/passwd")], "'hard' cannot be unpacked"),
        ([member("d", FOLDER), member("hard", HARD, "d")], "hard link to a folder"),
        ([member(".", data=b"x")], "would replace the root"),
        ([member("d", FOLDER), member("d", data=b"x")], "'d' cannot be unpacked: Is a directory"),
        ([member("f", data=b"x"), member("f/x", data=b"x")], "cannot be unpacked: Not a directory"),
        ([member("loop", LINK, "loop"), member("loop/x", data=b"x")], "cannot be unpacked"),
        ([member("f", data=b"x", uid=2**32 - 1)], "impossible owner"),
        ([member("n" * 300, data=b"x")], "File name too long"),
    ],
)
def test_what_cannot_be_is_named_and_leaves_nothing(tmp_path, jails, members, error):
    with pytest.raises(FilesystemError, match=error) as caught:
        jails.create("j", archive(tmp_path / "x.tar", *members))
    assert isinstance(caught.value, UnsafePath) == ("climbs" in error)
    assert jails.all() == []


def test_devices_are_those_that_every_container_has(tmp_path, jails):
    path = archive(
        tmp_path / "x.tar",
        member("null", tarfile.CHRTYPE, devmajor=1, devminor=3, mode=0o666),
        member("mem", tarfile.CHRTYPE, devmajor=1, devminor=1),
        member("disk", tarfile.BLKTYPE, devmajor=8, devminor=0),
        member("caps", data=b"x", pax_headers={"SCHILY.xattr.security.capability": "x"}),
    )
    jail = jails.create("j", path)
    assert os.stat(f"{jail.root}/null").st_rdev == os.makedev(1, 3)
    assert not os.path.lexists(f"{jail.root}/mem")
    assert not os.path.lexists(f"{jail.root}/disk")
    assert os.listxattr(f"{jail.root}/caps") == []
    assert [text.split()[0] for text in jail.warnings] == ["'disk'", "'mem'", "attributes"]


def test_an_ordinary_user_gets_no_device_and_owns_everything(tmp_path, jails, in_child):
    path = archive(tmp_path / "x.tar", member("null", tarfile.CHRTYPE, devmajor=1, devminor=3),
                   member("file", data=b"x", uid=7, mode=0o4755))  # fmt: skip
    for folder in (tmp_path, tmp_path.parent, tmp_path.parent.parent):
        os.chmod(folder, 0o755)
    os.mkdir(jails.folder, 0o700)
    os.chown(jails.folder, 65534, 65534)

    def unpack():
        os.setgroups([])
        os.setresgid(65534, 65534, 65534)
        os.setresuid(65534, 65534, 65534)
        jail = jails.create("j", path)
        return jail.warnings, sorted(os.listdir(jail.root)), os.stat(f"{jail.root}/file").st_uid

    assert in_child(unpack) == (["'null' was left out: device 1:3"], ["file"], 65534)


def test_holes_stay_holes(tmp_path, jails, program):
    import subprocess

    with open(tmp_path / "sparse", "wb") as file:
        file.seek(40 << 20)
        file.write(b"end")
    subprocess.run([program("tar"), "-C", tmp_path, "--sparse", "-cf", tmp_path / "x.tar", "sparse"], check=True)
    os.unlink(tmp_path / "sparse")
    status = os.stat(f"{jails.create('j', str(tmp_path / 'x.tar')).root}/sparse")
    assert (status.st_size, status.st_blocks < 100) == ((40 << 20) + 3, True)


@pytest.mark.parametrize("compression", ["", "gz", "bz2", "xz"])
@pytest.mark.parametrize("cut", [0.0, 0.3, 0.9, 1.0])
def test_a_truncated_archive_is_called_so(tmp_path, jails, compression, cut):
    path = archive(tmp_path / "x.tar", member("one", data=os.urandom(3000)), member("two", data=os.urandom(3000)),
                   mode=f"w:{compression}")  # fmt: skip
    whole = open(path, "rb").read()
    whole = whole if compression else whole[: 2 * (512 + 3072)]  # without the end mark
    with open(path, "wb") as file:
        file.write(whole[: int(len(whole) * cut) - (cut == 1.0 and compression != "")])
    with pytest.raises(FilesystemError, match=r"x\.tar (is no tar archive|is truncated|has a broken header)"):
        jails.create("j", path)


@pytest.mark.parametrize("data", [b"no tar at all" * 100, b"\x1f\x8b not gzip", b"\xfd7zXZ\0 not xz", b"BZh not bzip2"])
def test_what_is_no_archive(tmp_path, jails, data):
    (tmp_path / "x.tar").write_bytes(data)
    with pytest.raises(FilesystemError, match="is no tar archive"):
        jails.create("j", str(tmp_path / "x.tar"))


def test_a_header_in_the_middle_is_broken_and_one_is_too_large(tmp_path, jails):
    path = archive(tmp_path / "x.tar", member("one", data=b"x" * 512), member("two", data=b"x"))
    data = bytearray(open(path, "rb").read())
    data[1024 + 150] ^= 0xFF  # the checksum of the second header
    (tmp_path / "x.tar").write_bytes(data)
    with pytest.raises(FilesystemError, match="has a broken header"):
        jails.create("j", path)
    archive(tmp_path / "x.tar", member("long", b"L", data=b"n" * (5 << 20)), member("two", data=b"x"))
    with pytest.raises(FilesystemError, match="header of more than 4 MiB is refused"):
        jails.create("j", path)


def test_zstd_is_read_or_refused_with_a_way_out(tmp_path, jails, program):
    import subprocess
    import sys

    archive(tmp_path / "x", member("file", data=b"x"))
    subprocess.run([program("zstd"), "-q", "--rm", tmp_path / "x", "-o", tmp_path / "x.tar"], check=True)
    if sys.version_info >= (3, 14):
        assert os.listdir(jails.create("j", str(tmp_path / "x.tar")).root) == ["file"]
        return
    with pytest.raises(FilesystemError, match=r"compressed with zstd.*zstd -d x\.tar"):
        jails.create("j", str(tmp_path / "x.tar"))
