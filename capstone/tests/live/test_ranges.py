"""A limit that this machine cannot have is refused before anything is written: flag, value and range in one line."""

from __future__ import annotations

import os

import pytest

pytestmark = [pytest.mark.lane("host"), pytest.mark.needs("root")]

FLAGS = [
    ("--cpuset-cpus", "9999"), ("--cpuset-mems", "1000"), ("--cpu-quota", "5"), ("--cpu-period", "1"),
    ("--cpu-shares", "1"), ("--cpus", "99999"), ("--cpus", "-1"), ("--label", "=x"),
]  # fmt: skip


@pytest.mark.parametrize(("flag", "value"), FLAGS)
@pytest.mark.parametrize("command", ["run", "create"])
def test_refused_before_anything_is_written(minidocker, command, flag, value):
    before = sorted(os.walk(minidocker.root))
    line = minidocker.fails(command, "--network", "none", flag, value, "tiny", "true", code=125)
    assert f"invalid value '{value}' for {flag}: " in line
    assert "cgroup" not in line
    made = {path for path, *_ in os.walk(minidocker.root)} - {path for path, *_ in before}
    assert made <= {f"{minidocker.root}/{name}" for name in ("containers", "volumes")}
    assert minidocker("ps", "-aq") == ""


def test_what_the_machine_has_is_taken(minidocker):
    cpus, count = f"{min(os.sched_getaffinity(0))}", os.cpu_count()
    out = minidocker(
        "run", "--rm", "--network", "none", "--cpuset-cpus", cpus, "--cpuset-mems", "0", "--cpus", str(count),
        "tiny", "grep", "Cpus_allowed_list", "/proc/self/status",
    )  # fmt: skip
    assert out.split() == ["Cpus_allowed_list:", cpus]
    for flags in (("--cpu-quota", "-5"), ("--cpu-quota", "1000"), ("--cpu-period", "1000000"), ("--cpu-period", "0")):
        minidocker("run", "--rm", "--network", "none", *flags, "tiny", "true")


def test_a_volume_s_label_too(minidocker):
    assert "--label" in minidocker.fails("volume", "create", "--label", "=x", "v", code=1)
    assert minidocker("volume", "ls", "-q") == ""
