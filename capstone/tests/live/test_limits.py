"""Limits and confinement, as the kernel counts and says them."""

from __future__ import annotations

import time

import pytest

pytestmark = [pytest.mark.lane("host"), pytest.mark.needs("root")]


def test_a_hog_is_killed_at_its_limit_and_inspect_says_so(minidocker):
    hog = "x=aaaaaaaaaaaaaaaa; while :; do x=$x$x; done"
    script = f"sh -c '{hog}'; echo survived"
    out = minidocker("run", "--name", "hog", "--network", "none", "-m", "8m", "tiny", "sh", "-c", script)
    assert out.endswith("survived")
    assert minidocker("inspect", "-f", "{{.State.OOMKilled}}", "hog") == "true"
    minidocker("run", "--name", "direct", "--network", "none", "-m", "8m", "tiny", "sh", "-c", hog, code=137)
    assert minidocker("inspect", "-f", "{{.State.OOMKilled}} {{.State.ExitCode}}", "direct") == "true 137"


def test_a_fork_bomb_stops_at_the_pids_limit(minidocker):
    script = "i=0; while [ $i -lt 40 ]; do sleep 60 & i=$((i+1)); done 2>&1; ls -d /proc/[0-9]* | wc -l"
    done = minidocker.run("run", "--rm", "--network", "none", "--pids-limit", "15", "tiny", "sh", "-c", script)
    assert "fork" in done.stdout + done.stderr


def test_half_a_processor_is_half_a_processor(minidocker, yardstick):
    """Never more; and half of one, or what a busy machine leaves to those without a limit, too.

    The 4 s at ±0.05 are the acceptance test's.
    """
    script = (
        "f=$(ls /sys/fs/cgroup/cpuacct/cpuacct.usage /sys/fs/cgroup/cpu.stat 2>/dev/null | head -1); "
        "(while :; do :; done) & sleep 0.5; "
        "used() { case $f in *usage) cat $f;; *) awk '/usage_usec/{print $2 \"000\"}' $f;; esac; }; "
        "look() { cut -d' ' -f1 /proc/uptime; used; cut -d' ' -f1 /proc/uptime; }; "
        "look; sleep 2; look; kill $!"
    )

    def reaches_half():
        first, start = yardstick(), time.monotonic()
        out = minidocker("run", "--rm", "--network", "none", "--cpus", "0.5", "tiny", "sh", "-c", script)
        early, before, began, ended, after, late = map(float, out.split())
        used = (after - before) / 1e9
        free = (yardstick() - first) / (time.monotonic() - start)
        assert used / (late - early) <= 0.6, out
        return used / (ended - began) >= min(0.4, 0.8 * free)

    minidocker.until(reaches_half)


STATUS = "grep -E '^(Cap|Seccomp:|NoNewPrivs)' /proc/self/status"


def test_docker_s_capabilities_and_seccomp(minidocker):
    lines = dict(
        line.split(":\t")
        for line in minidocker("run", "--rm", "--network", "none", "tiny", "sh", "-c", STATUS).splitlines()
    )
    assert lines == {
        "CapInh": "0000000000000000",
        "CapPrm": "00000000a80425fb",
        "CapEff": "00000000a80425fb",
        "CapBnd": "00000000a80425fb",
        "CapAmb": "0000000000000000",
        "NoNewPrivs": "0",
        "Seccomp": "2",
    }


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        (("--cap-drop", "ALL"), "CapEff:\t0000000000000000"),
        (("--cap-drop", "ALL", "--cap-add", "CHOWN"), "CapEff:\t0000000000000001"),
        (("--security-opt", "no-new-privileges"), "NoNewPrivs:\t1"),
        (("--security-opt", "seccomp=unconfined"), "Seccomp:\t0"),
        (("--privileged",), "Seccomp:\t0"),
        (("-u", "7"), "CapEff:\t0000000000000000"),
    ],
)
def test_flags_that_change_it(minidocker, flags, expected):
    assert expected in minidocker("run", "--rm", "--network", "none", *flags, "tiny", "sh", "-c", STATUS).splitlines()


@pytest.mark.parametrize(
    "words", [("mount", "-t", "tmpfs", "none", "/tmp"), ("unshare", "-U", "true"), ("reboot", "-f")]
)
def test_refused_as_under_docker(minidocker, words):
    done = minidocker.run("run", "--rm", "--network", "none", "tiny", *words)
    assert done.returncode not in {0, 125}
    assert "ermi" in done.stderr or "ermi" in done.stdout or words[0] == "reboot"


def test_masked_and_read_only_paths(minidocker):
    script = "cat /proc/kcore | wc -c; echo 1 > /proc/sys/kernel/panic; ls /proc/acpi /sys/firmware | wc -l"
    done = minidocker.run("run", "--rm", "--network", "none", "tiny", "sh", "-c", script)
    assert "Read-only file system" in done.stderr
    open_one = minidocker(
        "run", "--rm", "--network", "none", "--privileged", "tiny", "sh", "-c", "mount -t tmpfs none /tmp; echo $?"
    )
    assert open_one == "0"


def test_devices(minidocker):
    out = minidocker(
        "run",
        "--rm",
        "--network",
        "none",
        "--device",
        "/dev/null:/dev/nothing:r",
        "tiny",
        "sh",
        "-c",
        "cat /dev/nothing; ls -l /dev/nothing /dev/null",
    )
    assert out.count("1,   3") == 2
    assert "fuse" not in minidocker("run", "--rm", "--network", "none", "tiny", "ls", "/dev").split()


def test_sysctl_shm_and_cpuset(minidocker):
    script = "cat /proc/sys/net/ipv4/ip_default_ttl; df -k /dev/shm | tail -1; grep Cpus_allowed_list /proc/self/status"
    flags = ("--sysctl", "net.ipv4.ip_default_ttl=33", "--shm-size", "1m", "--cpuset-cpus", "0", "--network", "none")
    out = minidocker("run", "--rm", *flags, "tiny", "sh", "-c", script)
    assert out.splitlines()[0] == "33"
    assert " 1024 " in out
    assert out.splitlines()[-1].split()[-1] == "0"


def test_stats_and_top(minidocker):
    minidocker("run", "-d", "--name", "box", "--network", "none", "-m", "16m", "tiny", "sleep", "99")
    assert "sleep 99" in minidocker("top", "box")
    name, pids = minidocker("stats", "--no-stream", "--format", "{{.Name}} {{.PIDs}}").split()
    assert (name, pids) == ("box", "1")
