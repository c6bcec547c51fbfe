"""The state folder: names, locks, records, and damage of every kind, told by file and field."""

import json
import os
import subprocess
import sys

import pytest

from section01_processes import LcmError, UsageError
from section01_processes.manager import place
from section01_processes.manager.managed import DamagedState, Managed, NoSuchName, read_all
from section01_processes.manager.record import Spec, Status

SPEC = {"path": "/bin/true", "argv": ["true"], "env": ["A=\udcff"]}


@pytest.fixture
def web(tmp_path):
    """Return the folder of a process that has ended with 3."""
    folder = tmp_path / "web"
    folder.mkdir(mode=0o700)
    Spec(**SPEC).write(str(folder / "spec.json"))
    Status(state="exited", exit_code=3).write(str(folder / "state.json"))
    return folder


def change(path, **fields):
    value = json.loads(path.read_text()) | fields
    path.write_text(json.dumps({k: v for k, v in value.items() if v != "remove"}))


def test_records_come_back_as_they_went_and_are_for_nobody_else(web):
    spec = Spec.read(str(web / "spec.json"))
    assert (spec.argv, spec.env, spec.nice, spec.size) == (["true"], ["A=\udcff"], None, [24, 80])
    assert os.stat(web / "spec.json").st_mode & 0o777 == 0o600
    assert Managed.read(str(web.parent), "web").as_dict().items() >= {"state": "exited", "exit_code": 3}.items()


@pytest.mark.parametrize(
    ("file", "fields", "words"),
    [
        ("state.json", {"state": "flying"}, "no such state"),
        ("state.json", {"restarts": "remove"}, "field 'restarts' is missing"),
        ("state.json", {"restarts": True}, "field 'restarts': int is expected"),
        ("state.json", {"exit_code": "3"}, "field 'exit_code': int or null is expected"),
        ("state.json", {"supervisor": "x"}, "not a process identity: 'x'"),
        ("state.json", {"version": 2}, "field 'version': 1 is expected"),
        ("spec.json", {"argv": []}, "'argv'"),
        ("spec.json", {"argv": [1]}, "'argv'"),
        ("spec.json", {"restart": "yes"}, "invalid restart policy 'yes'"),
        ("spec.json", {"limits": [["NOFILE"]]}, "spec.json"),
        ("spec.json", {"size": [1]}, "'size'"),
    ],
)
def test_damage_is_told_by_file_and_field(web, file, fields, words):
    change(web / file, **fields)
    with pytest.raises(DamagedState) as caught:
        Managed.read(str(web.parent), "web")
    assert words in str(caught.value)
    assert f"{web}/{file}" in str(caught.value)
    assert "procman rm --force web" in str(caught.value)


@pytest.mark.parametrize("text", ["", "{", "[]", "nul", '{"version":1', "\xff\xfe"])
def test_what_is_no_json_is_damage_too(web, text):
    (web / "state.json").write_bytes(text.encode("latin-1"))
    with pytest.raises(DamagedState, match="state of process 'web' is damaged"):
        Managed.read(str(web.parent), "web")


def test_a_damaged_identity_is_told_too(web):
    (web / "process").write_text("1:2\n")
    with pytest.raises(DamagedState, match=f"{web}/process: not a process identity"):
        Managed.read(str(web.parent), "web")
    (web / "process").write_text("")  # a power cut's: no process of this boot
    assert not Managed.read(str(web.parent), "web").alive


def test_what_another_user_keeps_is_not_believed(web, monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: os.stat(web).st_uid + 1)
    with pytest.raises(LcmError, match="belongs to user"):
        Managed.read(str(web.parent), "web")


def test_one_damaged_process_does_not_hide_the_others(web):
    (web.parent / "db").mkdir()
    found, problems = read_all(str(web.parent))
    assert [one.name for one in found] == ["web"]
    assert "'db' is damaged" in str(problems[0])


def test_names():
    for good in ("a", "web-1", "x.y_z", "9a", "a" * 64):
        assert place.check_name(good) == good
    for bad in ("", "-a", ".a", "12", "self", "a/b", "..", "a b", "ä", "a" * 65, "a\n"):
        with pytest.raises(UsageError, match="invalid name"):
            place.check_name(bad)
    with pytest.raises(NoSuchName):
        Managed.read("/nowhere", "../etc")


def test_where_the_state_is(monkeypatch):
    monkeypatch.delenv("PROCMAN_STATE", raising=False)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setenv("XDG_STATE_HOME", "/x")
    assert place.state_folder() == "/x/lcm/procman"
    monkeypatch.setenv("XDG_STATE_HOME", "relative")
    monkeypatch.setenv("HOME", "/home/u")
    assert place.state_folder() == "/home/u/.local/state/lcm/procman"
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert place.state_folder() == "/var/lib/lcm/procman"
    monkeypatch.setenv("PROCMAN_STATE", "/y")
    assert place.state_folder() == "/y"
    assert place.state_folder("/z") == "/z"


def test_the_folder_is_made_for_us_alone_and_refused_when_others_may_write(tmp_path):
    place.make_state_folder(str(tmp_path / "a" / "b"))
    assert os.stat(tmp_path / "a" / "b").st_mode & 0o777 == 0o700
    os.chmod(tmp_path / "a" / "b", 0o777)
    with pytest.raises(LcmError, match="can be written by others"):
        place.make_state_folder(str(tmp_path / "a" / "b"))


def test_a_lock_shows_its_holder_until_that_has_died(web):
    assert not place.supervised(str(web))
    code = "import fcntl, sys; f = open(sys.argv[1], 'w'); fcntl.flock(f, fcntl.LOCK_EX); print(flush=True); input()"
    holder = subprocess.Popen([sys.executable, "-c", code, web / "lock"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    holder.stdout.readline()
    assert place.supervised(str(web))
    assert place.take_lock(str(web / "lock")) == -1
    holder.kill()
    holder.communicate()
    assert not place.supervised(str(web))
    fd = place.take_lock(str(web / "lock"))
    assert fd >= 0
    os.close(fd)
