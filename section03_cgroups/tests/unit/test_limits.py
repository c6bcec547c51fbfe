"""OCI resources → Limits → the files of both versions: pure conversions."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from section03_cgroups import Cgroup, ControllerMissing, Hierarchy, LimitRefused, Limits, plan_cgroup, v1
from section03_cgroups.core import limits as v2

M = 1 << 20


def v2_all(limits):
    return [pair for c in v2.CONTROLLERS for pair in v2.settings(limits, c)]


def v1_all(limits, memsw=None):
    return [pair for c in v2.CONTROLLERS for pair in v1.settings(limits, c, memsw)]


def test_nothing_asked_writes_nothing():
    for empty in ({}, {"cpu": {}, "memory": {}, "pids": {}, "blockIO": None}, {"cpu": {"shares": 0, "quota": 0}}):
        assert v2_all(Limits.from_oci(empty)) == v1_all(Limits.from_oci(empty)) == []


def test_from_oci_reads_every_resource():
    limits = Limits.from_oci({
        "memory": {"limit": 64 * M, "swap": 96 * M, "reservation": 32 * M, "swappiness": 0},
        "cpu": {"shares": 512, "quota": 50000, "period": 100000, "cpus": "0-1", "mems": "0"},
        "pids": {"limit": 10},
        "blockIO": {"weight": 500, "throttleReadBpsDevice": [{"major": 8, "minor": 0, "rate": 1024}]},
        "hugepageLimits": [{"pageSize": "2MB", "limit": 4 * M}],
        "unified": {"memory.high": "1000000"},
    })  # fmt: skip
    assert v2_all(limits) == [
        ("cpuset.cpus", "0-1"), ("cpuset.mems", "0"), ("memory.swap.max", str(32 * M)), ("memory.max", str(64 * M)),
        ("memory.low", str(32 * M)), ("cpu.weight", "59"), ("cpu.max", "50000 100000"), ("io.weight", "4950"),
        ("io.max", "8:0 rbps=1024"), ("pids.max", "10"), ("hugetlb.2MB.max", str(4 * M)),
    ]  # fmt: skip
    assert v1_all(limits) == [
        ("cpuset.cpus", "0-1"), ("cpuset.mems", "0"), ("memory.limit_in_bytes", str(64 * M)),
        ("memory.memsw.limit_in_bytes", str(96 * M)), ("memory.soft_limit_in_bytes", str(32 * M)),
        ("memory.swappiness", "0"), ("cpu.shares", "512"), ("cpu.cfs_period_us", "100000"),
        ("cpu.cfs_quota_us", "50000"), ("blkio.weight", "500"), ("blkio.throttle.read_bps_device", "8:0 1024"),
        ("pids.max", "10"), ("hugetlb.2MB.limit_in_bytes", str(4 * M)),
    ]  # fmt: skip
    assert limits.unified == {"memory.high": "1000000"}


@pytest.mark.parametrize(("shares", "weight"), [(2, 1), (1024, 100), (262144, 10000), (1, 1), (300000, 10000)])
def test_cpu_weight_keeps_the_ends_and_the_default(shares, weight):
    assert v2.cpu_weight(shares) == weight


@given(st.integers(2, 262144), st.integers(2, 262144))
def test_more_shares_never_weigh_less(a, b):
    low, high = sorted((v2.cpu_weight(min(a, b)), v2.cpu_weight(max(a, b))))
    assert 1 <= low <= high <= 10000
    assert v2.cpu_weight(min(a, b)) <= v2.cpu_weight(max(a, b))


@pytest.mark.parametrize(
    ("memory", "swap", "expected"),
    [(64, 64, 0), (64, 128, 64), (64, -1, -1), (64, None, None), (-1, None, -1), (None, None, None), (None, -1, -1)],
)
def test_swap_max_is_the_sum_less_memory(memory, swap, expected):
    assert v2.swap_max(memory, swap) == expected


@pytest.mark.parametrize(("memory", "swap"), [(64, 32), (None, 64), (-1, 64)])
def test_swap_that_contradicts_memory_is_refused_by_both_versions(memory, swap):
    limits = Limits(memory=memory, memory_swap=swap)
    with pytest.raises(LimitRefused):
        v2.settings(limits, "memory")
    with pytest.raises(LimitRefused):
        v1.settings(limits, "memory")


def test_unlimited():
    limits = Limits.from_oci({"memory": {"limit": -1}, "cpu": {"quota": -1}, "pids": {"limit": 0}})
    assert v2_all(limits) == [
        ("memory.swap.max", "max"), ("memory.max", "max"), ("cpu.max", "max 100000"), ("pids.max", "max"),
    ]  # fmt: skip
    assert ("memory.limit_in_bytes", "-1") in v1_all(limits)
    assert ("pids.max", "max") in v1_all(limits)


@pytest.mark.parametrize(
    ("present", "new", "first"),
    [(None, 128 * M, "memory.limit"), (256 * M, 128 * M, "memory.limit"), (64 * M, 128 * M, "memory.memsw"),
     (64 * M, -1, "memory.memsw")],
)  # fmt: skip
def test_v1_writes_the_two_memory_limits_in_the_order_that_the_kernel_takes(present, new, first):
    pairs = v1.settings(Limits(memory=64 * M, memory_swap=new), "memory", present)
    assert pairs[0][0].startswith(first)


def test_unknown_limit_is_refused():
    with pytest.raises(LimitRefused, match="memroy"):
        Limits(memroy=1)


def test_plan_uses_the_version_of_each_controller_and_names_what_is_missing():
    hybrid = Hierarchy("hybrid", {"memory": "/cg/memory", "pids": "/cg/unified"}, "/cg/unified")
    cgroup = Cgroup(hybrid, "minidocker/web/")
    steps = plan_cgroup(cgroup, Limits(memory=M, pids=5, unified={"cgroup.freeze": "0"}))
    assert [s.about for s in steps] == [
        "cgroup /minidocker/web", f"memory.limit_in_bytes = {M}", "pids.max = 5", "cgroup.freeze = 0",
    ]  # fmt: skip
    assert steps[1].args[0].folder == "/cg/memory/minidocker/web"
    assert steps[2].args[0].folder == "/cg/unified/minidocker/web"
    with pytest.raises(ControllerMissing, match=r"cpu\.max"):
        plan_cgroup(cgroup, Limits(cpu_quota=1000))
    only_v1 = Hierarchy("v1", {"memory": "/cg/memory"}, "")
    with pytest.raises(ControllerMissing, match="version 2"):
        plan_cgroup(Cgroup(only_v1, "/a"), Limits(unified={"memory.high": "1"}))
