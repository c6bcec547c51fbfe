"""-v, --mount, --tmpfs and the image's volumes."""

from __future__ import annotations

import pytest

from minidocker.errors import BadOption
from minidocker.options import Options
from minidocker.translate import mounts as m


def shape(mount):
    return mount.kind, mount.source, mount.target, mount.readonly, mount.copy


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("/a:/b", ("bind", "/a", "/b", False, False)),
        ("/a/../c:/b/:ro", ("bind", "/c", "/b", True, False)),
        ("./x:/b", ("bind", "/cwd/x", "/b", False, False)),
        ("data:/b", ("volume", "data", "/b", False, True)),
        ("data:/b:nocopy,ro", ("volume", "data", "/b", True, False)),
        ("/b", ("volume", "", "/b", False, True)),
        ("/a:/b:z", ("bind", "/a", "/b", False, False)),
    ],
)
def test_volume_flag(text, expected):
    assert shape(m.parse_volume(text, "/cwd")) == expected


@pytest.mark.parametrize("text", ["a:b", "/a:/b:what", "a/b:/c", "/a:/", ":", "/a:/b:ro:x", "/a:/b:nocopy", "b"])
def test_bad_volume_flag_is_named(text):
    with pytest.raises(BadOption, match="--volume"):
        m.parse_volume(text, "/cwd")


def test_a_missing_host_folder_is_made_for_v_and_refused_for_mount():
    assert m.parse_volume("/a:/b", "/").make
    assert not m.parse_mount("type=bind,source=/a,target=/b").make


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("type=bind,src=/a,dst=/b,ro", ("bind", "/a", "/b", True, False)),
        ("source=data,target=/b", ("volume", "data", "/b", False, True)),
        ("type=volume,target=/b,volume-nocopy", ("volume", "", "/b", False, False)),
        ("type=tmpfs,destination=/b", ("tmpfs", "", "/b", False, False)),
    ],
)
def test_mount_flag(text, expected):
    assert shape(m.parse_mount(text)) == expected


@pytest.mark.parametrize(
    "text",
    ["type=x,target=/b", "type=bind,target=/b", "type=bind,source=/a", "target=/b,what=1", "type=tmpfs,target=b"],
)
def test_bad_mount_flag_is_named(text):
    with pytest.raises(BadOption, match="--mount"):
        m.parse_mount(text)


def test_tmpfs_defaults_and_overrides():
    assert m.parse_tmpfs("/t").options == ["noexec", "nosuid", "nodev"]
    mount = m.parse_tmpfs("/t:exec,size=64k,mode=1777,ro")
    assert mount.options == ["nosuid", "nodev", "size=65536", "mode=1777"]
    assert m.oci_mount(mount, "")["options"][-1] == "ro"
    assert m.parse_mount("type=tmpfs,target=/t,tmpfs-size=1m,tmpfs-mode=700").options[-2:] == [
        "size=1048576",
        "mode=700",
    ]
    with pytest.raises(BadOption, match="--tmpfs"):
        m.parse_tmpfs("/t:what")


def test_the_user_s_mount_beats_the_image_s_volume_and_twice_is_refused():
    options = Options("i", volume=("data:/v",))
    found = m.user_mounts(options, {"Volumes": {"/v": {}, "/w/": {}}}, "/")
    assert [(x.target, x.source) for x in found] == [("/v", "data"), ("/w", "")]
    with pytest.raises(BadOption, match="duplicate mount point /v"):
        m.user_mounts(Options("i", volume=("data:/v",), tmpfs=("/v",)), {}, "/")


def test_parents_are_mounted_before_children():
    options = Options("i", volume=("/x:/a/b/c", "/y:/a"), tmpfs=("/a/b",))
    assert [x.target for x in m.user_mounts(options, {}, "/")] == ["/a", "/a/b", "/a/b/c"]


def test_kernel_mounts():
    by_target = {x["destination"]: x for x in m.kernel_mounts(writable_sys=False, rootless=False, shm_size=5)}
    assert "ro" in by_target["/sys"]["options"]
    assert "size=5" in by_target["/dev/shm"]["options"]
    assert "gid=5" in by_target["/dev/pts"]["options"]
    open_ones = {x["destination"]: x for x in m.kernel_mounts(writable_sys=True, rootless=True, shm_size=5)}
    assert "ro" not in open_ones["/sys"]["options"]
    assert "gid=5" not in open_ones["/dev/pts"]["options"]
