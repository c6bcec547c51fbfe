"""Memory, processors, pids, devices, units."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minidocker.errors import BadOption
from minidocker.options import Options
from minidocker.paths import StateRoot
from minidocker.translate import resources as r
from minidocker.translate.facts import Facts
from minidocker.units import (
    human_duration,
    human_size,
    moment_text,
    parse_cpus,
    parse_duration,
    parse_moment,
    parse_size,
    rfc3339,
)

NODES = {
    "/dev/fuse": [("/dev/fuse", "c", 10, 229, 0o666, 0, 0)],
    "/dev/snd": [("/dev/snd/a", "c", 116, 1, 0o660, 0, 29), ("/dev/snd/b", "c", 116, 2, 0o660, 0, 29)],
    "/dev": [("/dev/x", "b", 8, 0, 0o660, 0, 6)],
}


def machine(cpus="0-3", mems="0", count=4):
    """Return a machine with these processors and memory nodes."""
    facts = Facts(StateRoot("/root"), "ab" * 32)
    facts.processors, facts.allowed = lambda: count, {"cpus": cpus, "mems": mems}.__getitem__
    return facts


def nodes_of(path):
    if path not in NODES:
        raise FileNotFoundError(2, "No such file or directory", path)
    return NODES[path]


@pytest.mark.parametrize(
    ("text", "size"),
    [("64m", 64 << 20), ("1g", 1 << 30), ("10kb", 10240), ("4KiB", 4096), ("1024", 1024), ("1.5k", 1536), ("7b", 7)],
)
def test_sizes(text, size):
    assert parse_size(text, "--memory") == size


@pytest.mark.parametrize("text", ["", "x", "64x", "1.2.3m", "-1", "m", "."])
def test_bad_sizes_name_flag_and_value(text):
    with pytest.raises(BadOption, match="--memory"):
        parse_size(text, "--memory")


@given(st.integers(0, 2**50))
def test_a_plain_number_is_bytes(number):
    assert parse_size(str(number), "x") == number


def test_durations_and_moments():
    assert parse_duration("1h30m", "x") == 5400
    assert parse_duration("250ms", "x") == 0.25
    assert parse_duration("7", "x") == 7
    assert parse_moment("2026-01-31T12:00:00Z", "x", 0) == 1769860800
    assert parse_moment("2026-01-31T13:00:00+01:00", "x", 0) == 1769860800
    assert parse_moment("10m", "x", 1000) == 400
    with pytest.raises(BadOption, match="--since"):
        parse_moment("yesterday", "--since", 0)


@given(st.integers(1, 4_000_000_000))
def test_rfc3339_round_trip(seconds):
    assert parse_moment(rfc3339(seconds), "x", 0) == seconds


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.4, "Less than a second"), (1, "1 second"), (59, "59 seconds"), (60, "About a minute"), (125, "2 minutes"),
        (3600, "About an hour"), (7300, "2 hours"), (3 * 86400, "3 days"), (15 * 86400, "2 weeks"),
        (70 * 86400, "2 months"), (800 * 86400, "2 years"),
    ],
)  # fmt: skip
def test_docker_s_words_for_spans(seconds, words):
    assert human_duration(seconds) == words


def test_human_size():
    assert [human_size(n) for n in (0, 999, 1982000, 4_500_000_000)] == ["0B", "999B", "1.982MB", "4.5GB"]


def test_memory_and_swap():
    assert r.memory(Options("i", memory="64m")) == {"limit": 64 << 20, "swap": 128 << 20}
    assert r.memory(Options("i", memory="64m", memory_swap="-1"))["swap"] == -1
    assert r.memory(Options("i", memory="64m", memory_swap="64m"))["swap"] == 64 << 20
    assert r.memory(Options("i")) == {}


@pytest.mark.parametrize(
    ("flag", "given_options"),
    [
        ("--memory", {"memory": "1m"}),
        ("--memory-swap", {"memory_swap": "1g"}),
        ("--memory-swap", {"memory": "64m", "memory_swap": "10m"}),
        ("--cpus", {"cpus": "x"}),
        ("--cpus", {"cpus": "1", "cpu_quota": "5000"}),
        ("--cpus", {"cpus": "0.001"}),
        ("--cpuset-cpus", {"cpuset_cpus": "2-1"}),
        ("--cpu-shares", {"cpu_shares": "many"}),
        ("--pids-limit", {"pids_limit": "x"}),
    ],
)
def test_bad_limits_name_the_flag(flag, given_options):
    with pytest.raises(BadOption, match=flag):
        r.resources(Options("i", **given_options), [], machine())


def test_cpu():
    assert parse_cpus("1.5") == 1_500_000_000
    assert r.cpu(Options("i", cpus="0.5", cpuset_cpus="0-1", cpu_shares="512"), machine()) == {
        "quota": 50_000, "period": 100_000, "shares": 512, "cpus": "0-1",
    }  # fmt: skip
    assert r.resources(Options("i", pids_limit="-1"), [], machine()) == {"devices": []}
    assert r.resources(Options("i", pids_limit="20"), [], machine())["pids"] == {"limit": 20}


def test_devices():
    nodes, rules = r.devices(Options("i", device=("/dev/fuse", "/dev/snd:/dev/s:rw")), nodes_of)
    assert [n["path"] for n in nodes] == ["/dev/fuse", "/dev/s/a", "/dev/s/b"]
    assert rules[0] == r.DENY_ALL
    assert [(x["major"], x["minor"], x["access"]) for x in rules[1:]] == [
        (10, 229, "rwm"),
        (116, 1, "rw"),
        (116, 2, "rw"),
    ]


def test_privileged_gets_every_device():
    nodes, rules = r.devices(Options("i", privileged=True), nodes_of)
    assert rules == [{"allow": True, "access": "rwm"}]
    assert [n["path"] for n in nodes] == ["/dev/x"]


@pytest.mark.parametrize("text", ["/dev/none", "fuse", "/dev/fuse:/a:/b:rw", "/dev/fuse:/a:q"])
def test_bad_devices(text):
    with pytest.raises(BadOption, match="--device"):
        r.devices(Options("i", device=(text,)), nodes_of)


def test_a_moment_keeps_its_nanoseconds():
    assert moment_text("2026-01-31T12:00:00.123456789Z", "x", 0) == "2026-01-31T12:00:00.123456789Z"
    assert moment_text("2026-01-31T13:00:00.5+01:00", "x", 0) == "2026-01-31T12:00:00.500000000Z"
    assert moment_text("1769860800", "x", 0) == "2026-01-31T12:00:00.000000000Z"
