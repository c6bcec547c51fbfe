"""The crash matrix: each process × each boundary between two steps, killed after the call and before its record.

Then any command; nothing may be left. The size of the matrix is printed: it grows with the plan by itself.
"""

import json
import os
import time

import pytest

from courseware import leaks

pytestmark = [pytest.mark.lane("host"), pytest.mark.needs("root", "nft"), pytest.mark.timeout(1800)]

RUNS = {
    "bridge": ("run", "--rm", "--memory", "64m", "--publish", "127.0.0.1::80", "tiny", "true"),
    "none, volume": ("run", "--rm", "--network", "none", "--volume", "/data", "--init", "tiny", "true"),
}


def wait_for_shims(before):
    end = time.monotonic() + 60
    while leaks.snapshot()["shims"] - before["shims"] and time.monotonic() < end:
        time.sleep(0.02)


@pytest.mark.parametrize("kind", RUNS)
def test_a_kill_at_any_boundary_leaves_nothing(minidocker, tmp_path, kind, capsys):
    report = tmp_path / "explain.json"
    command = RUNS[kind]
    minidocker(command[0], f"--explain={report}", *command[1:])
    boundaries = sorted({(s["process"], s["step"]) for s in json.loads(report.read_text())})
    assert {p for p, _ in boundaries} >= {"cli", "shim", "child", "init"}
    before, state = leaks.quiet_snapshot(), minidocker.state()
    problems = []
    for process, number in boundaries:
        minidocker(*command, check=False, env={"LCM_CRASH": f"{process}:{number}"})
        wait_for_shims(before)  # a container whose command alone was killed goes on to its end
        minidocker("ps", "-a")
        left = leaks.wait_until_equal(before) + sorted(f"left behind: {x}" for x in minidocker.state() - state)
        if left:
            problems.append((f"{process}:{number}", left))
            minidocker("system", "check", "--repair", check=False)
            before, state = leaks.quiet_snapshot(), minidocker.state()
    with capsys.disabled():
        print(f"\ncrash matrix ({kind}): {len(boundaries)} boundaries of {len({p for p, _ in boundaries})} processes")
    assert problems == []


@pytest.mark.parametrize("process", ["shim", "init"])
def test_a_kill_while_the_container_runs_leaves_nothing(minidocker, process):
    before, state = leaks.quiet_snapshot(), minidocker.state()
    identity = minidocker("run", "-d", "--rm", "tiny", "sleep", "600").stdout.strip()
    status = json.loads((minidocker.root / "containers" / identity / "status.json").read_text())
    pid = int(status["pid"] if process == "init" else status["shim"].split(":")[1])
    os.kill(pid, 9)
    minidocker("wait", identity, check=False)
    minidocker("ps", "-a")
    assert leaks.wait_until_equal(before) == []
    assert minidocker.state() - state == set()
