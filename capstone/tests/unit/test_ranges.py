"""The ranges of processor limits and the names of labels: docker 20.10's, measured beside its daemon."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minidocker.errors import BadOption
from minidocker.options import Options
from minidocker.paths import StateRoot
from minidocker.translate import resources as r
from minidocker.translate.facts import Facts, allowed_set
from minidocker.translate.view import parse_labels


def machine(cpus="0-1", mems="0", count=2):
    """Return a machine with these processors and memory nodes."""
    facts = Facts(StateRoot("/root"), "ab" * 32)
    facts.processors, facts.allowed = lambda: count, {"cpus": cpus, "mems": mems}.__getitem__
    return facts


REFUSED = [
    ("cpus", "99", "range of CPUs is from 0.01 to 2.00, as there are only 2 CPUs available"),
    ("cpus", "2.01", "from 0.01 to 2.00"), ("cpus", "-1", "from 0.01 to 2.00"), ("cpus", "0.001", "from 0.01 to 2.00"),
    ("cpus", "nan", "not a number"), ("cpus", "inf", "not a number"),
    ("cpu_quota", "5", "not between 1000 and 17592186044415 microseconds"), ("cpu_quota", "999", "between 1000"),
    ("cpu_quota", "99999999999999999999", "between 1000"),
    ("cpu_period", "1", "not between 1000 and 1000000 microseconds"), ("cpu_period", "999", "between 1000"),
    ("cpu_period", "1000001", "between 1000"), ("cpu_period", "-1", "between 1000"),
    ("cpu_shares", "1", "not between 2 and 262144"), ("cpu_shares", "-5", "between 2"),
    ("cpu_shares", "262145", "between 2"),
    ("cpuset_cpus", "99", "requested CPUs are not available, which are 0-1"), ("cpuset_cpus", "0-99", "which are 0-1"),
    ("cpuset_cpus", "0-99999999999999", "which are 0-1"), ("cpuset_cpus", "0,", "not a list"),
    ("cpuset_cpus", "1-0", "not a list"), ("cpuset_cpus", "0-", "not a list"), ("cpuset_cpus", "\u00b2", "not a list"),
    ("cpuset_mems", "7", "requested memory nodes are not available, which are 0"),
]  # fmt: skip


@pytest.mark.parametrize(("flag", "value", "words"), REFUSED)
def test_out_of_range(flag, value, words):
    with pytest.raises(BadOption) as caught:
        r.cpu(Options("i", **{flag: value}), machine())
    assert caught.value.exit_code == 125
    for part in ("--" + flag.replace("_", "-"), repr(value), words):
        assert part in str(caught.value)


TAKEN = [
    ({"cpus": "2"}, {"quota": 200_000, "period": 100_000}), ({"cpus": "0.01"}, {"quota": 1000, "period": 100_000}),
    ({"cpus": "0"}, {}), ({"cpu_quota": "0"}, {}), ({"cpu_period": "0"}, {}), ({"cpu_shares": "0"}, {}),
    ({"cpu_quota": "-1"}, {"quota": -1}), ({"cpu_quota": "-5"}, {"quota": -1}),
    ({"cpu_quota": "1000"}, {"quota": 1000}),
    ({"cpu_period": "1000"}, {"period": 1000}), ({"cpu_period": "1000000"}, {"period": 1_000_000}),
    ({"cpu_shares": "2"}, {"shares": 2}), ({"cpuset_cpus": "1,0", "cpuset_mems": "0"}, {"cpus": "1,0", "mems": "0"}),
]  # fmt: skip


@pytest.mark.parametrize(("values", "expected"), TAKEN)
def test_within_range(values, expected):
    assert r.cpu(Options("i", **values), machine()) == expected


def test_one_processor_and_holes():
    with pytest.raises(BadOption, match=r"from 0\.01 to 1\.00, as there is only 1 CPU available"):
        r.cpu(Options("i", cpus="2"), machine(count=1))
    assert r.cpu(Options("i", cpuset_cpus="5-6"), machine(cpus="0-1,4-7"))["cpus"] == "5-6"
    with pytest.raises(BadOption, match="which are 0-1,4-7"):
        r.cpu(Options("i", cpuset_cpus="1-4"), machine(cpus="0-1,4-7"))


@given(st.sets(st.integers(0, 40), min_size=1), st.sets(st.integers(0, 40), min_size=1))
def test_a_list_is_taken_exactly_when_it_is_a_subset(there, wanted):
    text, facts = ",".join(map(str, wanted)), machine(cpus=",".join(map(str, there)))
    if wanted <= there:
        assert r.cpu(Options("i", cpuset_cpus=text), facts) == {"cpus": text}
    else:
        with pytest.raises(BadOption, match="not available"):
            r.cpu(Options("i", cpuset_cpus=text), facts)


@pytest.mark.parametrize(("kind", "folder"), [("cpus", "cpu"), ("mems", "node")])
def test_this_machine_s_sets_are_those_online_or_fewer(kind, folder):
    try:
        with open(f"/sys/devices/system/{folder}/online") as file:
            online = machine(cpus=file.read().strip())
    except FileNotFoundError:
        online = machine(cpus="0")
    assert r.cpu(Options("i", cpuset_cpus=allowed_set(kind)), online)["cpus"]


@pytest.mark.parametrize("text", ["=x", "=", "", " =x", "\t", "a b=x", "a\tb", "a =x"])
def test_labels_that_docker_refuses(text):
    with pytest.raises(BadOption, match="--label"):
        parse_labels((text,))


def test_labels_that_docker_takes():
    given = ("a", "b=", "c=d=e f", " g=x", "a\n=x", "b=again")
    assert parse_labels(given) == {"a": "", "b": "again", "c": "d=e f", " g": "x", "a\n": "x"}
