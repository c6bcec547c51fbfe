"""``course clean`` and what nsman and jailman keep: in folders of the test's own, mounts in namespaces of its own."""

import contextlib
import fcntl
import os
import pathlib
import select
import signal
import subprocess
import tempfile
import time

import pytest

from courseware import clean
from courseware.leftovers import checks, jails, loops, pins
from section01_processes import spawn
from section02_namespaces import CLONE_NEWNS, unshare
from section02_namespaces.pins import pin_process
from section04_filesystem import Jails, MountTable, attach_loop, bind, list_loops, set_propagation

pytestmark = [pytest.mark.lane("host"), pytest.mark.needs("root")]


@pytest.fixture
def folder(tmp_path):
    """A state folder with the jails ``empty`` and ``lived``."""
    (tmp_path / "source" / "bin").mkdir(parents=True)
    made = Jails(str(tmp_path / "above" / "jailman"))
    for name in ("empty", "lived"):
        made.create(name, str(tmp_path / "source"))
    return made.folder


def found(leftovers):
    return [(item.kind, item.name) for item in leftovers]


def names_in(folder):
    return sorted(os.listdir(folder))


@contextlib.contextmanager
def somebody_in(root):
    """A process with this root, for as long as the block."""

    def dwell():
        os.chroot(root)
        os.write(there, b"x")
        signal.pause()

    seen, there = os.pipe()
    with spawn(dwell) as child:
        assert os.read(seen, 1) == b"x"
        yield child.pid
        child.signal(signal.SIGKILL)
        child.wait()
    os.close(seen)
    os.close(there)


def alone(check):
    """Call ``check`` in a child with a mount namespace of its own, in which it may mount; fail as it fails."""

    def run():
        unshare(CLONE_NEWNS)
        set_propagation("/", "rprivate")
        check()

    with spawn(run) as child:
        assert child.wait() == 0


def test_a_dry_run_names_the_jails_and_changes_nothing(folder):
    (jail, other, state) = jails.leftovers(folder, os.path.dirname(folder))
    assert [item.name for item in (jail, other, state)] == [f"empty in {folder}", f"lived in {folder}", folder]
    assert names_in(folder) == ["empty", "lived"]


def test_jails_go_with_their_folder_and_empty_ones_above_it(folder, tmp_path):
    assert all(clean.attempt(item) for item in jails.leftovers(folder, str(tmp_path)))
    assert names_in(tmp_path) == ["source"]
    assert list(jails.leftovers(folder, str(tmp_path))) == []


def test_a_jail_with_somebody_inside_stays_and_is_named(folder, tmp_path, capsys):
    with somebody_in(f"{folder}/lived/root") as pid:
        assert all(clean.attempt(item) for item in jails.leftovers(folder, str(tmp_path)))
        said = capsys.readouterr().out
        assert f"kept: jail lived in {folder}: process {pid} (" in said
        assert f"kept: state folder {folder}: jail lived is in use" in said
        assert names_in(folder) == ["lived"]
        assert os.path.isdir(f"/proc/{pid}")
    assert all(clean.attempt(item) for item in jails.leftovers(folder, str(tmp_path)))
    assert not os.path.exists(folder)


def test_a_jail_that_somebody_enters_after_the_look_is_refused(folder, tmp_path, capsys):
    empty, lived, state = jails.leftovers(folder, str(tmp_path))
    with somebody_in(f"{folder}/lived/root") as pid:
        assert [clean.attempt(item) for item in (empty, lived, state)] == [True, False, False]
        assert f"jail lived is in use: process {pid} (" in capsys.readouterr().err
    assert names_in(folder) == ["lived"]


def test_a_jail_in_which_something_is_mounted_stays_and_so_do_those_files(folder, tmp_path, capfd):
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "file").write_text("keep me")

    def check():
        bind(str(precious), f"{folder}/lived/root/bin")
        assert all(clean.attempt(item) for item in jails.leftovers(folder, str(tmp_path)))

    alone(check)
    assert f"kept: jail lived in {folder}: {folder}/lived/root/bin is mounted" in capfd.readouterr().out
    assert (precious / "file").read_text() == "keep me"
    assert names_in(folder) == ["lived"]


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


