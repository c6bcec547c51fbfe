"""The demo: what its dry run promises is what it does."""

import os
import pathlib
import re
import subprocess

import pytest

from courseware import demo

CLONE = pathlib.Path(__file__).parents[3]
STRANGER = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"]
BEFORE_SET_UP = ["-I", "-S", "-B", str(CLONE / "courseware" / "project" / "courseware" / "demo.py"), str(CLONE)]

pytestmark = [pytest.mark.lane("host"), pytest.mark.needs("root")]


def planned(*arguments, **environment):
    """Return what the dry run says to a stranger without root, as ./course runs it before anything is installed."""
    done = subprocess.run(
        [*STRANGER, "/usr/bin/python3", *BEFORE_SET_UP, "--dry-run", *arguments], capture_output=True, text=True,
        check=False, timeout=60, cwd="/", env={**os.environ, "HOME": "/nonexistent", **environment},
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


@pytest.fixture
def played(tmp_path):
    """Return a function that runs the demo as root, in a state root of its own."""

    def run(*arguments, **environment):
        done = subprocess.run(
            [CLONE / "course", "demo", *arguments], capture_output=True, text=True, check=False, timeout=120,
            env={**os.environ, "MINIDOCKER_ROOT": str(tmp_path / "state"), **environment},
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        return done

    return run


def actions(text, pattern):
    """Return {process: [action of step 0, of step 1, …]} from the lines of ``text`` that match ``pattern``."""
    found = {}
    for process, number, action in sorted(
        re.findall(pattern, text, re.MULTILINE), key=lambda line: (line[0], int(line[1]))
    ):
        found.setdefault(process, []).append((int(number), action))
    return found


def test_the_dry_run_of_anybody_plans_the_steps_that_root_takes(played):
    done = played("--full")
    real = actions(done.stderr, r"^(\w+) +(\d+) +[\d.]+ ms  (\w+)\(")
    dry = actions(planned("--full"), r"^(\w+) +(\d+)  (\w+)\(")
    assert dry.pop("release")  # of the removal; nobody explains that one
    assert set(real) == {"cli", "shim", "child", "init"}
    assert dry == real
    for promised in ("write_setting", "create_veth", "publish_ports"):
        assert promised in [action for _, action in real["shim"]]


def test_the_dry_run_says_the_limits_in_its_first_lines_and_whose_plan_it_is():
    text = planned()
    assert " ".join(demo.FLAGS) in text
    assert text.startswith("sudo ./course demo would")
    assert "CLONE_NEWUSER" not in planned("--full"), "root's containers need no user namespace"


def test_in_short_every_step_is_in_one_line_that_fits(played):
    done = played(COLUMNS="90")
    steps = re.findall(
        r"^(cli|shim|child|init) +(\d+)(?:–(\d+))? +[\d.]+ ms  (?:MD|§\d+)  .*$", done.stdout, re.MULTILINE
    )
    lines = [line for line in done.stdout.splitlines() if re.match(r"(cli|shim|child|init) +\d", line)]
    assert max(map(len, lines)) <= 90
    assert len(steps) == len(lines) < 60
    for process, plan in demo.plans().items():
        told = [n for name, first, last, *_ in steps if name == process
                for n in range(int(first), int(last or first) + 1)]  # fmt: skip
        assert process == "release" or told == list(range(len(plan.steps)))
    assert "./course demo --full 2>&1 | less -S" in done.stdout
    assert "step's time includes waiting for others" in " ".join(done.stdout.split())


def test_what_to_try_next_stands_in_columns_and_can_be_typed(played):
    rows = played().stdout.partition("What to try next\n")[2].splitlines()
    starts = {row.index(text) for row, (_, text) in zip(rows, demo.NEXT, strict=True)}
    assert len(starts) == 1
    done = subprocess.run(
        [CLONE / "course", "run", "procman", "tree", "self"], capture_output=True, text=True, check=True
    )
    assert "procman" in done.stdout
    assert "kthreadd" not in done.stdout  # a tree of everybody begins with screens of the kernel's threads
