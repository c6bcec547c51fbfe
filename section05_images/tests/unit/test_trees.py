"""Removing hostile trees; packing and unpacking any tree gives the same tree; layers merge as they should."""

import io
import os
import shutil
import stat

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from section05_images import ImageStore, remove_tree

NAME = st.sampled_from(["a", "b", "c", "sub", ".x", "ö", "sp ace", "caf\udce9"])
LEAF = st.one_of(
    st.tuples(st.just("file"), st.binary(max_size=40), st.sampled_from([0o644, 0o755, 0o4755, 0o400])),
    st.tuples(st.just("link"), st.sampled_from(["a", "../..", "/etc", "b/c"]), st.none()),
)
TREE = st.recursive(LEAF, lambda inner: st.dictionaries(NAME, inner, max_size=4), max_leaves=12)
ROOT = st.dictionaries(NAME, TREE, max_size=5)
QUICK = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def write(tree, folder):
    for name, node in tree.items():
        path = os.path.join(folder, name)
        if isinstance(node, dict):
            os.mkdir(path)
            write(node, path)
        elif node[0] == "link":
            os.symlink(node[1], path)
        else:
            with open(path, "wb") as file:
                file.write(node[1])
            os.chmod(path, node[2])


def read(folder):
    tree = {}
    for entry in os.scandir(folder):
        if entry.is_symlink():
            tree[entry.name] = ("link", os.readlink(entry.path), None)
        elif entry.is_dir():
            tree[entry.name] = read(entry.path)
        else:
            with open(entry.path, "rb") as file:
                tree[entry.name] = ("file", file.read(), stat.S_IMODE(entry.stat().st_mode))
    return tree


@QUICK
@given(ROOT)
def test_pack_then_unpack_is_the_same_tree(tmp_path, tree):
    folder = tmp_path / "tree"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    write(tree, folder)
    store = ImageStore(str(tmp_path / "store"))
    store.add_rootfs_dir(str(folder), "x", {})
    assert read(store.resolve("x").layers[0]) == tree == read(folder)


def members_of(changes, prefix=""):
    """Return tar members for a layer: None is a whiteout, a dictionary a folder, ``opaque`` marks it."""
    for name, node in changes.items():
        path = f"{prefix}{name}"
        if name == "opaque":
            yield (f"{prefix}.wh..wh..opq", "file", b"")
        elif node is None:
            yield (f"{prefix}.wh.{name}", "file", b"")
        elif isinstance(node, dict):
            yield (path, "dir", None)
            yield from members_of(node, path + "/")
        else:
            yield (path, "file", node)


def merge(below, changes):
    """The model: what a layer makes of the tree below it."""
    result = {} if "opaque" in changes else dict(below)
    for name, node in changes.items():
        if name == "opaque":
            continue
        if node is None:
            result.pop(name, None)
        elif isinstance(node, dict):
            old = result.get(name)
            result[name] = merge(old if isinstance(old, dict) else {}, node)
        else:
            result[name] = node
    return result


CHANGES = st.recursive(
    st.one_of(st.binary(max_size=4), st.none()),
    lambda inner: st.dictionaries(st.sampled_from(["a", "b", "c", "opaque"]), inner, max_size=4),
    max_leaves=10,
)
LAYERS = st.lists(st.dictionaries(st.sampled_from(["a", "b", "c"]), CHANGES, max_size=3), min_size=1, max_size=4)


@QUICK
@given(LAYERS)
def test_layers_merge_as_the_model_says(tmp_path, made, layers):
    store = ImageStore(str(tmp_path / "store"))
    folder = tmp_path / "flat"
    shutil.rmtree(folder, ignore_errors=True)
    tars = [made.tar(list(members_of(layer))) for layer in layers]
    store.load(io.BytesIO(made.docker_archive(tars, tags=["x:1"])))
    store.unpack("x:1", str(folder))
    expected = {}
    for layer in layers:
        expected = merge(expected, layer)
    strip = lambda t: {n: strip(v) if isinstance(v, dict) else v[1] for n, v in t.items()}  # noqa: E731
    assert strip(read(folder)) == expected


def test_removing_a_tree_deeper_than_any_path_or_stack(tmp_path):
    here = os.open(tmp_path, os.O_RDONLY)
    os.mkdir(tmp_path / "deep")
    start = os.open("deep", os.O_RDONLY, dir_fd=here)
    for _ in range(3000):
        os.mkdir("d" * 100, dir_fd=start)
        os.close(os.open(".1", os.O_CREAT | os.O_WRONLY, 0, dir_fd=start))
        inner = os.open("d" * 100, os.O_RDONLY, dir_fd=start)
        os.close(start)
        start = inner
    os.close(start)
    os.close(here)
    remove_tree(str(tmp_path / "deep"))
    assert os.listdir(tmp_path) == []
    remove_tree(str(tmp_path / "deep"))


def test_removing_does_not_follow_links(tmp_path):
    (tmp_path / "keep").mkdir()
    (tmp_path / "keep" / "file").write_text("x")
    (tmp_path / "tree" / "in").mkdir(parents=True)
    (tmp_path / "tree" / "link").symlink_to(tmp_path / "keep")
    (tmp_path / "tree" / "in" / "link").symlink_to(tmp_path / "keep")
    remove_tree(str(tmp_path / "tree"))
    assert (tmp_path / "keep" / "file").read_text() == "x"
    (tmp_path / "link").symlink_to(tmp_path / "keep")
    with pytest.raises(OSError, match=r"directory|symbolic"):
        remove_tree(str(tmp_path / "link"))
    assert (tmp_path / "keep" / "file").exists()
