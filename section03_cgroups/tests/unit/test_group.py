"""core.group on an ordinary folder that looks like cgroup2: which files are written, and in which order."""

import os

import pytest

from section03_cgroups import Cgroup, CgroupError, Hierarchy, Limits
from section03_cgroups.core import group


def fake(folder, **files):
    os.makedirs(folder, exist_ok=True)
    for name, text in files.items():
        with open(f"{folder}/{name.replace('__', '.')}", "w") as file:
            file.write(text)


def test_controllers_are_enabled_one_by_one_on_each_level_above(tmp_path, monkeypatch):
    writes = []
    monkeypatch.setattr(group, "write_value", lambda folder, name, text: writes.append((folder, name, text)))
    fake(tmp_path, cgroup__subtree_control="cpu\n")
    fake(tmp_path / "a", cgroup__subtree_control="")
    group.make_group(str(tmp_path), "/a/b", ("cpu", "memory"))
    control = "cgroup.subtree_control"
    assert writes == [
        (str(tmp_path), control, "+memory"), (f"{tmp_path}/a", control, "+cpu"), (f"{tmp_path}/a", control, "+memory"),
    ]  # fmt: skip
    assert os.path.isdir(tmp_path / "a" / "b")


def test_a_controller_that_cannot_be_enabled_does_not_stop_the_others(tmp_path, monkeypatch):
    enabled = []

    def write(_folder, _name, text):
        if text == "+cpuset":
            raise OSError(22, "no")
        enabled.append(text)

    monkeypatch.setattr(group, "write_value", write)
    fake(tmp_path, cgroup__subtree_control="")
    group.enable_controllers(str(tmp_path), ("cpuset", "memory"))
    assert enabled == ["+memory"]


def test_missing_file_names_path_hint_and_stumbling_block(tmp_path):
    with pytest.raises(CgroupError, match=r"memory\.max.*LCM-CG-03") as caught:
        group.write_value(str(tmp_path), "memory.max", "1")
    assert caught.value.errno == 2


def test_limits_go_to_their_files(tmp_path):
    fake(tmp_path / "c", memory__max="max", pids__max="max", cpu__max="max 100000")
    hierarchy = Hierarchy("v2", dict.fromkeys(("memory", "pids", "cpu"), str(tmp_path)), str(tmp_path))
    Cgroup(hierarchy, "/c").set(Limits(memory=1000000, pids=-1, cpu_quota=20000))
    files = ("memory.max", "pids.max", "cpu.max")
    assert [(tmp_path / "c" / f).read_text()[: len(want)] for f, want in zip(files, _WANT, strict=True)] == _WANT


_WANT = ["1000000", "max", "20000 100000"]


def test_missing_swap_accounting_is_a_warning(tmp_path, capfd):
    fake(tmp_path / "c", memory__max="max")
    hierarchy = Hierarchy("v2", {"memory": str(tmp_path)}, str(tmp_path))
    Cgroup(hierarchy, "/c").set(Limits(memory=1000, memory_swap=2000))
    assert "warning: this kernel does not account swap" in capfd.readouterr().err


def test_members_are_those_of_the_whole_tree_and_a_missing_group_has_none(tmp_path):
    fake(tmp_path / "c", cgroup__procs="10\n11\n")
    fake(tmp_path / "c" / "inner", cgroup__procs="12\n")
    assert group.members(str(tmp_path / "c")) == [10, 11, 12]
    assert group.members(str(tmp_path / "gone")) == []
    assert group.wait_event(str(tmp_path / "gone"), "populated", "0", 0)


def test_remove_is_leaf_first_and_idempotent(tmp_path):
    os.makedirs(tmp_path / "c" / "x" / "y")
    group.remove_group(str(tmp_path / "c"))
    group.remove_group(str(tmp_path / "c"))
    assert not os.path.exists(tmp_path / "c")


def test_only_a_parent_named_minidocker_goes_with_its_last_child(tmp_path):
    hierarchy = Hierarchy("v2", {}, str(tmp_path))
    for parent in ("minidocker", "theirs"):
        os.makedirs(tmp_path / parent / "c")
        Cgroup(hierarchy, f"/{parent}/c").remove()
    assert os.listdir(tmp_path) == ["theirs"]
