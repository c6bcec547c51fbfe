"""kill -9 at any moment of a load, an import or a removal: the next command finds, and leaves, a sound store."""

import contextlib
import glob
import os
import signal
import subprocess
import sys
import time

import pytest

from section05_images import ImageNotFound, ImageStore

pytestmark = pytest.mark.lane("host", "guest")

# Dies at the n-th audited event that changes something: every open for writing, rename, mkdir, unlink, fsync …
CODE = """
import os, sys
store, action, archive, limit = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
from section05_images import ImageStore
import section05_images.load, section05_images.install, section05_images.publish, gzip
count = 0
def die(event, arguments):
    global count
    if event == "open" and not (isinstance(arguments[2], int) and arguments[2] & (os.O_CREAT | os.O_WRONLY)):
        return
    if event in ("open", "fcntl.flock", *("os." + n for n in "rename mkdir remove rmdir chmod symlink link".split())):
        count += 1
        if count == limit:
            os.kill(os.getpid(), 9)
sys.addaudithook(die)
images = ImageStore(store)
images.load(archive) if action == "load" else images.remove("test:1")
print(count)
"""


def run(store, action, archive, limit):
    command = [sys.executable, "-c", CODE, store.root, action, str(archive), str(limit)]
    return subprocess.run(command, capture_output=True, text=True)


@pytest.mark.parametrize("action", ["load", "remove"])
def test_killed_at_every_boundary_nothing_is_left_and_nothing_is_half(store, made, tmp_path, action, thin):
    layers = [made.tar([("a/b", "file", b"1")]), made.tar([("c", "file", b"2")])]
    archive = tmp_path / "a.tar"
    archive.write_bytes(made.docker_archive(layers))
    keep = tmp_path / "keep.tar"
    keep.write_bytes(made.docker_archive(layers[:1], tags=["keep:1"]))
    for limit in thin(range(1, 500)):
        store.load(str(keep))
        if action == "remove":
            store.load(str(archive))
        done = run(store, action, archive, limit)
        if done.returncode == 0:
            break
        assert done.returncode == -signal.SIGKILL, done.stderr
        for record in store.list():  # before any repair: what can be seen is whole
            image = store.resolve(record.id)
            assert all(os.path.isdir(layer) for layer in image.layers), (limit, record.as_dict())
        store.tag("keep:1", "keep:1")
        store.load(str(keep))  # the next command heals
        problems = store.check()
        assert problems == [], (limit, problems)
        if action == "load":
            with contextlib.suppress(ImageNotFound):
                store.remove("test:1")
    assert limit > 15, f"only {limit - 1} boundaries"
    print(f"{action}: {limit - 1} boundaries")


def test_what_another_living_load_has_staged_is_not_swept(tmp_path, made):
    """Two commands at once: one waits for its input, the other sweeps."""
    root = str(tmp_path / "store")
    archive = made.docker_archive([made.tar([("a", "file", b"1" * 100_000)])])
    code = "import sys; from section05_images import ImageStore; print(ImageStore(sys.argv[1]).load('-'))"
    slow = subprocess.Popen([sys.executable, "-c", code, root], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    slow.stdin.write(archive[:50_000])
    slow.stdin.flush()
    deadline = time.monotonic() + 60
    while not glob.glob(f"{root}/layers/.tmp-*"):
        assert time.monotonic() < deadline, "the load does not stage anything"
        time.sleep(0.01)
    other = tmp_path / "other.tar"
    other.write_bytes(made.docker_archive([made.tar([("b", "file", b"2")])], tags=["other:1"]))
    store = ImageStore(root)
    store.load(str(other))
    assert store.check(repair=True) == []
    out, _ = slow.communicate(archive[50_000:], timeout=60)
    assert b"test:1" in out
    assert sorted(n for record in store.list() for n in record.short_names) == ["other:1", "test:1"]
    assert store.check() == []
