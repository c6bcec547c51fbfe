"""Between the first namespace and execve no file of ours is opened: it would be the container's (design.md §6)."""

import os
import subprocess
import sys

import pytest

from section01_processes import format_json
from section07_security import SeccompProfile, docker_seccomp_profile

pytestmark = [pytest.mark.lane("host"), pytest.mark.needs("program:strace")]

PROGRAM = """
import os, sys
from section08_oci import Bundle, ExecOptions, Options, create, exec_process, kill, start
folder, state = sys.argv[1:]
bundle = Bundle(folder)
made = create(bundle, Options("x", state, cgroup_path="/ociman/" + os.path.basename(folder)))
start(state)
inside = exec_process(state, {**bundle.spec["process"], "args": ["true"]}, ExecOptions())
assert inside.child.wait() == 0
made.child.signal(9)
made.child.wait()
"""


def trace(box):
    box.process["args"] = ["sleep", "100"]
    box.process["user"] = {"uid": 7, "gid": 7, "additionalGids": [8]}
    box.process["rlimits"] = [{"type": "RLIMIT_CORE", "soft": 0, "hard": 0}]
    names = box.process["capabilities"]["bounding"]
    box.spec["linux"]["seccomp"] = SeccompProfile.parse(docker_seccomp_profile()).resolve(names)
    with open(f"{box.folder}/config.json", "w") as file:
        file.write(format_json(box.spec))
    out = f"{box.folder}/trace"
    subprocess.run(
        ["strace", "-ff", "-qq", "-e", "trace=open,openat,openat2,execve,unshare,setns,pivot_root,setsid", "-o", out,
         sys.executable, "-c", PROGRAM, box.folder, box.state_dir], check=True, timeout=60, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    traces = []
    for name in os.listdir(box.folder):
        if name.startswith("trace."):
            with open(f"{box.folder}/{name}") as file:
                traces.append(file.read().splitlines())
    return traces


def test_no_python_file_is_opened_inside(box):
    inside = 0
    for lines in trace(box):
        first = next((n for n, line in enumerate(lines) if line.startswith(("unshare(", "setns(", "setsid("))), None)
        if first is None:
            continue  # the runtime itself
        inside += 1
        end = next((n for n, line in enumerate(lines) if n > first and line.startswith("execve(")), len(lines))
        opened = [line for line in lines[first:end] if line.startswith("open")]
        bad = [line for line in opened if ".py" in line or ".so" in line or "site-packages" in line or "/lib" in line]
        assert bad == []
    assert inside == 4  # child and init of create, child and process of exec
