"""Containers by name, for the tools of lower floors."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

pytestmark = [pytest.mark.lane("host"), pytest.mark.needs("root")]


@pytest.fixture
def target(minidocker, monkeypatch):
    """The module under test, with the runner's root as the default one."""
    from minidocker.engine import target

    monkeypatch.setenv("MINIDOCKER_ROOT", minidocker.root)
    return target


def test_a_running_container_by_name_id_and_prefix(minidocker, target):
    identity = minidocker("run", "-d", "--name", "web", "--network", "none", "tiny", "sleep", "600")
    minidocker("create", "--name", "idle", "--network", "none", "tiny", "true")
    pid = json.loads(minidocker("inspect", "web"))[0]["State"]["Pid"]
    assert [target.container_pid(name) for name in ("web", identity, identity[:12])] == [pid] * 3
    assert [target.container_pid(name) for name in ("idle", "nobody", "ffffffffffff", "")] == [None] * 4
    assert target.container_names() == {pid: "web"}

    tool = [sys.executable, "-c", "from section02_namespaces.cli import main; main()", "inspect", "web", "--json"]
    shown = json.loads(subprocess.run(tool, capture_output=True, check=True).stdout)
    ours = {row["kind"]: row["inode"] for row in shown["namespaces"]}
    assert ours["net"] == os.stat(f"/proc/{pid}/ns/net").st_ino

    tool = [*tool[:3], "ls", "--names", "--json"]
    shown = json.loads(subprocess.run(tool, capture_output=True, check=True).stdout)
    named = {row["kind"]: row["inode"] for row in shown["namespaces"] if row["name"] == "web"}
    assert named["net"] == ours["net"]
    assert "user" not in named

    minidocker("kill", "web")
    assert target.container_pid("web") is None
    assert target.container_names() == {}


def test_a_pid_of_a_dead_shim_is_nobodys(minidocker, target):
    """The shim is killed: status.json still says running, with a pid that may be another's by now."""
    minidocker("run", "-d", "--name", "web", "--network", "none", "tiny", "sleep", "600")
    pid = target.container_pid("web")
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:
        shim = int(file.read().rpartition(")")[2].split()[1])
    os.kill(shim, 9)
    minidocker.until(lambda: not os.path.exists(f"/proc/{shim}"))
    assert target.container_pid("web") is None


def test_where_no_container_was_ever_made_nothing_is_made(tmp_path, monkeypatch):
    from minidocker.engine import target

    monkeypatch.setenv("MINIDOCKER_ROOT", str(tmp_path / "none"))
    assert target.container_pid("web") is None
    assert target.container_names() == {}
    assert not (tmp_path / "none").exists()
