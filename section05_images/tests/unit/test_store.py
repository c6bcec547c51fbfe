"""Names, leases and removal: nothing that somebody needs goes, and nothing that nobody needs stays."""

import io
import os
import subprocess
import sys
import time

import pytest

from section05_images import ImageError, ImageInUse, ImageNotFound, ImageStore


@pytest.fixture
def image(store, made):
    """An image ``a:1``; its id."""
    return store.import_rootfs(io.BytesIO(made.tar([("f", "file", b"a")])), "a:1")


def test_a_store_that_does_not_exist_is_empty_and_is_not_made_by_reading(store):
    assert store.list() == store.check() == []
    for look in (store.resolve, lambda name: store.acquire(name, "me")):
        with pytest.raises(ImageNotFound, match="no such image: a"):
            look("a")
    store.release("me")
    assert not os.path.exists(store.root)


def test_names_move_and_the_loser_keeps_its_id(store, made, image):
    other = store.import_rootfs(io.BytesIO(made.tar([("f", "file", b"b")])), "a:1")
    assert store.resolve("a:1").id == other
    assert store.resolve(image).names == []
    assert {record.id for record in store.list()} == {image, other}
    store.tag(image, "b")
    assert store.resolve("b").id == image
    assert len(store.list()) == 2
    store.tag("b", "b")
    assert store.resolve("b").names == ["docker.io/library/b:latest"]


def test_a_name_wins_over_an_id(store, image):
    store.tag("a:1", image[7:15])
    assert store.resolve(image[7:15]).names == ["docker.io/library/a:1", f"docker.io/library/{image[7:15]}:latest"]


def test_an_id_that_could_be_two_is_ambiguous(store, made):
    """Sixteen images and one digit are enough for two that begin alike; four digits are made alike by hand."""
    for number in range(3):
        store.import_rootfs(io.BytesIO(made.tar([("f", "file", bytes([number]))])), f"n:{number}")
    records = sorted(os.listdir(f"{store.root}/images"))
    for name in records[:2]:
        path = f"{store.root}/images/{name}"
        with open(path) as file:
            text = file.read()
        identity = text.partition('"id":"sha256:')[2][:64]
        with open(path, "w") as file:
            file.write(text.replace(identity, "abcd" + identity[4:]))
    with pytest.raises(ImageNotFound, match="ambiguous"):
        store.resolve("abcd")


def test_remove_by_name_and_by_id(store, image):
    store.tag("a:1", "b:1")
    with pytest.raises(ImageInUse, match="several names"):
        store.remove(image[7:19])
    assert store.remove("b:1") == ["Untagged: b:1"]
    store.tag("a:1", "b:1")
    done = store.remove(image, force=True)
    assert done == ["Untagged: a:1", "Untagged: b:1", f"Deleted: {image}"]
    with pytest.raises(ImageNotFound):
        store.remove("a:1")


def test_a_leased_image_stays_until_the_last_lease_ends(store, image):
    layer = store.acquire("a:1", "c1").layers[0]
    store.lease(image, "c2")
    store.lease(image, "c2")
    with pytest.raises(ImageInUse) as caught:
        store.remove("a:1")
    assert caught.value.users == ["c1", "c2"]
    store.tag("a:1", "b:1")
    assert store.remove("b:1") == ["Untagged: b:1"]  # another name is left
    assert store.remove("a:1", force=True) == ["Untagged: a:1"]
    store.release("c1")
    store.sweep()
    assert os.path.isfile(f"{layer}/f")
    assert store.check() == []
    store.release("c2")
    store.release("c2")
    store.sweep()
    assert not os.path.exists(layer)
    assert os.listdir(f"{store.root}/images") == []


@pytest.mark.parametrize("owner", ["", "..", ".x", "a/b", "/x"])
def test_an_owner_must_be_a_file_name(store, image, owner):
    with pytest.raises(ImageError):
        store.acquire("a:1", owner)


