"""``course clean`` and the namespaces that nsman keeps: mounts in namespaces of the test's own."""

import os
import pathlib
import select
import subprocess

import pytest

from courseware import clean
from courseware.leftovers import pins
from section01_processes import spawn
from section02_namespaces import CLONE_NEWNS, unshare
from section02_namespaces.pins import pin_process
from section04_filesystem import MountTable, set_propagation

pytestmark = [pytest.mark.lane("host"), pytest.mark.needs("root")]


@pytest.fixture
def sleeper():
    """A process in a net namespace of its own."""
    with subprocess.Popen(["unshare", "--net", "--uts", "sh", "-c", "echo; exec sleep 600"],
                          stdout=subprocess.PIPE) as process:  # fmt: skip
        process.stdout.readline()
        yield process.pid
        process.kill()


@pytest.mark.lane("host", "guest")
def test_pinned_namespaces_go_before_their_folder(tmp_path, sleeper, found, alone):
    state = str(tmp_path / "run" / "lcm" / "nsman")

    def check():
        pin_process(state, "blue", sleeper, ["net", "uts"])
        pin_process(state, "green", sleeper, ["net"])
        text = f"blue (net uts), green (net) in {state}"
        assert found(pins.leftovers(state, str(tmp_path / "run"))) == [
            ("pinned namespaces", text),
            ("state folder", state),
        ]
        assert len(mounted(state)) == 4
        assert all(clean.attempt(item) for item in pins.leftovers(state, str(tmp_path / "run")))
        assert mounted(state) == []

    alone(check)
    assert sorted(os.listdir(tmp_path)) == ["run"]
    assert sorted(os.listdir(tmp_path / "run")) == []


def mounted(folder):
    return [mount.target for mount in MountTable.of() if mount.target.startswith(f"{folder}/")]


def test_what_a_killed_nsman_left_goes_and_what_is_no_pin_stays(tmp_path, sleeper, capfd, alone):
    state = str(tmp_path / "nsman")

    def check():
        pin_process(state, "blue", sleeper, ["net", "uts"])
        subprocess.run(["umount", f"{state}/pins/blue/uts"], check=True)
        os.makedirs(f"{state}/pins/empty")
        pathlib.Path(state, "pins", "mine").write_text("keep me")
        assert [clean.attempt(item) for item in pins.leftovers(state, str(tmp_path))] == [True, False]
        assert mounted(state) == [f"{state}/pins"]
        assert sorted(os.listdir(f"{state}/pins")) == ["mine"]
        os.unlink(f"{state}/pins/mine")
        assert all(clean.attempt(item) for item in pins.leftovers(state, str(tmp_path)))
        assert mounted(state) == []
        os.makedirs(f"{state}/pins")  # killed before it had mounted anything
        assert all(clean.attempt(item) for item in pins.leftovers(state, str(tmp_path)))

    alone(check)
    assert "pins is in it" in capfd.readouterr().err
    assert sorted(os.listdir(tmp_path)) == []


def test_pins_of_another_mount_namespace_stay_and_are_named(tmp_path, sleeper, capsys):
    state = str(tmp_path / "nsman")
    seen, there = os.pipe()
    waits, end = os.pipe()

    def pin_there():
        os.close(end)
        unshare(CLONE_NEWNS)
        set_propagation("/", "rprivate")
        pin_process(state, "blue", sleeper, ["net"])
        os.write(there, b"x")
        select.select([waits], [], [])
        assert len(mounted(state)) == 2

    with spawn(pin_there) as child:
        os.close(waits)
        assert os.read(seen, 1) == b"x"
        assert list(pins.leftovers(state, str(tmp_path))) == []
        said = capsys.readouterr().out
        assert f"kept: state folder {state}: process {child.pid} has something pinned there" in said
        os.close(end)
        assert child.wait() == 0
    assert all(clean.attempt(item) for item in pins.leftovers(state, str(tmp_path)))
    for fd in (seen, there):
        os.close(fd)
    assert sorted(os.listdir(tmp_path)) == []


def test_a_copy_of_our_pins_in_another_mount_namespace_is_no_obstacle(tmp_path, sleeper, alone):
    state = str(tmp_path / "nsman")

    def check():
        pin_process(state, "blue", sleeper, ["net"])
        with subprocess.Popen(["unshare", "--mount", "sh", "-c", "echo; exec sleep 600"],
                              stdout=subprocess.PIPE) as process:  # fmt: skip
            process.stdout.readline()
            assert all(clean.attempt(item) for item in pins.leftovers(state, str(tmp_path)))
            left = pathlib.Path(f"/proc/{process.pid}/mountinfo").read_text()
            process.kill()
        assert state not in left

    alone(check)
    assert sorted(os.listdir(tmp_path)) == []


def test_the_folder_is_the_one_that_nsman_takes(monkeypatch, tmp_path):
    monkeypatch.delenv("NSMAN_STATE", raising=False)
    assert pins.own_folder() == ("/run/lcm/nsman", "/run")
    monkeypatch.setenv("NSMAN_STATE", str(tmp_path / "pins"))
    assert pins.own_folder() == (str(tmp_path / "pins"), str(tmp_path))
    monkeypatch.delenv("NSMAN_STATE")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setenv("XDG_RUNTIME_DIR", "/run/user/1000")
    assert pins.own_folder() == ("/run/user/1000/lcm/nsman", "/run/user/1000")
