"""``course clean`` and loop devices of files in jailman's folder: of the test's own, detached in the end."""

import os
import pathlib
import signal
import subprocess
import tempfile
import time

import pytest

from courseware import clean
from courseware.leftovers import checks, jails, loops
from section01_processes import spawn
from section02_namespaces import CLONE_NEWNS, unshare
from section04_filesystem import attach_loop, bind, list_loops, set_propagation

pytestmark = [pytest.mark.lane("host"), pytest.mark.needs("root")]


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
def test_devices_of_files_below_the_folder_are_detached_and_no_others(
    folder, tmp_path, detached, capsys, found, somebody_in
):
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


def test_a_device_in_use_stays(folder, tmp_path, detached, capfd, found, alone):
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
    assert sorted(os.listdir(tmp_path)) == []