def test_what_a_killed_jailman_began_goes_and_what_a_living_one_makes_stays(folder, tmp_path, capsys):
    for name in (".dead.new", ".gone.1.old", ".alive.new"):
        os.makedirs(f"{folder}/{name}/root")
    fd = os.open(f"{folder}/.alive.new", os.O_RDONLY)
    fcntl.flock(fd, fcntl.LOCK_EX)
    items = list(jails.leftovers(folder, str(tmp_path)))
    assert ("unfinished jails", f".dead.new, .gone.1.old in {folder}") in found(items)
    assert f"kept: state folder {folder}: a jailman works on .alive.new" in capsys.readouterr().out
    assert all(clean.attempt(item) for item in items)
    assert names_in(folder) == [".alive.new"]
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
    assert names_in(folder) == [".note.new", "another", "letters", "link"]
    assert pathlib.Path(folder, "letters", "mine").read_text() == "keep me"


def test_an_ordinary_users_jails_are_that_users(tmp_path):
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
        assert names_in(home) == ["source"]
        assert pins.own_folder() == ("/run/user/65534/lcm/nsman", "/run/user/65534")

    with spawn(check) as child:
        assert child.wait() == 0


def attach(path):
    """Make the file ``path`` and attach it for good; return the device."""
    pathlib.Path(path).write_bytes(bytes(1 << 20))
    with attach_loop(str(path)) as device:
        device.set_autoclear(False)
    return device.path


def devices(*wanted):
    """Return which of ``wanted`` are attached, once udev has let go of what it looks at."""
    end = time.monotonic() + 10
    while (there := {str(row["device"]) for row in list_loops() if row["device"] in wanted}) and time.monotonic() < end:
        if all(not row["autoclear"] for row in list_loops() if row["device"] in wanted):
            break
        time.sleep(0.02)
    return there


@pytest.fixture
def detached():
    """A list of devices that are detached in the end, whatever they show."""
    made = []
    yield made
    for row in list_loops():
        if row["device"] in made:
            subprocess.run(["losetup", "-d", row["device"]], check=True)


@pytest.mark.lane("host", "guest")
def test_devices_of_files_below_the_folder_are_detached_and_no_others(folder, tmp_path, detached, capsys):
    files = (f"{folder}/empty/root/a", f"{tmp_path}/b", f"{folder}/lived/root/c")
    inside, other, lived = map(attach, files)
    detached += [inside, other, lived]
    assert found(loops.leftovers(folder)) == [("loop device", f"{inside} of {files[0]}"),
                                          ("loop device", f"{lived} of {files[2]}")]  # fmt: skip
    with somebody_in(f"{folder}/lived/root") as pid:
        items = list(loops.leftovers(folder))
        assert [item.name for item in items] == [f"{inside} of {files[0]}"]
        assert f"kept: loop device {lived} of {files[2]}: process {pid} (" in capsys.readouterr().out
        assert clean.attempt(items[0])
        assert devices(inside, other, lived) == {other, lived}
    assert all(clean.attempt(item) for item in jails.leftovers(folder, str(tmp_path)))
    assert devices(inside, other, lived) == {other}
    assert not os.path.exists(folder)


def test_a_device_that_tells_such_a_path_of_another_mount_namespace_is_somebody_elses(folder, tmp_path, detached):
    (tmp_path / "elsewhere").mkdir()
    pathlib.Path(folder, "disk").write_bytes(bytes(1 << 20))
    seen, there = os.pipe()

    def attach_there():
        unshare(CLONE_NEWNS)
        set_propagation("/", "rprivate")
        bind(str(tmp_path / "elsewhere"), folder)
        os.write(there, attach(f"{folder}/disk").encode())
        signal.pause()

    with spawn(attach_there) as child:
        device = os.read(seen, 100).decode()
        detached.append(device)
        assert [row["file"] for row in list_loops() if row["device"] == device] == [f"{folder}/disk"]
        assert list(loops.leftovers(folder)) == []
        assert loops.shows(device, str(tmp_path / "elsewhere" / "disk"))
        child.signal(signal.SIGKILL)
        child.wait()
    for fd in (seen, there):
        os.close(fd)


def test_a_device_that_shows_another_file_meanwhile_is_not_detached(folder, detached, capsys):
    image = pathlib.Path(folder, "disk")
    device = attach(image)
    detached.append(device)
    (item,) = loops.leftovers(folder)
    image.unlink()
    assert list(loops.leftovers(folder)) == []  # whose it was, nobody can tell any more
    image.write_bytes(bytes(1 << 20))
    assert not clean.attempt(item)
    assert f"{device} shows another file meanwhile" in capsys.readouterr().err
    assert devices(device) == {device}


