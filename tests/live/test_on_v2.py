"""The same run with limits on pure cgroup v2: in the guest."""

import json
import os
import pathlib

import pytest

pytestmark = [pytest.mark.lane("guest"), pytest.mark.needs("root", "v2", "overlay"), pytest.mark.timeout(300)]
RUN = ("run", "--network", "none")


@pytest.fixture(autouse=True)
def nothing_left(minidocker, no_leaks):
    """After each test: no cgroup, mount, namespace or process that was not there before."""


def cgroup_of(pid):
    text = pathlib.Path(f"/proc/{pid}/cgroup").read_text()
    return pathlib.Path("/sys/fs/cgroup" + next(line[3:] for line in text.splitlines() if line.startswith("0::")))


@pytest.fixture
def start(minidocker):
    """A function that starts a container and returns its id and its cgroup's folder; it is removed in the end."""
    made = []

    def run(*words):
        made.append(minidocker(*RUN, "-d", *words).stdout.strip())
        return made[-1], cgroup_of(json.loads(minidocker("inspect", made[-1]).stdout)[0]["State"]["Pid"])

    yield run
    for identity in made:
        minidocker("rm", "-f", identity)


def inspect(minidocker, name):
    return json.loads(minidocker("inspect", name).stdout)[0]["State"]


def test_limits_are_written(start):
    _, folder = start("-m", "32m", "--cpus", "0.5", "--pids-limit", "20", "tiny", "sleep", "600")
    read = {name: (folder / name).read_text().strip() for name in ("memory.max", "cpu.max", "pids.max")}
    assert read == {"memory.max": str(32 * 2**20), "cpu.max": "50000 100000", "pids.max": "20"}


def test_a_hog_is_killed_at_its_limit(minidocker):
    done = minidocker(*RUN, "--name", "hog", "-m", "16m", "--memory-swap", "16m", "tiny",
                      "sh", "-c", "x=a; while :; do x=$x$x; done", check=False)  # fmt: skip
    state = inspect(minidocker, "hog")
    minidocker("rm", "hog")
    assert (done.returncode, state["OOMKilled"], state["ExitCode"]) == (137, True, 137)


def test_a_fork_bomb_stops_at_the_pids_limit(minidocker, start, until):
    bomb = "b() { b | b & }; b; sleep 600"
    identity, folder = start("--pids-limit", "12", "tiny", "sh", "-c", f"while :; do ({bomb}); done")
    until(lambda: "max 0" not in (folder / "pids.events").read_text())
    most = int((folder / "pids.current").read_text())
    minidocker("kill", identity)
    assert most <= 12


def test_half_a_cpu_is_half_a_cpu(start, require_half_a_cpu):
    _, folder = start("--cpus", "0.5", "tiny", "sh", "-c", "while :; do :; done")

    require_half_a_cpu(lambda: int((folder / "cpu.stat").read_text().split()[1]) / 1e6)


def test_exec_joins_the_cgroup_and_stats_count_it(minidocker, start):
    identity, folder = start("-m", "64m", "tiny", "sleep", "600")
    alone = (folder / "cgroup.procs").read_text().split()
    minidocker("exec", "-d", identity, "sleep", "599")
    joined = (folder / "cgroup.procs").read_text().split()
    assert (len(alone), len(joined)) == (1, 2)
    assert minidocker("exec", identity, "cat", "/proc/self/cgroup").stdout == "0::/\n"
    used = minidocker("stats", "--no-stream", "--format", "{{.PIDs}} {{.MemUsage}}", identity).stdout
    assert used.startswith("2 ")
    assert not used.startswith("2 0B")


def test_a_frozen_container_can_be_killed(minidocker, start, until):
    identity, folder = start("tiny", "sleep", "600")
    (folder / "cgroup.freeze").write_text("1")
    until(lambda: "frozen 1" in (folder / "cgroup.events").read_text())
    minidocker("kill", identity)
    assert minidocker("wait", identity).stdout.strip() == "137"
    assert inspect(minidocker, identity)["OOMKilled"] is False


DEVICES = "cat /dev/null && cat /proc/self/cgroup && mknod /tmp/d b 7 0 && dd if=/tmp/d count=1"


def test_the_cgroup_namespace_hides_the_host_and_devices_are_closed(minidocker):
    text = minidocker(*RUN, "--rm", "tiny", "sh", "-c", DEVICES, check=False)
    assert text.stdout.strip() == "0::/"
    assert "Operation not permitted" in text.stderr  # EPERM is our program's; a mount's nodev would be EACCES


def test_a_device_that_was_given_can_be_read(minidocker):
    node = pathlib.Path("/dev/loop0")
    if not node.exists():
        os.mknod(node, 0o60600, os.makedev(7, 0))
    minidocker(*RUN, "--rm", "--device", f"{node}:{node}:r", "tiny", "dd", f"if={node}", "of=/dev/null", "count=1")
    done = minidocker(*RUN, "--rm", "--device", f"{node}:{node}:r", "tiny", "sh", "-c", f"echo x > {node}", check=False)
    assert "Operation not permitted" in done.stderr
