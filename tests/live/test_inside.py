"""What a container is: seen from inside and from the kernel's files."""

import json
import re

import pytest

pytestmark = [pytest.mark.lane("host"), pytest.mark.needs("root", "nft")]


def running(minidocker, *arguments):
    """Start a detached container; return its id and the pid of its init."""
    identity = minidocker("run", "-d", *arguments).stdout.strip()
    return identity, json.loads(minidocker("inspect", identity).stdout)[0]["State"]["Pid"]


def test_pid_one_with_its_own_hostname_and_only_its_own_processes(minidocker):
    text = minidocker(
        "run", "--rm", "--hostname", "box", "tiny", "sh", "-c", "echo $$; hostname; ps -o pid,args"
    ).stdout
    pid, hostname, _, *processes = text.splitlines()
    assert (pid, hostname) == ("1", "box")
    assert all(re.match(r"\s*\d+ (sh -c|ps -o|\{.*\})", line) for line in processes), processes


def test_a_hog_is_killed_at_its_limit_and_inspect_says_so(minidocker):
    done = minidocker(
        "run", "--name", "hog", "-m", "16m", "--memory-swap", "16m", "--network", "none", "tiny",
        "sh", "-c", "x=a; while :; do x=$x$x; done", check=False,
    )  # fmt: skip
    state = json.loads(minidocker("inspect", "hog").stdout)[0]["State"]
    minidocker("rm", "hog")
    assert (done.returncode, state["OOMKilled"]) == (137, True)


def test_a_fork_bomb_stops_at_the_limit(minidocker):
    script = "i=0; while [ $i -lt 40 ]; do sleep 60 & i=$((i+1)); done; wait"
    done = minidocker("run", "--rm", "--network", "none", "--pids-limit", "10", "tiny", "sh", "-c", script, check=False)
    assert "fork" in done.stderr
    assert "Resource temporarily unavailable" in done.stderr


def test_half_a_cpu_is_half_a_cpu(minidocker, require_half_a_cpu):
    identity, pid = running(
        minidocker, "--rm", "--network", "none", "--cpus", "0.5", "tiny", "sh", "-c", "while :; do :; done"
    )

    def used():
        """CPU seconds of the container, by its cgroup's counters (v1 cpuacct or v2 cpu.stat)."""
        for line in open(f"/proc/{pid}/cgroup", encoding="ascii"):
            number, controllers, path = line.strip().split(":", 2)
            if "cpuacct" in controllers.split(","):
                return int(open(f"/sys/fs/cgroup/cpuacct{path}/cpuacct.usage").read()) / 1e9
            if number == "0" and controllers == "":
                try:
                    text = open(f"/sys/fs/cgroup{path}/cpu.stat").read()
                except FileNotFoundError:
                    continue
                return int(re.search(r"usage_usec (\d+)", text)[1]) / 1e6
        raise AssertionError("no counter")

    try:
        require_half_a_cpu(used)
    finally:
        minidocker("rm", "-f", identity)


FORBIDDEN = (
    "mount -t tmpfs x /mnt",
    "reboot -f",
    "unshare -U true",
    "mknod /dev/sdx b 8 0 && cat /dev/sdx",
    "hostname other",
    "date -s 2020-01-01; false",  # busybox says why and ends with 0
    "swapon /dev/null",
)


@pytest.mark.parametrize("command", FORBIDDEN)
def test_what_a_container_may_not_do(minidocker, command):
    done = minidocker("run", "--rm", "--network", "none", "tiny", "sh", "-c", command, check=False)
    assert done.returncode != 0
    assert re.search("not permitted|denied|must be superuser|can't|Operation", done.stdout + done.stderr)


def test_streams_and_exit_status_come_back(minidocker):
    done = minidocker(
        "run", "--rm", "--network", "none", "tiny", "sh", "-c", "echo out; echo err >&2; exit 7", check=False
    )
    assert (done.stdout, done.stderr, done.returncode) == ("out\n", "err\n", 7)


def test_only_three_descriptors_and_the_declared_environment(minidocker):
    text = minidocker(
        "run", "--rm", "--network", "none", "-e", "A=b", "tiny", "sh", "-c", "ls /proc/self/fd; env"
    ).stdout
    assert {"0", "1", "2"} <= set(text.split()) <= {"0", "1", "2", "3", *text.split()}
    assert len([w for w in text.split() if w.isdigit()]) == 4  # ls itself opens the folder
    names = {line.split("=")[0] for line in text.splitlines() if "=" in line}
    assert names - {"PWD", "SHLVL", "_"} == {"A", "PATH", "HOME", "HOSTNAME"}
