"""``course clean`` lists by name, and keeps away from what belongs to somebody else."""

import os
import subprocess
import sys
import time

import pytest

from courseware import clean
from courseware.holding import held, hold, temporary_folder
from courseware.leftovers import Leftover, checks, containers, machine, named, remove_with_parents
from section01_processes.manager import place


@pytest.fixture(autouse=True)
def nothing_of_this_machine(tmp_path, monkeypatch):
    """Let each test see state folders of its own, and no table of the machine's."""
    monkeypatch.setenv("MINIDOCKER_ROOT", str(tmp_path / "minidocker"))
    monkeypatch.setenv("PROCMAN_STATE", str(tmp_path / "procman"))
    monkeypatch.setenv("JAILMAN_STATE", str(tmp_path / "jails"))
    monkeypatch.setenv("NSMAN_STATE", str(tmp_path / "nsman"))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    for function in ("cgroups", "links", "rules", "policy"):
        monkeypatch.setattr(machine, function, lambda: iter(()))
    monkeypatch.setattr(named, "supervisors", lambda: iter(()))
    monkeypatch.setattr(checks, "is_lost_lab", lambda _: False)
    monkeypatch.setattr(os.path, "isdir", lambda path, isdir=os.path.isdir: path != "/run/ociman" and isdir(path))


def found(tmp_path, **options):
    return [(item.kind, item.name) for item in clean.leftovers(str(tmp_path), **{"environment": False, **options})]


def test_a_machine_without_anything_of_ours_has_nothing_to_clean(tmp_path):
    assert found(tmp_path) == []


def test_the_environment_goes_only_when_asked(tmp_path):
    (tmp_path / ".venv").mkdir()
    (tmp_path / "work").mkdir()
    assert found(tmp_path) == []
    assert found(tmp_path, environment=True) == [("folder", str(tmp_path / ".venv"))]


def test_environments_go_with_the_link_to_them(tmp_path):
    (tmp_path / ".venvs" / "1").mkdir(parents=True)
    (tmp_path / ".venv").symlink_to(".venvs/1")
    assert found(tmp_path) == []
    expected = [("link", str(tmp_path / ".venv")), ("folder", str(tmp_path / ".venvs"))]
    assert found(tmp_path, environment=True) == expected
    assert all(clean.attempt(item) for item in clean.leftovers(str(tmp_path), environment=True))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["lcm-ex-abcd1234", "lcm-check-abcd_234", "lcm-mutant-abcd1234", "lcm-demo-abcd1234"])
def test_a_folder_is_removed_unless_it_is_held(tmp_path, name, capsys):
    folder = tmp_path / name
    (folder / "locked").mkdir(parents=True)
    (folder / "locked").chmod(0)
    fd = hold(folder)
    assert found(tmp_path) == []
    assert f"kept: folder {folder}: a ./course command is using it" in capsys.readouterr().out
    os.close(fd)
    assert found(tmp_path) == [("folder", str(folder))]
    assert clean.attempt(next(checks.leftovers()))
    assert not folder.exists()


def test_other_folders_are_not_ours(tmp_path):
    for name in ("lcm-notes", "lcm-ex-notes", "lcm-ex-abcd1234.bak", "my-lcm-ex-abcd1234"):
        (tmp_path / name).mkdir()
    (tmp_path / "lcm-ex-abcd1234").symlink_to("/etc")
    assert found(tmp_path) == []


@pytest.mark.needs("root")
def test_what_another_user_made_is_not_ours(tmp_path):
    (tmp_path / "lcm-ex-abcd1234").mkdir()
    os.chown(tmp_path / "lcm-ex-abcd1234", 65534, 65534)
    assert found(tmp_path) == []


def test_a_folder_is_held_until_its_holder_ends(tmp_path):
    code = f"from courseware.holding import hold; hold({str(tmp_path)!r}); print(flush=True); input()"
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        process.stdout.readline()
        assert held(str(tmp_path))
        process.kill()
        process.wait()
    assert not held(str(tmp_path))
    with temporary_folder("lcm-ex-") as folder:
        assert held(folder)
    assert not held(folder)


def test_living_shims_of_another_folder_are_seen():
    words = ["-c", "input()", "minidocker/shim/__main__.py", "folder=/somewhere/containers/abc"]
    with subprocess.Popen([sys.executable, *words], stdin=subprocess.PIPE) as process:
        try:
            end = time.monotonic() + 60
            while "/somewhere" not in containers.other_shims("/elsewhere"):
                assert time.monotonic() < end, open(f"/proc/{process.pid}/cmdline").read()
                time.sleep(0.01)
            assert "/somewhere" not in containers.other_shims("/somewhere")
        finally:
            process.communicate(b"\n")


def test_what_cannot_be_removed_is_said(capsys):
    def refuse():
        raise OSError(16, os.strerror(16))

    assert not clean.attempt(Leftover("cgroup", "/x", refuse))
    assert "cannot remove cgroup /x: Device or resource busy" in capsys.readouterr().err


@pytest.mark.parametrize("variables", [{}, {"XDG_STATE_HOME": "/state"}, {"XDG_STATE_HOME": "state"}])
def test_the_state_folder_is_the_one_that_procman_takes(monkeypatch, variables):
    for name in ("PROCMAN_STATE", "XDG_STATE_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    for uid in (0, 1000):
        monkeypatch.setattr(os, "geteuid", lambda uid=uid: uid)
        assert named.state_folder()[0] == place.state_folder()


def test_empty_folders_above_go_too_and_others_stay(tmp_path):
    state = tmp_path / "home" / ".local" / "state" / "lcm"
    (state / "procman").mkdir(parents=True)
    (tmp_path / "home" / ".local" / "share").mkdir()
    remove_with_parents(str(state / "procman"), str(tmp_path / "home"))
    assert os.listdir(tmp_path / "home" / ".local") == ["share"]
    (state / "procman").mkdir(parents=True)
    (tmp_path / "home" / ".local" / "share").rmdir()
    remove_with_parents(str(state / "procman"), str(tmp_path / "home"))
    assert os.listdir(tmp_path / "home") == []
