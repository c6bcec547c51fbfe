"""Pins, what can be said of them without the kernel's rights: names, places, plans."""

import os
import stat

import pytest

from section01_processes import UsageError, describe_plan
from section02_namespaces import NamespaceError, pinned_names
from section02_namespaces.pins import plan_pin, plan_unpin
from section02_namespaces.place import StateLock, check_name, files_of, is_pin, state_folder


@pytest.mark.parametrize("name", ["blue", "web-1", "a.b_c", "0x", "x" * 64])
def test_names(name):
    assert check_name(name) == name


@pytest.mark.parametrize("name", ["", "1234", "self", "a/b", "..", ".lock", "-v", "x" * 65, "naïve", "a b", "a\nb"])
def test_what_is_no_name(name):
    with pytest.raises(UsageError, match="invalid name") as caught:
        check_name(name)
    assert caught.value.exit_code == 2


def test_where_pins_are_kept(monkeypatch, tmp_path):
    monkeypatch.setenv("NSMAN_STATE", str(tmp_path))
    assert state_folder() == str(tmp_path)
    assert state_folder("/elsewhere") == "/elsewhere"
    monkeypatch.delenv("NSMAN_STATE")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setenv("XDG_RUNTIME_DIR", "/run/user/1000")
    assert state_folder() == "/run/user/1000/lcm/nsman"
    monkeypatch.setenv("XDG_RUNTIME_DIR", "relative")
    with pytest.raises(UsageError, match="XDG_RUNTIME_DIR"):
        state_folder()


def test_the_plan_holds_everything_before_it_pins_anything(tmp_path):
    plan = plan_pin(str(tmp_path), "blue", 4711, ["net", "mount"])
    assert [step.act.__name__ for step in plan.steps] == [
        "open_namespaces_of", "open_kind", "open_kind", "make_place", "make_folder", "pin", "pin",
    ]  # fmt: skip
    text = "\n".join(describe_plan(plan))
    assert f"{tmp_path}/pins/blue/net" in text
    assert f"{tmp_path}/pins/blue/mnt" in text
    assert list(tmp_path.iterdir()) == []


def test_a_file_without_a_namespace_is_no_pin_and_can_be_unpinned(tmp_path):
    folder = tmp_path / "pins" / "blue"
    folder.mkdir(parents=True)
    (folder / "net").touch()
    (folder / "uts").symlink_to("/proc/self/ns/uts")
    assert files_of(str(tmp_path), "blue").keys() == {"net", "uts"}
    assert not is_pin(str(folder / "net"))
    assert not is_pin(str(folder / "uts"))
    assert pinned_names(str(tmp_path)) == {}
    assert [step.args for step in plan_unpin(str(tmp_path), "blue", ["network"]).steps] == [(str(folder / "net"),)]


def test_what_is_not_there_cannot_be_unpinned(tmp_path):
    with pytest.raises(NamespaceError, match="nothing is pinned as 'blue'"):
        plan_unpin(str(tmp_path), "blue")
    with pytest.raises(NamespaceError, match="no kind of namespace"):
        plan_unpin(str(tmp_path), "blue", ["nett"])
    assert pinned_names(str(tmp_path)) == {}


def test_the_state_folder_is_for_its_owner_only(tmp_path):
    state = tmp_path / "deep" / "nsman"
    with StateLock(str(state)):
        assert stat.S_IMODE(state.stat().st_mode) == 0o700
    state.chmod(0o770)
    with pytest.raises(NamespaceError, match="can be written by others"), StateLock(str(state)):
        pass
    (tmp_path / "file").touch()
    with pytest.raises(NamespaceError, match="cannot make the state folder"), StateLock(str(tmp_path / "file" / "x")):
        pass
