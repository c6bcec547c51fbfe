"""Whatever bytes come in: an image, or an ImageError that leaves nothing; never another exception, never outside."""

import gzip
import io
import os

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from section05_images import ImageError, ImageStore

QUICK = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
EDITS = st.lists(st.tuples(st.integers(0, 1 << 16), st.binary(min_size=1, max_size=12)), min_size=1, max_size=6)


def edited(data, edits):
    data = bytearray(data)
    for place, piece in edits:
        place %= len(data)
        data[place : place + len(piece)] = piece
    return bytes(data)


def attempt(store, action):
    try:
        action()
    except ImageError:
        assert store.list() == []
    for record in store.list():
        store.remove(record.id, force=True)
    assert store.check() == []
    assert os.listdir(f"{store.root}/layers") == []


@QUICK
@given(EDITS, st.sampled_from(["docker", "oci", "gz"]))
def test_edited_archives(tmp_path, made, edits, form):
    layers = [made.tar([("a/b", "file", b"1"), ("l", "link", "a"), ("h", "hard", "a/b")])]
    data = made.docker_archive(layers) if form == "docker" else made.as_tar(made.layout(layers))
    data = gzip.compress(edited(data, edits), 1) if form == "gz" else edited(data, edits)
    store = ImageStore(str(tmp_path / "store"))
    attempt(store, lambda: store.load(io.BytesIO(data)))


@QUICK
@given(EDITS, st.booleans())
def test_edited_layers(tmp_path, made, edits, pax):
    import tarfile

    xattrs = {"SCHILY.xattr.user.a": "b", "mtime": "1.5"}
    members = [("dir", "dir", None), ("dir/" + "n" * 150, "file", b"x" * 700, {"pax_headers": xattrs}),
               ("l", "link", "dir"), ("h", "hard", "dir/" + "n" * 150), (".wh.gone", "file", b""),
               ("p", "fifo", None)]  # fmt: skip
    data = edited(made.tar(members, form=tarfile.PAX_FORMAT if pax else tarfile.GNU_FORMAT), edits)
    store = ImageStore(str(tmp_path / "store"))
    attempt(store, lambda: store.import_rootfs(io.BytesIO(data), "x"))
    assert sorted(os.listdir(tmp_path)) == ["store"]
