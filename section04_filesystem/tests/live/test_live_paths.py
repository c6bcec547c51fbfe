"""openat2 and the walk by hand, judged against each other: random trees of links, and renames while they resolve.

What belongs here: properties, on the real kernel (an emulator has no openat2 to compare with). What does not: known
cases (``unit/test_paths.py``).
"""

import contextlib
import errno
import os
import shutil
import signal
import tempfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from section01_processes import spawn
from section04_filesystem import safe_open
from section04_filesystem.walk import walk_open

pytestmark = pytest.mark.lane("host")
NAMES = ["a", "b", "c", "d"]
PARTS = st.lists(st.sampled_from([*NAMES, *NAMES, "..", ".", ""]), min_size=1, max_size=6)
TEXTS = st.builds(lambda parts, absolute: ("/" if absolute else "") + "/".join(parts) or ".", PARTS, st.booleans())
#: What is at a path: a folder, a file, or a link with this text.
ENTRIES = st.dictionaries(
    st.lists(st.sampled_from(NAMES), min_size=1, max_size=3).map("/".join),
    st.just("folder") | st.just("file") | TEXTS.map(lambda text: f"-> {text}"),
    min_size=3,
    max_size=12,
)
HOW = st.sampled_from(
    [
        os.O_PATH, os.O_RDONLY, os.O_PATH | os.O_NOFOLLOW, os.O_RDONLY | os.O_NOFOLLOW, os.O_PATH | os.O_DIRECTORY,
        os.O_RDONLY | os.O_DIRECTORY,
        os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW, os.O_WRONLY,
    ]
)  # fmt: skip


def below_a_link(root, path):
    """Return whether one of the folders on the way to ``path`` is a link."""
    parts = path.split("/")
    return any(os.path.islink("/".join((root, *parts[:count]))) for count in range(1, len(parts)))


@contextlib.contextmanager
def tree(entries):
    """Make the tree beside a folder that nobody may reach; yield the root's descriptor."""
    top = tempfile.mkdtemp(prefix="paths-")
    root = f"{top}/root"
    os.mkdir(root)
    os.mkdir(f"{top}/a")  # a sibling with a name that links use: what "../a" would find outside
    for path, what in entries.items():
        place = f"{root}/{path}"
        if below_a_link(root, path):
            continue  # made by text, it would be wherever the link leads: outside of the root, too
        with contextlib.suppress(OSError):  # below a file: not there then
            os.makedirs(os.path.dirname(place), exist_ok=True)
            if what == "folder":
                os.makedirs(place, exist_ok=True)
            elif what == "file":
                os.close(os.open(place, os.O_CREAT | os.O_EXCL))
            else:
                os.symlink(what[3:], place)
    fd = os.open(root, os.O_PATH)
    try:
        yield fd
    finally:
        os.close(fd)
        shutil.rmtree(top)


def outcome(open_, fd, path, flags, links):
    """Return device and inode of what is opened, or the name of the error."""
    try:
        found = open_(fd, path, flags, links=links)
    except OSError as error:
        return errno.errorcode[error.errno]
    try:
        status = os.fstat(found)
        return status.st_dev, status.st_ino
    finally:
        os.close(found)


@settings(max_examples=250, deadline=None)
@given(ENTRIES, st.lists(TEXTS, min_size=1, max_size=6), HOW, st.booleans())
def test_both_give_the_same_file_or_the_same_error(entries, paths, flags, links):
    with tree(entries) as fd:
        for path in paths:
            walked, opened = (outcome(how, fd, path, flags, links) for how in (walk_open, safe_open))
            assert walked == opened, (path, entries)


@settings(max_examples=60, deadline=None)
@given(ENTRIES, TEXTS)
def test_nothing_is_left_open(entries, path):
    before = len(os.listdir("/proc/self/fd"))
    with tree(entries) as fd:
        outcome(walk_open, fd, path, os.O_PATH, True)
    assert len(os.listdir("/proc/self/fd")) == before


@pytest.mark.parametrize("open_", [safe_open, walk_open], ids=["openat2", "by hand"])
@pytest.mark.needs("kernel")
def test_whoever_renames_meanwhile_leads_nobody_out(tmp_path, open_):
    """Folders are moved out of the root and in again, and links swapped for folders, while paths through them resolve.

    Found is what was inside at some moment, or nothing; never a file that has always been outside.
    """
    outside, root = tmp_path / "outside", tmp_path / "root"
    for folder in (outside / "a", root / "a" / "b" / "c"):
        folder.mkdir(parents=True)
    (tmp_path / "secret").write_text("outside")
    (outside / "secret").write_text("outside")
    (root / "link").symlink_to("a/b/c")
    forbidden = {(tmp_path / "secret").stat().st_ino, (outside / "secret").stat().st_ino}

    def rename_for_ever():
        os.chdir(tmp_path)
        while True:
            with contextlib.suppress(OSError):
                os.rename("root/a/b", "outside/b")
                os.rename("outside/b", "root/a/b")
                os.rename("root/a", "outside/moved")
                os.symlink("../outside", "root/a")
                os.unlink("root/a")
                os.rename("outside/moved", "root/a")

    root_fd = os.open(root, os.O_PATH)
    seen = set()
    with spawn(rename_for_ever) as child:
        try:
            for _ in range(500):
                for path in (
                    "a/b/c/../../../../secret",
                    "link/../../../secret",
                    "a/secret",
                    "a/b/../../../outside/secret",
                ):
                    found = outcome(open_, root_fd, path, os.O_RDONLY, True)
                    seen.add(found if isinstance(found, str) else "found")
                    assert found not in {(os.fstat(root_fd).st_dev, inode) for inode in forbidden}
        finally:
            child.signal(signal.SIGKILL)
            child.wait()
            os.close(root_fd)
    assert seen <= {"ENOENT", "ENOTDIR", "EAGAIN", "EXDEV", "ELOOP"}
