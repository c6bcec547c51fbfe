"""import: a root file system becomes an image, with Dockerfile lines."""

import bz2
import gzip
import io
import lzma
import os

import pytest

from section01_processes import UsageError
from section05_images import ArchiveError


@pytest.mark.parametrize("pack", [bytes, gzip.compress, lzma.compress, bz2.compress])
def test_compressed_or_not_it_is_the_same_layer(store, made, pack):
    data = made.tar([("etc/x", "file", b"1")])
    identity = store.import_rootfs(io.BytesIO(pack(data)), "me/root:1")
    image = store.resolve("me/root:1")
    assert image.id == identity
    assert image.config["rootfs"]["diff_ids"] == [made.digest(data)]
    assert image.config["os"] == "linux"
    assert image.created.endswith("Z")
    assert os.path.exists(f"{image.layers[0]}/etc/x")


def test_changes(store, made):
    changes = [
        'CMD ["sh", "-c", "x y"]',
        "entrypoint exec sh",
        "ENV A=1 B='two words'",
        "ENV A=2",
        "ENV OLD the old form",
        "WORKDIR /srv",
        "USER 1:2",
        "EXPOSE 80 53/udp",
        'LABEL a.b="c d"',
        'VOLUME ["/data"]',
        "VOLUME /x /y",
        "STOPSIGNAL SIGINT",
    ]
    store.import_rootfs(io.BytesIO(made.tar([])), "x", changes)
    assert store.resolve("x").config["config"] == {
        "Cmd": ["sh", "-c", "x y"],
        "Entrypoint": ["/bin/sh", "-c", "exec sh"],
        "Env": ["A=2", "B=two words", "OLD=the old form"],
        "WorkingDir": "/srv",
        "User": "1:2",
        "ExposedPorts": {"80/tcp": {}, "53/udp": {}},
        "Labels": {"a.b": "c d"},
        "Volumes": {"/data": {}, "/x": {}, "/y": {}},
        "StopSignal": "SIGINT",
    }


@pytest.mark.parametrize(
    "change", ["RUN x", "CMD", "ENV A=1 b", "CMD [1]", 'CMD ["x"', "EXPOSE x", "EXPOSE 70000", "WORKDIR x",
               "STOPSIGNAL SIGNOTHING", "LABEL 'open"]
)  # fmt: skip
def test_a_bad_change_is_named_before_anything_is_read(store, made, change, is_clean):
    with pytest.raises(UsageError):
        store.import_rootfs(io.BytesIO(made.tar([])), "x", [change])
    assert is_clean(store)


def test_what_was_cut_off_is_refused(store, made, is_clean):
    """No digest vouches for an import, so the end mark of the tar has to be there."""
    data = made.tar([("a", "file", b"1" * 600), ("b", "file", b"2")])
    for size in (0, 100, 512, 600, 1024, 1536, 2048, 2560, 3000):
        for pack in (bytes, gzip.compress):
            with pytest.raises(ArchiveError):
                store.import_rootfs(io.BytesIO(pack(data[:size])), "x")
    with pytest.raises(ArchiveError):
        store.import_rootfs(io.BytesIO(gzip.compress(data)[:-9]), "x")
    assert is_clean(store)