def test_one_owner_has_one_lease(store, made, image):
    store.acquire("a:1", "c1")
    store.import_rootfs(io.BytesIO(made.tar([("f", "file", b"b")])), "b:1")
    with pytest.raises(ImageError, match="another image"):
        store.acquire("b:1", "c1")


def test_a_folder_of_the_same_files_gives_the_same_id(store, tmp_path):
    ids = set()
    for number in range(2):
        root = tmp_path / f"root{number}"
        (root / "bin").mkdir(parents=True)
        (root / "bin" / "sh").write_bytes(b"#!")
        os.link(root / "bin" / "sh", root / "bin" / "ash")
        (root / "lib").symlink_to("bin")
        os.chmod(root / "bin" / "sh", 0o755)
        os.utime(root / "bin", (number, number))
        ids.add(store.add_rootfs_dir(str(root), "tiny", {"config": {"Cmd": ["/bin/sh"]}}))
    assert len(ids) == 1
    image = store.resolve("tiny")
    assert image.config["config"] == {"Cmd": ["/bin/sh"]}
    layer = image.layers[0]
    assert os.stat(f"{layer}/bin/sh").st_ino == os.stat(f"{layer}/bin/ash").st_ino
    assert os.stat(f"{layer}/bin/sh").st_mode & 0o777 == 0o755
    assert os.readlink(f"{layer}/lib") == "bin"
    assert store.check() == []


def test_check_names_what_is_wrong(store, image):
    blobs = f"{store.root}/blobs/sha256"
    layer = os.path.dirname(store.resolve("a:1").layers[0])
    with open(f"{blobs}/{'0' * 64}", "w") as file:
        file.write("x")
    os.rename(layer, f"{store.root}/layers/{'1' * 64}")
    os.mkdir(f"{store.root}/layers/.tmp-dead")
    problems = "\n".join(store.check())
    for part in ("left over: blobs", "left over: layers/1111", "left over: layers/.tmp-dead", "lacks layer", "damaged"):
        assert part in problems
    repaired = store.check(repair=True)
    assert [p for p in repaired if "lacks layer" not in p] == []
    os.unlink(f"{blobs}/{image[7:]}")
    assert any("lacks blob" in p for p in store.check())


def test_a_folder_that_is_something_else_is_not_taken_for_a_store(tmp_path, made):
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "letter").write_text("dear")
    with pytest.raises(ImageError, match="not an image store"):
        ImageStore(str(tmp_path / "home")).import_rootfs(io.BytesIO(made.tar([])), "x")
    assert os.listdir(tmp_path / "home") == ["letter"]


def test_pull_says_what_to_do_instead(store):
    with pytest.raises(ImageError, match=r"skopeo copy docker://docker.io/library/alpine:3"):
        store.pull("alpine:3")


def test_reading_while_others_change_never_sees_half(tmp_path, made):
    """One process names and removes in a loop, another resolves and lists: found or not found, never broken."""
    code = """
import io, os, sys
from section05_images import ImageInUse, ImageStore
store, tar = ImageStore(sys.argv[1]), sys.stdin.buffer.read()
while not os.path.exists(sys.argv[2]):
    store.import_rootfs(io.BytesIO(tar), "x:1")
    try:
        store.remove("x:1")
    except ImageInUse:
        pass
"""
    store = ImageStore(str(tmp_path / "store"))
    enough = tmp_path / "enough"
    changer = subprocess.Popen([sys.executable, "-c", code, store.root, enough], stdin=subprocess.PIPE)
    changer.stdin.write(made.tar([("f", "file", b"1")]))
    changer.stdin.close()
    seen = {"found": 0, "missing": 0}
    deadline = time.monotonic() + 60
    while changer.poll() is None:
        if min(seen.values()) >= 20 or time.monotonic() > deadline:
            enough.touch()
        store.list()
        try:
            assert store.acquire("x:1", "me").config
            seen["found"] += 1
        except ImageNotFound:
            seen["missing"] += 1
        store.release("me")
    assert changer.returncode == 0
    assert min(seen.values()) >= 20
    assert store.check(repair=True) == []
