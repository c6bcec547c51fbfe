"""Overlay mounts: many layers, strange names, both ways to say it, and a user namespace."""

import os

import pytest

from section02_namespaces import CLONE_NEWNS, CLONE_NEWUSER, IdMap, unshare, write_id_maps
from section04_filesystem import FilesystemError, mount_overlay, overlay, set_propagation, umount

pytestmark = pytest.mark.lane("host", "guest")
ME = ([IdMap(0, os.geteuid(), 1)], [IdMap(0, os.getegid(), 1)])  # before unshare: after it we are nobody


@pytest.fixture
def layers(tmp_path):
    """125 layers in folders whose names hold what overlay's options give a meaning to."""
    folder = tmp_path / ("long" * 40)
    made = []
    for number in range(125):
        layer = folder / f"layer {number}:,\\x"
        layer.mkdir(parents=True)
        (layer / f"file{number}").write_text("")
        (layer / "same").write_text(str(number))
        made.append(str(layer))
    for name in ("upper:,", "work\\", "merged"):
        (folder / name).mkdir()
    return folder, made


@pytest.mark.parametrize("user", [False, True], ids=["root", "userns"])
@pytest.mark.parametrize("way", ["lowerdir+", "mount(2)"])
def test_125_layers_with_any_name(layers, in_child, monkeypatch, way, user):
    folder, lower = layers
    if way == "mount(2)":
        monkeypatch.setattr(overlay, "_mount_modern", lambda *_: -1)

    def run():
        unshare(CLONE_NEWNS | (CLONE_NEWUSER if user else 0))
        if user:
            write_id_maps(0, *ME)
        set_propagation("/", "rprivate")
        os.chdir(folder)
        mount_overlay("merged", lower, str(folder / "upper:,"), str(folder / "work\\"), userxattr=user)
        names, top = os.listdir("merged"), open("merged/same").read()
        os.unlink("merged/file7")
        open("merged/new", "w").close()
        umount("merged")
        return len(names), top, os.getcwd() == str(folder)

    assert in_child(run) == (126, "0", True)
    assert sorted(os.listdir(folder / "upper:,")) == ["file7", "new"]
    assert len(os.listdir("/proc/self/fd")) < 100


def test_an_error_says_what_overlay_wants(layers, in_child):
    folder, lower = layers

    def run():
        unshare(CLONE_NEWNS)
        set_propagation("/", "rprivate")
        mount_overlay(str(folder / "merged"), lower[:1], str(folder / "upper:,"), "/dev/shm")

    with pytest.raises(in_child.error, match="one file system") as caught:
        in_child(run)
    assert caught.value.explain == "LCM-IM-01"


def test_what_cannot_be_an_overlay():
    for lower, upper, work in [([], "", ""), (["/a"], "", ""), (["/a"], "/u", "")]:
        with pytest.raises(FilesystemError):
            mount_overlay("/m", lower, upper, work)
