"""``course clean`` and the jails of jailman: in folders of the test's own."""

import fcntl
import os
import pathlib

import pytest

from courseware import clean
from courseware.leftovers import jails, pins
from section01_processes import spawn
from section04_filesystem import Jails, bind

pytestmark = [pytest.mark.lane("host"), pytest.mark.needs("root")]


def test_a_dry_run_names_the_jails_and_changes_nothing(folder):
    (jail, other, state) = jails.leftovers(folder, os.path.dirname(folder))
    assert [item.name for item in (jail, other, state)] == [f"empty in {folder}", f"lived in {folder}", folder]
    assert sorted(os.listdir(folder)) == ["empty", "lived"]


def test_jails_go_with_their_folder_and_empty_ones_above_it(folder, tmp_path):
    assert all(clean.attempt(item) for item in jails.leftovers(folder, str(tmp_path)))
    assert sorted(os.listdir(tmp_path)) == ["source"]
    assert list(jails.leftovers(folder, str(tmp_path))) == []


def test_a_jail_with_somebody_inside_stays_and_is_named(folder, tmp_path, capsys, somebody_in):
    with somebody_in(f"{folder}/lived/root") as pid:
        assert all(clean.attempt(item) for item in jails.leftovers(folder, str(tmp_path)))
        said = capsys.readouterr().out
        assert f"kept: jail lived in {folder}: process {pid} (" in said
        assert f"kept: state folder {folder}: jail lived is in use" in said
        assert sorted(os.listdir(folder)) == ["lived"]
        assert os.path.isdir(f"/proc/{pid}")
    assert all(clean.attempt(item) for item in jails.leftovers(folder, str(tmp_path)))
    assert not os.path.exists(folder)


def test_a_jail_that_somebody_enters_after_the_look_is_refused(folder, tmp_path, capsys, somebody_in):
    empty, lived, state = jails.leftovers(folder, str(tmp_path))
    with somebody_in(f"{folder}/lived/root") as pid:
        assert [clean.attempt(item) for item in (empty, lived, state)] == [True, False, False]
        assert f"jail lived is in use: process {pid} (" in capsys.readouterr().err
    assert sorted(os.listdir(folder)) == ["lived"]


def test_a_jail_in_which_something_is_mounted_stays_and_so_do_those_files(folder, tmp_path, capfd, alone):
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "file").write_text("keep me")

    def check():
        bind(str(precious), f"{folder}/lived/root/bin")
        assert all(clean.attempt(item) for item in jails.leftovers(folder, str(tmp_path)))

    alone(check)
    assert f"kept: jail lived in {folder}: {folder}/lived/root/bin is mounted" in capfd.readouterr().out
    assert (precious / "file").read_text() == "keep me"
    assert sorted(os.listdir(folder)) == ["lived"]


def test_a_folder_that_is_another_users_is_kept(folder, tmp_path, capfd):
    """As where an ordinary user's JAILMAN_STATE is root's."""
    for path in (*list(tmp_path.parents)[:-2], tmp_path, pathlib.Path(folder).parent):
        path.chmod(path.stat().st_mode | 0o011)

    def check():
        os.setgid(65534)
        os.setuid(65534)
        assert list(jails.leftovers(folder, str(tmp_path))) == []

    with spawn(check) as child:
        assert child.wait() == 0
    assert f"kept: state folder {folder}: it is not ours to change" in capfd.readouterr().out


def test_what_a_killed_jailman_began_goes_and_what_a_living_one_makes_stays(folder, tmp_path, capsys, found):
    for name in (".dead.new", ".gone.1.old", ".alive.new"):
        os.makedirs(f"{folder}/{name}/root")
    fd = os.open(f"{folder}/.alive.new", os.O_RDONLY)
    fcntl.flock(fd, fcntl.LOCK_EX)
    items = list(jails.leftovers(folder, str(tmp_path)))
    assert ("unfinished jails", f".dead.new, .gone.1.old in {folder}") in found(items)
    assert f"kept: state folder {folder}: a jailman works on .alive.new" in capsys.readouterr().out
    assert all(clean.attempt(item) for item in items)
    assert sorted(os.listdir(folder)) == [".alive.new"]
    os.close(fd)
    assert all(clean.attempt(item) for item in jails.leftovers(folder, str(tmp_path)))
    assert not os.path.exists(folder)


def test_what_is_no_jail_is_kept_and_named(folder, tmp_path, capsys):
    """As where somebody has set JAILMAN_STATE to a folder with files of his own."""
    os.mkdir(f"{folder}/letters")
    pathlib.Path(folder, "letters", "mine").write_text("keep me")
    os.symlink("/etc", f"{folder}/link")
    pathlib.Path(folder, ".note.new").write_text("keep me")
    os.symlink(f"{folder}/lived", f"{folder}/another")
    assert all(clean.attempt(item) for item in jails.leftovers(folder, str(tmp_path)))
    assert f"kept: state folder {folder}: .note.new in it is no jail" in capsys.readouterr().out
    assert sorted(os.listdir(folder)) == [".note.new", "another", "letters", "link"]
    assert pathlib.Path(folder, "letters", "mine").read_text() == "keep me"


def test_an_ordinary_users_jails_are_that_users(tmp_path, found):
    tmp_path.chmod(0o755)
    home = tmp_path / "home"
    (home / "source").mkdir(parents=True)
    for path in (home, home / "source"):
        os.chown(path, 65534, 65534)
    for path in list(tmp_path.parents)[:-2]:
        path.chmod(path.stat().st_mode | 0o011)

    def check():
        os.setgroups([])
        os.setgid(65534)
        os.setuid(65534)
        os.environ.clear()
        os.environ["HOME"] = str(home)
        folder, stop = jails.own_folder()
        assert (folder, stop) == (f"{home}/.local/share/jailman", str(home))
        assert list(jails.leftovers(folder, stop)) == []
        Jails(folder).create("mine", str(home / "source"))
        assert found(jails.leftovers(folder, stop)) == [("jail", f"mine in {folder}"), ("state folder", folder)]
        assert all(clean.attempt(item) for item in jails.leftovers(folder, stop))
        assert sorted(os.listdir(home)) == ["source"]
        assert pins.own_folder() == ("/run/user/65534/lcm/nsman", "/run/user/65534")

    with spawn(check) as child:
        assert child.wait() == 0
