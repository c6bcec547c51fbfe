"""The same run with limits on pure cgroup v2: in the guest."""

import json
import time

import pytest

pytestmark = [pytest.mark.lane("guest"), pytest.mark.needs("root", "v2", "overlay"), pytest.mark.timeout(300)]


def cgroup_of(pid):
    text = open(f"/proc/{pid}/cgroup", encoding="ascii").read()
    return "/sys/fs/cgroup" + next(line.split("::")[1] for line in text.splitlines() if line.startswith("0::"))


def test_limits_are_written_and_hold(minidocker):
    identity = minidocker("run", "-d", "--network", "none", "-m", "32m", "--cpus", "0.5", "--pids-limit", "20",
                          "tiny", "sleep", "600").stdout.strip()  # fmt: skip
    folder = cgroup_of(json.loads(minidocker("inspect", identity).stdout)[0]["State"]["Pid"])
    read = {
        name: open(f"{folder}/{name}", encoding="ascii").read().strip()
        for name in ("memory.max", "cpu.max", "pids.max")
    }
    minidocker("rm", "-f", identity)
    assert read == {"memory.max": str(32 * 2**20), "cpu.max": "50000 100000", "pids.max": "20"}


def test_a_hog_is_killed_at_its_limit(minidocker):
    done = minidocker("run", "--name", "hog", "-m", "16m", "--memory-swap", "16m", "--network", "none", "tiny",
                      "sh", "-c", "x=a; while :; do x=$x$x; done", check=False)  # fmt: skip
    state = json.loads(minidocker("inspect", "hog").stdout)[0]["State"]
    minidocker("rm", "hog")
    assert (done.returncode, state["OOMKilled"]) == (137, True)


def test_half_a_cpu_is_half_a_cpu(minidocker):
    command = ("sh", "-c", "while :; do :; done")
    identity = minidocker("run", "-d", "--network", "none", "--cpus", "0.5", "tiny", *command).stdout.strip()
    folder = cgroup_of(json.loads(minidocker("inspect", identity).stdout)[0]["State"]["Pid"])

    def used():
        return int(open(f"{folder}/cpu.stat", encoding="ascii").read().split()[1]) / 1e6

    time.sleep(0.5)
    began, first = time.monotonic(), used()
    time.sleep(4)
    share = (used() - first) / (time.monotonic() - began)
    minidocker("rm", "-f", identity)
    assert share == pytest.approx(0.5, abs=0.05)


def test_the_cgroup_namespace_hides_the_host_and_devices_are_closed(minidocker):
    text = minidocker("run", "--rm", "--network", "none", "tiny", "sh", "-c",
                      "cat /proc/self/cgroup; mknod /tmp/d b 7 0 && cat /tmp/d", check=False)  # fmt: skip
    assert text.stdout.strip() == "0::/"
    assert "not permitted" in text.stderr