def test_a_device_in_use_stays(folder, tmp_path, detached, capfd):
    image, device = f"{folder}/disk", attach(f"{folder}/disk")
    detached.append(device)
    other = pathlib.Path(folder, "other")
    other.write_bytes(bytes(1 << 20))
    with attach_loop(str(other)) as own:  # ends with its user, which we are
        assert found(loops.leftovers(folder)) == [("loop device", f"{device} of {image}")]
        assert own.path in [row["device"] for row in list_loops()]

    def check():
        subprocess.run(["mkfs.ext4", "-q", image], check=True)
        (tmp_path / "target").mkdir()
        subprocess.run(["mount", device, tmp_path / "target"], check=True)
        assert list(loops.leftovers(folder)) == []

    alone(check)
    assert f"kept: loop device {device} of {image}: it is mounted at {tmp_path}/target" in capfd.readouterr().out


def test_a_device_of_a_killed_checks_folder_goes_before_it(tmp_path, monkeypatch, detached):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    (tmp_path / "lcm-ex-abcd1234").mkdir()
    detached.append(device := attach(tmp_path / "lcm-ex-abcd1234" / "disk"))
    items = [item for item in checks.leftovers() if str(tmp_path) in item.name]
    assert [item.kind for item in items] == ["loop device", "folder"]
    assert all(clean.attempt(item) for item in items)
    assert devices(device) == set()
    assert names_in(tmp_path) == []


@pytest.fixture
def sleeper():
    """A process in a net namespace of its own."""
    with subprocess.Popen(["unshare", "--net", "--uts", "sh", "-c", "echo; exec sleep 600"],
                          stdout=subprocess.PIPE) as process:  # fmt: skip
        process.stdout.readline()
        yield process.pid
        process.kill()


@pytest.mark.lane("host", "guest")
def test_pinned_namespaces_go_before_their_folder(tmp_path, sleeper):
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
    assert names_in(tmp_path) == ["run"]
    assert names_in(tmp_path / "run") == []


def mounted(folder):
    return [mount.target for mount in MountTable.of() if mount.target.startswith(f"{folder}/")]


def test_what_a_killed_nsman_left_goes_and_what_is_no_pin_stays(tmp_path, sleeper, capfd):
    state = str(tmp_path / "nsman")

    def check():
        pin_process(state, "blue", sleeper, ["net", "uts"])
        subprocess.run(["umount", f"{state}/pins/blue/uts"], check=True)
        os.makedirs(f"{state}/pins/empty")
        pathlib.Path(state, "pins", "mine").write_text("keep me")
        assert [clean.attempt(item) for item in pins.leftovers(state, str(tmp_path))] == [True, False]
        assert mounted(state) == [f"{state}/pins"]
        assert names_in(f"{state}/pins") == ["mine"]
        os.unlink(f"{state}/pins/mine")
        assert all(clean.attempt(item) for item in pins.leftovers(state, str(tmp_path)))
        assert mounted(state) == []
        os.makedirs(f"{state}/pins")  # killed before it had mounted anything
        assert all(clean.attempt(item) for item in pins.leftovers(state, str(tmp_path)))

    alone(check)
    assert "pins is in it" in capfd.readouterr().err
    assert names_in(tmp_path) == []


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
    assert names_in(tmp_path) == []


def test_a_copy_of_our_pins_in_another_mount_namespace_is_no_obstacle(tmp_path, sleeper):
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
    assert names_in(tmp_path) == []


def test_the_folder_is_the_one_that_nsman_takes(monkeypatch, tmp_path):
    monkeypatch.delenv("NSMAN_STATE", raising=False)
    assert pins.own_folder() == ("/run/lcm/nsman", "/run")
    monkeypatch.setenv("NSMAN_STATE", str(tmp_path / "pins"))
    assert pins.own_folder() == (str(tmp_path / "pins"), str(tmp_path))
    monkeypatch.delenv("NSMAN_STATE")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setenv("XDG_RUNTIME_DIR", "/run/user/1000")
    assert pins.own_folder() == ("/run/user/1000/lcm/nsman", "/run/user/1000")
