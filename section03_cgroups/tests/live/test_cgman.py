"""cgman as a user runs it: a process, its exit code, what it prints, and what it leaves."""

import json
import os
import subprocess
import sys

import pytest


def cgman(*words):
    command = [sys.executable, "-m", "section03_cgroups.cli", *words]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


@pytest.mark.lane("host", "guest")
def test_run_ends_with_the_commands_code_reports_and_leaves_nothing():
    path = f"/lcm-test-{os.getpid()}-cgman"
    done = cgman("run", "--cgroup", path, "-m", "32m", "--json", "--", "sh", "-c", "sleep 50 & exit 3")
    assert done.returncode == 3
    report = json.loads(done.stderr)
    assert (report["exit_code"], report["memory_limit"], report["oom_kills"]) == (3, 32 << 20, 0)
    assert cgman("stats", path).returncode == 125


@pytest.mark.lane("host", "guest")
def test_run_of_what_is_not_there_is_127_and_of_a_wrong_size_2():
    for words, code in ((("run", "--", "no-such-program"), 127), (("run", "-m", "12x", "--", "true"), 2)):
        done = cgman(*words)
        assert done.returncode == code
        assert done.stderr.startswith("cgman: error: ")


@pytest.mark.lane("host", "guest")
def test_dry_run_makes_nothing():
    path = f"/lcm-test-{os.getpid()}-dry"
    done = cgman("run", "--dry-run", "--cgroup", path, "--pids", "5", "--", "true")
    assert "pids.max = 5" in done.stdout
    assert "join cgroup" in done.stdout
    assert cgman("stats", path).returncode == 125


@pytest.mark.lane("host", "guest")
def test_info_and_tree_agree_with_the_kernel():
    facts = json.loads(cgman("info", "--json").stdout)
    assert facts["mode"] in {"v1", "v2", "hybrid"}
    for row in facts["controllers"]:
        assert os.path.isdir(row["mount"])
    assert json.loads(cgman("tree", "--json").stdout)["path"].startswith("/sys/fs/cgroup")
