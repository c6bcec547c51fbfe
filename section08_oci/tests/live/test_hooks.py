"""Hooks: who runs, where, in which order, and what a failing or slow one does."""

import os
import stat

import pytest

from section01_processes import LcmError, format_json, parse_json
from section08_oci import OciError, delete, run_hooks

pytestmark = pytest.mark.lane("host", "guest")


def script(path, text):
    with open(path, "w") as file:
        file.write("#!/bin/sh\n" + text)
    os.chmod(path, stat.S_IRWXU)
    return {"path": path, "args": ["hook", os.path.basename(path)], "env": ["PATH=/usr/bin:/bin"]}


def test_order_namespaces_and_state(box):
    log = f"{box.folder}/log"
    line = f'read -r state; echo "$1 $(readlink /proc/self/ns/uts) $state" >> {log}\n'
    kinds = ("prestart", "createRuntime", "createContainer", "poststart", "poststop")
    box.spec["hooks"] = {kind: [script(f"{box.folder}/{kind}", line)] for kind in kinds}
    os.mkdir(f"{box.rootfs}/hooks")
    inner = script(f"{box.rootfs}/hooks/startContainer", "cat > /state\n")
    box.spec["hooks"]["startContainer"] = [{**inner, "path": "/hooks/startContainer", "env": ["PATH=/bin"]}]
    with open(f"{box.folder}/config.json", "w") as file:
        file.write(format_json(box.spec))
    made = box.up("true")
    assert made.child.wait() == 0
    delete(box.state_dir)
    with open(log) as file:
        rows = [row.rstrip("\n").split(" ", 2) for row in file]
    assert [row[0] for row in rows] == list(kinds)
    host = os.readlink("/proc/self/ns/uts")
    assert [row[1] == host for row in rows] == [True, True, False, True, True]
    states = [parse_json(row[2]) for row in rows]
    assert [s["status"] for s in states] == ["creating", "creating", "creating", "running", "stopped"]
    assert states[0]["pid"] == states[2]["pid"] == made.pid
    with open(f"{box.rootfs}/state") as file:
        assert parse_json(file.read())["status"] == "created"


@pytest.mark.parametrize("kind", ["createRuntime", "createContainer"])
def test_a_failing_hook_ends_the_creation(box, kind):
    box.spec["hooks"] = {kind: [script(f"{box.folder}/fails", "exit 4\n")]}
    with pytest.raises(LcmError, match=f"{kind} hook .* ended with status 4"):
        box.create("true")


def test_a_slow_hook_is_killed(tmp_path):
    hook = {**script(f"{tmp_path}/slow", "exec sleep 30\n"), "timeout": 0.1}
    with pytest.raises(OciError, match="took longer than"):
        run_hooks([hook], "createRuntime", {})
