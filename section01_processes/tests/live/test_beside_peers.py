"""procman tree beside pstree, procman ps beside ps, at the same moment: same processes, parents, groups, states."""

import contextlib
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import time

import pytest

from section01_processes.states import STATES

pytestmark = [pytest.mark.lane("host"), pytest.mark.needs("program:ps", "program:pstree")]
LETTERS = {word: letter for letter, word in STATES.items()}

#: Python has zombies; its shells have sleepers, some of them stopped. 1 + 9 zombies + 10 × (1 + 28) = 300 processes.
ROOT = """
import os, subprocess, time
for n in range(9):
    if os.fork() == 0:
        os._exit(0)
for n in range(10):
    subprocess.Popen(["sh", "-c", "i=0; while [ $i -lt 28 ]; do sleep 600 & i=$((i+1)); done; kill -STOP $!; wait"])
time.sleep(600)
"""


def settled(group):
    """Return whether all 300 are there, and in the states where they stay."""
    states = [s["state"] for s in facts_of(group)]
    return len(states) == 300 and states.count("Z") == 9 and states.count("T") == 10 and "R" not in states


def facts_of(group):
    lines = subprocess.run(["ps", "-eo", "pid=,ppid=,pgid=,stat="], capture_output=True, text=True, check=True).stdout
    rows = [line.split() for line in lines.splitlines()]
    return [{"pid": int(r[0]), "ppid": int(r[1]), "state": r[3][0]} for r in rows if int(r[2]) == group]


@pytest.fixture(scope="module")
def population():
    """Keep 300 processes that do nothing, in one process group; yield the pid of their root."""
    root = subprocess.Popen([sys.executable, "-I", "-S", "-c", ROOT], start_new_session=True)
    try:
        wait_until(lambda: settled(root.pid), "300 processes, sleeping, stopped and dead")
        yield root.pid
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(root.pid, signal.SIGKILL)
        root.wait()
        wait_until(lambda: not facts_of(root.pid), "their end")


def wait_until(condition, what):
    """Wait until ``condition()`` holds: a minute at most."""
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, f"not within a minute: {what}"
        time.sleep(0.05)


def parse_pstree(text):
    """Return parent by pid of ``pstree -p -A -l -T``; the parent of the root is None."""
    parents, branches = {}, {}
    for line in text.splitlines():
        before = None
        for match in re.finditer(r"(-\+-|---|[|`]-|^)([^\s()|`+]+)\((\d+)\)", line):
            joint, pid = match[1], int(match[3])
            column = match.start() + (1 if joint == "-+-" else 0)
            parents[pid] = branches[column] if joint in ("|-", "`-") else before
            if joint == "-+-":
                branches[column] = before
            before = pid
    return parents


def test_our_parser_of_pstree():
    text = "a(1)-+-b(2)---c(3)\n     |-d(4)-+-e(5)\n     |      `-f(6)\n     `-g(7)\n"
    assert parse_pstree(text) == {1: None, 2: 1, 3: 2, 4: 1, 5: 4, 6: 4, 7: 1}


def test_the_tree_is_that_of_pstree(procman, population):
    theirs = parse_pstree(subprocess.run(
        ["pstree", "-p", "-A", "-l", "-T", str(population)], capture_output=True, text=True, check=True
    ).stdout)  # fmt: skip
    ours = {row["pid"]: row for row in json.loads(procman("tree", population, "--json").stdout)}
    assert len(theirs) == 300
    assert {pid: row["parent"] for pid, row in ours.items() if pid != population} == {
        pid: parent for pid, parent in theirs.items() if pid != population
    }


def test_the_drawing_has_the_same_processes_as_the_rows(procman, population):
    drawn = re.findall(r"(\d+) [a-z]", procman("tree", population).stdout)
    rows = [row["pid"] for row in json.loads(procman("tree", population, "--json").stdout)]
    assert [int(pid) for pid in drawn] == rows
    assert len(rows) == 300


def test_the_states_are_those_of_ps(procman, population):
    theirs = {row["pid"]: row["state"] for row in facts_of(population)}
    ours = {row["pid"]: LETTERS[row["state"]] for row in json.loads(procman("tree", population, "--json").stdout)}
    assert ours == theirs


def snapshot():
    """Return pid, ppid, pgid, sid and state of every process, as ps sees them."""
    lines = subprocess.run(
        ["ps", "-eo", "pid=,ppid=,pgid=,sid=,stat="], capture_output=True, text=True, check=True
    ).stdout
    rows = [line.split() for line in lines.splitlines()]
    return {int(r[0]): (int(r[1]), int(r[2]), int(r[3]), r[4][0]) for r in rows}


def switches():
    """Return how often each process has given up or lost the CPU; one that has not run meanwhile has not changed."""
    found = {}
    for path in pathlib.Path("/proc").glob("[0-9]*/status"):
        with contextlib.suppress(OSError):
            found[int(path.parent.name)] = re.findall(r"ctxt_switches:\s+(\d+)", path.read_text(errors="replace"))
    return found


def test_the_whole_machine_agrees_with_ps(procman, population):
    """Ours between two of theirs; judged are those that did not run in between: they cannot have changed."""
    counted, before = switches(), snapshot()
    ours = json.loads(procman("ps", "--json").stdout)
    after, counted_after = snapshot(), switches()
    still = {pid for pid in before if before[pid] == after.get(pid) and counted.get(pid) == counted_after.get(pid)}
    mine = {
        row["pid"]: (row["parent"], row["group"], row["session"], LETTERS[row["state"]])
        for row in ours if row["pid"] in still
    }  # fmt: skip
    assert mine == {pid: before[pid] for pid in still}
    assert len(still) >= 300
