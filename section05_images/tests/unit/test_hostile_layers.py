"""A layer cannot write outside its root, whatever it holds: the canary outside stays as it was."""

import io
import os
import stat
import tarfile

import pytest

from section05_images import ArchiveError, ImageError


@pytest.fixture
def canary(tmp_path):
    """Files that the attacks aim at; checked after each test."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret").write_text("untouched")
    os.chmod(outside / "secret", 0o4755)
    before = _state(outside)
    yield outside
    assert _state(outside) == before
    assert not (tmp_path / "escaped").exists()


def _state(folder):
    names = sorted(os.listdir(folder))
    stats = [os.lstat(folder / name) for name in names]
    return names, [(s.st_ino, s.st_mode, s.st_nlink, s.st_uid, s.st_mtime_ns) for s in stats], (
        (folder / "secret").read_text()
    )  # fmt: skip


def apply(store, made, members):
    """Import the members as an image; return the folder of its layer."""
    store.import_rootfs(io.BytesIO(members if isinstance(members, bytes) else made.tar(members)), "test")
    return store.resolve("test").layers[0]


@pytest.mark.parametrize(
    "name", ["../escaped", "a/../../escaped", "..", "a/..", "./../escaped", "/../escaped", "a/./../x"]
)
@pytest.mark.parametrize("kind", ["file", "dir", "link"])
def test_dot_dot_is_refused(store, made, canary, is_clean, name, kind):
    with pytest.raises(ArchiveError, match=r"climbs|cannot be"):
        apply(store, made, [("a", "dir", None), (name, kind, {"file": b"x", "link": "t"}.get(kind))])
    assert is_clean(store)


def test_an_absolute_name_is_inside(store, made, canary):
    layer = apply(store, made, [(f"{canary}/secret", "file", b"mine"), ("//etc/x", "file", b"x")])
    with open(f"{layer}{canary}/secret") as file:
        assert file.read() == "mine"
    assert os.path.exists(f"{layer}/etc/x")


@pytest.mark.parametrize("up", ["/", "../../../../../../../../..", "/proc/self/root", "/proc/self/cwd"])
def test_a_parent_that_is_a_link_stays_inside(store, made, canary, up):
    """The classic: link → outside, then a file through it; chained, so that no single link looks bad."""
    target = str(canary).lstrip("/")
    members = [
        (target, "dir", None),
        ("proc/self/root", "dir", None),
        ("proc/self/cwd", "dir", None),
        ("one", "link", up),
        ("two", "link", "one"),
        (f"two/{target}/secret", "file", b"evil"),
        (f"two/{target}/new", "file", b"evil"),
    ]
    layer = apply(store, made, members)
    assert any("secret" in names for _, _, names in os.walk(layer))


def test_a_folder_swapped_for_a_link_is_not_followed_out(store, made, canary):
    members = [
        ("d", "dir", None),
        ("d/a", "file", b"1"),
        ("d", "link", str(canary)),
        ("d/secret", "file", b"evil"),
    ]
    with pytest.raises(ArchiveError, match="not a folder"):
        apply(store, made, members)


def test_a_file_over_a_link_replaces_the_link(store, made, canary):
    layer = apply(store, made, [("x", "link", f"{canary}/secret"), ("x", "file", b"mine", {"mode": 0o777})])
    assert stat.S_ISREG(os.lstat(f"{layer}/x").st_mode)


def test_a_folder_over_a_link_replaces_the_link(store, made, canary):
    layer = apply(store, made, [("x", "link", str(canary)), ("x", "dir", None), ("x/secret", "file", b"mine")])
    assert sorted(os.listdir(f"{layer}/x")) == ["secret"]


@pytest.mark.parametrize("target", ["../outside/secret", "/etc/passwd", "../../../../../../etc/passwd", "missing", "."])
def test_a_hard_link_to_what_is_not_in_the_layer_is_refused(store, made, canary, target, is_clean):
    with pytest.raises(ArchiveError):
        apply(store, made, [("x", "hard", target)])
    assert is_clean(store)


def test_a_hard_link_through_a_link_stays_inside(store, made, canary):
    with pytest.raises(ArchiveError, match="no file of this layer"):
        apply(store, made, [("up", "link", str(canary)), ("x", "hard", "up/secret")])


def test_a_hard_link_to_a_symbolic_link_names_the_link_itself(store, made, canary):
    """Then a file of that name would be written through it, if links were followed."""
    members = [
        ("l", "link", f"{canary}/secret"),
        ("h", "hard", "l", {"mode": 0o777}),
        ("h2", "hard", "h"),
        ("h", "file", b"evil"),
    ]
    layer = apply(store, made, members)
    assert os.path.islink(f"{layer}/l")
    assert os.path.islink(f"{layer}/h2")
    assert not os.path.islink(f"{layer}/h")


def test_writing_over_a_hard_link_does_not_change_the_other_name(store, made):
    layer = apply(store, made, [("a", "file", b"first"), ("b", "hard", "a"), ("b", "file", b"second")])
    with open(f"{layer}/a") as file:
        assert file.read() == "first"


def test_types_replace_each_other_and_folders_merge(store, made):
    members = [
        ("d/in/deep", "file", b"1"),
        ("d", "file", b"now a file"),
        ("f", "file", b"1"),
        ("f", "dir", None),
        ("f/x", "file", b"1"),
        ("f", "dir", None, {"mode": 0o700}),
        ("p", "dir", None),
        ("p/full", "file", b""),
        ("p", "fifo", None),
        ("same", "file", b"old"),
        ("same", "file", b"new"),
    ]
    layer = apply(store, made, members)
    assert os.path.isfile(f"{layer}/d")
    assert os.listdir(f"{layer}/f") == ["x"]
    assert stat.S_IMODE(os.stat(f"{layer}/f").st_mode) == 0o700
    assert stat.S_ISFIFO(os.lstat(f"{layer}/p").st_mode)
    with open(f"{layer}/same") as file:
        assert file.read() == "new"


@pytest.mark.parametrize("name", [".wh.", ".wh..", ".wh...", "a/.wh.", "a/.wh..."])
def test_a_whiteout_without_a_name_is_refused(store, made, canary, name, is_clean):
    with pytest.raises(ArchiveError, match="whiteout"):
        apply(store, made, [("a", "dir", None), (name, "file", b"")])
    assert is_clean(store)


def test_whiteouts_hide_below_and_never_what_the_layer_brings(store, made):
    members = [
        (".wh.gone", "file", b""),
        ("mine", "file", b"1"),
        (".wh.mine", "file", b""),
        (".wh.again", "file", b""),
        ("again/x", "file", b"1"),
        ("d/.wh..wh..opq", "file", b""),
        (".wh..wh.plnk", "dir", None),
    ]
    layer = apply(store, made, members)
    gone = os.lstat(f"{layer}/gone")
    assert stat.S_ISCHR(gone.st_mode)
    assert gone.st_rdev == 0
    assert os.path.isfile(f"{layer}/mine")
    names = [n for n in os.listxattr(f"{layer}/d") if n.endswith("overlay.opaque")]
    assert len(names) == 1
    assert os.listxattr(f"{layer}/again") == names  # hidden first, then made: what is below stays hidden
    assert sorted(os.listdir(layer)) == ["again", "d", "gone", "mine"]


@pytest.mark.needs("root")
def test_attributes_on_the_allow_list_only(store, made, capfd):
    xattrs = {
        "SCHILY.xattr.user.good": "yes",
        "SCHILY.xattr.user.overlay.opaque": "y",
        "SCHILY.xattr.user.overlay.redirect": "/etc",
        "SCHILY.xattr.trusted.overlay.opaque": "y",
        "SCHILY.xattr.trusted.overlay.redirect": "/etc",
        "SCHILY.xattr.security.capability": "\x01\0\0\x02\xff\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
        "SCHILY.xattr.system.posix_acl_access": "x",
    }
    members = [("f", "file", b"x", {"pax_headers": xattrs}), ("d", "dir", None, {"pax_headers": xattrs})]
    layer = apply(store, made, members)
    assert os.listxattr(f"{layer}/f") == ["user.good"]
    assert os.listxattr(f"{layer}/d") == ["user.good"]
    assert "not on the allow-list" in capfd.readouterr().err


@pytest.mark.needs("root")
def test_owners_modes_times_and_devices(store, made):
    members = [
        ("suid", "file", b"x", {"mode": 0o4755, "uid": 3_000_000_000, "gid": 5}),
        ("t", "file", b"", {"pax_headers": {"mtime": "1234567890.123456789"}}),
        ("old", "file", b"", {"pax_headers": {"mtime": "-1.5"}}),
        ("null", "char", (1, 3), {"mode": 0o666}),
        ("disk", "block", (7, 200), {"mode": 0o640, "gid": 6}),
        ("d", "dir", None, {"mode": 0o1777, "mtime": 1000}),
        ("d/x", "file", b""),
        ("l", "link", "nowhere", {"uid": 7, "mtime": 5}),
    ]
    layer = apply(store, made, members)
    suid = os.stat(f"{layer}/suid")
    assert (suid.st_uid, suid.st_gid, stat.S_IMODE(suid.st_mode)) == (3_000_000_000, 5, 0o4755)
    assert os.stat(f"{layer}/t").st_mtime_ns == 1234567890123456789
    assert os.stat(f"{layer}/old").st_mtime_ns == -1_500_000_000
    null, disk = os.lstat(f"{layer}/null"), os.lstat(f"{layer}/disk")
    assert (null.st_rdev, stat.S_IMODE(null.st_mode)) == (os.makedev(1, 3), 0o666)
    assert (stat.S_ISBLK(disk.st_mode), disk.st_gid, disk.st_rdev) == (True, 6, os.makedev(7, 200))
    folder = os.stat(f"{layer}/d")
    assert (stat.S_IMODE(folder.st_mode), folder.st_mtime) == (0o1777, 1000)
    link = os.lstat(f"{layer}/l")
    assert (link.st_uid, link.st_mtime) == (7, 5)


@pytest.mark.parametrize("attributes", [{"uid": -1}, {"gid": 2**32 - 1}, {"uid": 2**55}, {"mtime": 2**80}])
@pytest.mark.needs("root")
def test_impossible_owners_and_times_are_refused(store, made, attributes, is_clean):
    with pytest.raises(ArchiveError):
        apply(store, made, made.tar([("x", "file", b"", attributes)], form=tarfile.GNU_FORMAT))
    assert is_clean(store)


def test_names_are_bytes_long_and_any(store, made):
    long = "/".join(["d" * 200] * 12)
    members = [(long + "/f", "file", b"1"), ("caf\udce9", "file", b"2"), ("new\nline", "file", b"3")]
    layer = apply(store, made, made.tar(members, form=tarfile.GNU_FORMAT))
    assert b"caf\xe9" in os.listdir(os.fsencode(layer))
    assert os.path.exists(f"{layer}/{long}/f")
    with pytest.raises(ArchiveError):
        apply(store, made, [("n" * 256, "file", b"")])
    with pytest.raises(ArchiveError):
        apply(store, made, [("x", "file", b"", {"pax_headers": {"path": "a\0b"}})])


@pytest.mark.needs("kernel")  # without openat2(2) each of them is walked to: minutes
def test_ten_thousand_folders_deep_is_refused_or_made_and_removed(store, made, is_clean):
    with pytest.raises(ArchiveError):
        apply(store, made, [("d/" * 10_000 + "f", "file", b"")])
    assert is_clean(store)


def test_a_sparse_file_keeps_its_holes(store, made, tmp_path):
    import subprocess

    with open(tmp_path / "sparse", "wb") as file:
        file.write(b"head")
        file.seek(50 << 20)
        file.write(b"tail")
    for form in ("gnu", "posix"):
        command = ["tar", "-C", tmp_path, "--sparse", f"--format={form}", "-cf", tmp_path / "s.tar", "sparse"]
        subprocess.run(command, check=True)
        layer = apply(store, made, (tmp_path / "s.tar").read_bytes())
        status = os.stat(f"{layer}/sparse")
        assert (status.st_size, status.st_blocks * 512 < 1 << 20) == ((50 << 20) + 4, True)
        with open(f"{layer}/sparse", "rb") as file:
            assert file.read(4) == b"head"
            file.seek(50 << 20)
            assert file.read() == b"tail"


@pytest.mark.parametrize("spoil", ["middle", "huge pax", "negative size", "unknown type", "chained pax"])
def test_broken_headers_are_errors_and_not_the_end(store, made, spoil, is_clean):
    good = made.tar([("a", "file", b"x"), ("b", "file", b"y")])
    if spoil == "middle":
        data = good[:1024] + b"\xff" * 512 + good[1536:]
    elif spoil == "huge pax":
        header = tarfile.TarInfo("pax")
        header.type, header.size = tarfile.XHDTYPE, 1 << 33
        data = header.tobuf(tarfile.GNU_FORMAT) + bytes(1 << 20)
    elif spoil == "negative size":
        header = tarfile.TarInfo("x")
        header.size = -512
        data = header.tobuf(tarfile.GNU_FORMAT) + bytes(1024)
    elif spoil == "unknown type":
        header = tarfile.TarInfo("x")
        header.type = b"Z"
        data = header.tobuf() + bytes(1024)
    else:
        header = tarfile.TarInfo("x")
        header.type = tarfile.XHDTYPE
        data = header.tobuf() * 5000 + bytes(1024)
    with pytest.raises(ImageError):
        apply(store, made, data)
    assert is_clean(store)
