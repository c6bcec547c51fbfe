"""`stats`: what is used beside what may be used, in docker's columns and words."""

from __future__ import annotations

import json
import os
import re

import pytest

from minidocker.cli.stats import memory_limit
from minidocker.units import binary_size

pytestmark = [pytest.mark.lane("host"), pytest.mark.needs("root")]

HOST = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def test_usage_beside_limit(minidocker):
    minidocker("run", "-d", "--name", "free", "--network", "none", "tiny", "sleep", "600")
    minidocker("run", "-d", "--name", "bound", "--network", "none", "-m", "64m", "tiny", "sleep", "600")
    rows = [json.loads(line) for line in minidocker("stats", "--no-stream", "--format", "json").splitlines()]
    found = {row["Name"]: row["MemUsage"].split(" / ") for row in rows}
    assert {name: limit for name, (_, limit) in found.items()} == {"free": binary_size(HOST), "bound": "64MiB"}
    assert all(re.fullmatch(r"[\d.]+(B|KiB|MiB)", used) for used, _ in found.values())
    assert all(re.fullmatch(r"\d+\.\d\d%", row["MemPerc"]) for row in rows)
    title, *lines = minidocker("stats", "--no-stream").splitlines()
    assert re.split(r"  +", title) == ["CONTAINER ID", "NAME", "CPU %", "MEM USAGE / LIMIT", "MEM %", "PIDS"]
    assert sorted(re.split(r"  +", line)[3].partition(" / ")[2] for line in lines) == sorted(
        ["64MiB", binary_size(HOST)]
    )
    shown = minidocker("stats", "--no-stream", "--format", "{{.MemUsage}}", "bound")
    assert shown.endswith(" / 64MiB")


def test_no_limit_is_the_host_s_memory_and_no_more_than_that():
    assert [memory_limit(n) for n in (-1, 0, 1 << 20, HOST, HOST + 4096)] == [HOST, HOST, 1 << 20, HOST, HOST]


def test_docker_s_sizes():
    assert [binary_size(n) for n in (0, 1023, 536576, 64 << 20, 25275000000, 5 << 40)] == [
        "0B", "1023B", "524KiB", "64MiB", "23.54GiB", "5TiB",
    ]  # fmt: skip
