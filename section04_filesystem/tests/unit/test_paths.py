"""Safe paths: openat2 and the walk by hand must agree, and neither may leave the root. In a temporary directory."""

import errno
import os

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from section04_filesystem import UnsafePath, make_target, safe_open
from section04_filesystem.walk import walk_open


@pytest.fixture
def root(tmp_path):
    """A hostile root, beside a folder ``outside`` that must never be reached; yields its descriptor."""
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "secret").write_text("host")
    place = tmp_path / "root"
    (place / "etc" / "deep").mkdir(parents=True)
    (place / "etc" / "file").write_text("inside")
    for link, text in {
        "abs": "/etc", "up": "../../../outside", "host": str(tmp_path / "outside"), "loop": "loop", "dots": "etc/..",
        "chain": "abs/file", "dangling": "/made/here", "dangling-up": "../../outside/new", "etc/deep/back": "../../..",
    }.items():  # fmt: skip
        (place / link).symlink_to(text)
    fd = os.open(place, os.O_PATH)
    yield fd
    os.close(fd)
    assert sorted(os.listdir(tmp_path / "outside")) == ["secret"]


def opened(open_, fd, path, **options):
    """Return (inode) or the errno's name of opening ``path``."""
    try:
        found = open_(fd, path, os.O_PATH, **options)
    except OSError as error:
        return errno.errorcode[error.errno]
    try:
        return os.fstat(found).st_ino
    finally:
        os.close(found)


PATHS = ["/", "", "etc/file", "/abs/file", "chain", "up", "host", "host/secret", "up/secret", "loop", "dots/etc",
         "etc/deep/back", "etc/deep/back/abs", "../../../../etc", "etc/file/x", "nothing", "dangling",
         "etc/../etc/./file", "etc/file/", "chain/", "chain/..", "etc/", "abs/../abs/deep/back/chain"]  # fmt: skip


@pytest.mark.parametrize("path", PATHS)
def test_both_ways_find_the_same(root, path):
    walked = opened(walk_open, root, path)
    if path:  # openat2 knows no empty path; by hand it is the root
        assert walked == opened(safe_open, root, path)


@pytest.mark.parametrize("open_", [safe_open, walk_open])
def test_no_link_leads_out(root, open_):
    assert opened(open_, root, "host/secret") == "ENOENT"
    assert opened(open_, root, "up") == "ENOENT"
    assert opened(open_, root, "etc/deep/back") == os.fstat(root).st_ino


@pytest.mark.parametrize("open_", [safe_open, walk_open])
def test_without_links_a_link_is_an_error(root, open_):
    assert opened(open_, root, "abs/file", links=False) == "ELOOP"
    assert isinstance(opened(open_, root, "etc/file", links=False), int)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from(["etc", "deep", "back", "abs", "..", ".", "dots", "chain", "up", "host"]), max_size=8))
def test_any_path_leads_to_the_same_place_by_both(root, parts):
    path = "/" + "/".join(parts)
    assert opened(walk_open, root, path) == opened(safe_open, root, path)


@pytest.mark.parametrize("open_", [safe_open, walk_open])
def test_with_nofollow_the_last_link_itself_or_an_error(root, tmp_path, open_):
    fd = open_(root, "/abs/../chain", os.O_PATH | os.O_NOFOLLOW)
    assert os.readlink("", dir_fd=fd) == "abs/file"
    os.close(fd)
    with pytest.raises(OSError, match="symbolic links"):
        open_(root, "chain", os.O_RDONLY | os.O_NOFOLLOW)


def test_magic_links_are_refused():
    proc = os.open("/proc", os.O_PATH)
    for open_ in (safe_open, walk_open):
        assert opened(open_, proc, f"{os.getpid()}/root") == "ELOOP"
        assert isinstance(opened(open_, proc, "self/status"), int)
    os.close(proc)


def test_what_is_opened_closes_on_exec_and_reads(root):
    for open_ in (safe_open, walk_open):
        fd = open_(root, "chain", os.O_RDONLY)
        assert os.read(fd, 9) == b"inside"
        assert not os.get_inheritable(fd)
        os.close(fd)


def test_missing_targets_are_made_inside(root, tmp_path):
    for path, kind in [
        ("/a/b/c", "dir"),
        ("/a/f", "file"),
        ("abs/new", "dir"),
        ("dangling/x", "dir"),
        ("dangling-up", "file"),
    ]:
        os.close(make_target(root, path, kind))
    place = tmp_path / "root"
    assert (place / "a/b/c").is_dir()
    assert (place / "a/f").is_file()
    assert (place / "etc/new").is_dir()
    assert (place / "made/here/x").is_dir()
    assert (place / "outside/new").is_file()


def test_a_target_that_is_there_is_taken_as_it_is(root):
    fd = make_target(root, "/etc/file", "dir")  # the kind is for what is made; mounting says if it does not fit
    assert os.fstat(fd).st_size == 6
    os.close(fd)


def test_targets_that_cannot_be(root):
    with pytest.raises(OSError, match="symbolic links"):
        make_target(root, "/loop/x")
    with pytest.raises(UnsafePath):
        make_target(root, "/missing/../..")
