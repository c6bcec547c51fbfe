"""A container's folder changed by hand: the error names container, file, reason and what to try; `rm -f` succeeds."""

from __future__ import annotations

import os
import re
import shutil

import pytest

from section01_processes import read_json

pytestmark = [pytest.mark.lane("host"), pytest.mark.needs("root")]


def write(text):
    def change(path):
        with open(path, "w") as file:
            file.write(text)

    return change


def become_folder(path):
    os.unlink(path)
    os.mkdir(path)


def box(minidocker, state):
    """Make the container ``box`` in ``state``; return its folder."""
    identity = minidocker("run", "-d", "--name", "box", "--network", "none", "tiny", "sleep", "600")
    if state == "exited":
        minidocker("kill", "box")
    return f"{minidocker.root}/containers/{identity}"


def refused(minidocker, path, *words):
    """Require the error that names container, file, reason and remedy."""
    line = minidocker.fails(*words, code=1)
    told = re.fullmatch(r"minidocker: error: container box is damaged: (\S+): (.+) \(`minidocker rm -f box` .+\)", line)
    assert told, line
    assert told[1] == path
    assert "Errno" not in told[2]
    assert path not in told[2]


def removed(minidocker, folder):
    """Require that `rm -f` removes it wholly, and what ran of it."""
    assert minidocker("rm", "-f", "box") == "box"
    assert minidocker("ps", "-aq") == ""
    assert not os.path.exists(folder)
    identity = os.path.basename(folder)
    left = [d for _, folders, _ in os.walk("/sys/fs/cgroup") for d in folders if d.startswith(identity)]
    assert left == []


STATUS = {
    "removed": os.unlink, "empty": write(""), "garbage": write("garbage"), "a list": write("[]"),
    "another object": write('{"state": 5}'), "wrong fields": write('{"state": "running", "shim": 5}'),
    "a folder": become_folder,
}  # fmt: skip


@pytest.mark.parametrize("how", STATUS)
def test_the_status_of_a_running_container(minidocker, how):
    folder = box(minidocker, "running")
    path = folder + "/status.json"
    STATUS[how](path)
    for words in (("stop", "-t", "1", "box"), ("kill", "box"), ("start", "box"), ("rm", "box"), ("top", "box")):
        refused(minidocker, path, *words)
    assert minidocker("ps", "--format", "{{.Names}} {{.State}}") == "box dead"
    assert path in minidocker("inspect", "-f", "{{.State.Dead}} {{.State.Error}}", "box")
    assert minidocker("exec", "box", "echo", "still there") == "still there"
    minidocker("stats", "--no-stream")
    removed(minidocker, folder)


@pytest.mark.parametrize("how", ["empty", "garbage", "wrong fields"])
def test_the_status_of_a_container_whose_shim_is_gone(minidocker, how):
    folder = box(minidocker, "running")
    shim = int(read_json(folder + "/status.json")["shim"].split(":")[1])
    STATUS[how](folder + "/status.json")
    os.kill(shim, 9)
    minidocker.until(lambda: minidocker("ps", "-a", "--format", "{{.Names}} {{.State}}") == "box exited")
    assert folder + "/status.json" in minidocker("inspect", "-f", "{{.State.Error}}", "box")
    minidocker("start", "box")
    removed(minidocker, folder)


def test_the_socket_of_a_running_container(minidocker):
    folder = box(minidocker, "running")
    os.unlink(folder + "/sock")
    for words in (("stop", "box"), ("kill", "box"), ("wait", "box"), ("exec", "box", "true")):
        refused(minidocker, folder + "/sock", *words)
    removed(minidocker, folder)


@pytest.mark.parametrize("name", ["lock", "config.json", "shim.json"])
@pytest.mark.parametrize("state", ["running", "exited"])
def test_a_file_that_the_next_start_needs(minidocker, state, name):
    folder = box(minidocker, state)
    os.unlink(f"{folder}/{name}")
    minidocker("stop", "-t", "0", "box")
    refused(minidocker, f"{folder}/{name}", "start", "box")
    removed(minidocker, folder)


@pytest.mark.parametrize("name", ["config.json", "shim.json"])
def test_a_file_that_is_no_json(minidocker, name):
    folder = box(minidocker, "exited")
    write("{")(f"{folder}/{name}")
    refused(minidocker, f"{folder}/{name}", "start", "box")
    removed(minidocker, folder)


def test_a_whole_folder(minidocker):
    folder = box(minidocker, "exited")
    shutil.rmtree(folder)
    refused(minidocker, folder + "/lock", "start", "box")
    removed(minidocker, folder)


def test_a_status_that_names_nobody(minidocker):
    folder = box(minidocker, "running")
    shim = int(read_json(folder + "/status.json")["shim"].split(":")[1])
    write('{"state": "running", "shim": "nobody", "started": "2026-01-31T12:00:00.0Z"}')(folder + "/status.json")
    os.kill(shim, 9)
    minidocker.until(lambda: minidocker("ps", "-a", "--format", "{{.State}}") == "exited")
    removed(minidocker, folder)


@pytest.mark.parametrize("name", ["status.json", "lock"])
def test_a_running_one_without_it_is_removed(minidocker, name):
    folder = box(minidocker, "running")
    os.unlink(f"{folder}/{name}")
    removed(minidocker, folder)


def test_a_damaged_one_harms_no_other(minidocker):
    folder = box(minidocker, "running")
    minidocker("run", "-d", "--name", "other", "--network", "none", "tiny", "sleep", "600")
    write("garbage")(folder + "/status.json")
    listed = minidocker("ps", "--format", "{{.Names}} {{.State}}").splitlines()
    assert sorted(listed) == ["box dead", "other running"]
    assert "other" in minidocker("stats", "--no-stream", "--format", "{{.Name}}")
    minidocker("stop", "-t", "0", "other")
    minidocker("info")
    removed_beside(minidocker, folder)


def removed_beside(minidocker, folder):
    """Require that `rm -f` removes it while another container stays."""
    minidocker("rm", "-f", "box")
    assert not os.path.exists(folder)
    assert minidocker("ps", "-a", "--format", "{{.Names}}") == "other"
