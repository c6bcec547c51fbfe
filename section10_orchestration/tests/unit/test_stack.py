"""Compose files are read as the specification says, or refused with the place of the mistake."""

import json
import subprocess
import sys

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from section10_orchestration import Dependency, Stack, StackCycle, StackError, start_order


def stack_of(**needs):
    return Stack.parse(yaml.safe_dump({"services": {n: {"image": "x", "depends_on": d} for n, d in needs.items()}}))


def test_both_notations_mean_the_same():
    text = """
services:
  a: {image: x, command: sh -c 'a b', environment: {N: 1, T: true, E: , S: s}, ports: [80, "1:2"]}
  b: {image: x, command: [sh, -c, a b], environment: [N=1, T=true, E, S=s], depends_on: {a: }}
  c: {image: x, depends_on: [a, a]}
"""
    a, b, c = Stack.parse(text).services.values()
    assert a.command == b.command == ("sh", "-c", "a b")
    assert a.environment == b.environment == {"N": "1", "T": "true", "E": None, "S": "s"}
    assert a.ports == ("80", "1:2")
    assert b.depends_on == c.depends_on == (Dependency("a", "service_started"),)


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("services: {a: {}}", "services.a.image"),
        ("services: {a: {image: x, volumes: [y]}}", "services.a: unknown or not supported yet: volumes"),
        ("services: {a: {image: x, depends_on: [b]}}", "services.a.depends_on: there is no service 'b'"),
        ("services: {a: {image: x, depends_on: {a: {condition: later}}}}", "services.a.depends_on.a.condition"),
        ('services: {a: {image: x, command: "sh \'open"}}', "services.a.command"),
        ("services: {a: {image: x, ports: 80}}", "services.a.ports"),
        ("services: [a]", "services: must be"),
        ("services: {1: {image: x}}", "services: must be"),
        ("", "the file"),
        ("a: [", "not YAML"),
        ("a: !!python/object/apply:os.system [true]", "not YAML"),
    ],
)
def test_mistakes_are_named_with_their_place(text, place):
    with pytest.raises(StackError) as caught:
        Stack.parse(text)
    assert place in str(caught.value)


def test_cycles_are_named():
    with pytest.raises(StackCycle) as caught:
        start_order(stack_of(start=["a"], a=["b"], b=["c"], c=["a"], free=[]))
    assert caught.value.cycle == ["a", "b", "c", "a"]
    with pytest.raises(StackCycle, match="a -> a"):
        start_order(stack_of(a=["a"]))


@given(st.lists(st.sets(st.integers(0, 30)), max_size=12))
def test_everybody_starts_once_and_after_what_it_needs(needs):
    order = start_order(stack_of(**{f"s{i}": [f"s{n}" for n in need if n < i] for i, need in enumerate(needs)}))
    assert sorted(order) == sorted(f"s{i}" for i in range(len(needs)))
    assert all(order.index(f"s{n}") < order.index(f"s{i}") for i, need in enumerate(needs) for n in need if n < i)


def test_the_tool(tmp_path):
    path = tmp_path / "stack.yaml"
    path.write_text("services: {web: {image: x, depends_on: [db]}, db: {image: x}}")

    def orchman(*arguments):
        command = [sys.executable, "-m", "section10_orchestration.cli", *arguments]
        return subprocess.run(command, capture_output=True, text=True)

    assert orchman("order", str(path)).stdout == "db\nweb\n"
    assert json.loads(orchman("order", str(path), "--json").stdout) == ["db", "web"]
    assert orchman("validate", str(path)).returncode == 0
    path.write_text("services: {a: {image: x, depends_on: [a]}}")
    bad = orchman("validate", str(path))
    assert (bad.returncode, bad.stderr[:35]) == (125, "orchman: error: services: they wait")
