"""What each cheat gets, or does, where nothing stops it: only a cheat that works proves that a defence does.

Two stand-ins for "no defence": the naive grader of ``naive/``, which runs the answer in its own process, and a plain
child without limits.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from courseware.exercises import descendants
from courseware.exercises.place import PROGRAM_FOLDERS

HERE = Path(__file__).parent
KINDS = ("program", "function")
#: What the naive grader must trust to be cheated: pytest's exit status, the score in its output, its results file.
NAIVE = {
    "always_equal": "status",
    "frame_spy": "status",
    "patched_pytest": "status",
    "exit_zero": "status",
    "forged_lines": "lines",
    "reads_the_tests": "status",
    "writes_the_results": "file",
    "network_call": "status",
    "imports_the_reference": "status",
    "executes_the_tool": "status",
}


def naive_scores(folder, kind):
    """Return the scores that the naive grader gives, by what is trusted: status, lines, file."""
    shutil.copy(HERE / "naive" / "score.py", folder / "conftest.py")
    shutil.copy(HERE / "naive" / "judge_answer.py", folder / "test_public.py")
    command = [sys.executable, "-B", "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir=.", "test_public.py"]
    env = {
        "PATH": PROGRAM_FOLDERS,
        "KIND": kind,
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        "PYTEST_ADDOPTS": "-c /dev/null",
    }
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False, timeout=100)
    lines = [line for line in done.stdout.splitlines() if line.startswith("score: ")]
    return {
        "status": 10 if done.returncode == 0 else 0,
        "lines": int(lines[-1].split()[1]) if lines else 0,
        "file": json.loads((folder / "results.json").read_text())["score"] if (folder / "results.json").exists() else 0,
    }


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", NAIVE)
def test_a_grader_in_the_same_process_is_cheated(cheat, name, kind):
    assert naive_scores(cheat(name), kind)[NAIVE[name]] == 10


@pytest.mark.parametrize("kind", KINDS)
def test_that_grader_tells_right_from_wrong_when_nobody_cheats(exercise, tmp_path, kind):
    shutil.copytree(exercise(kind).solution, tmp_path / "right")
    assert naive_scores(tmp_path / "right", kind) == {"status": 10, "lines": 10, "file": 10}
    (tmp_path / "wrong").mkdir()
    (tmp_path / "wrong" / "x.py").write_text("def name(number):\n    return '?'\n\nprint('?')\n")
    assert naive_scores(tmp_path / "wrong", kind) == {"status": 0, "lines": 0, "file": 0}


@pytest.fixture
def loose(cheat, tmp_path):
    """Return a function that starts a cheat as a plain child, without any defence; its group is killed at the end."""
    started = []

    def start(name, **how):
        started.append(subprocess.Popen([sys.executable, "-B", str(cheat(name) / "x.py"), "9"], cwd=tmp_path,
                                        start_new_session=True, **how))  # fmt: skip
        return started[-1]

    yield start
    for child in started:
        try:
            os.killpg(child.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        child.wait()


def wait_until(condition, seconds=60):
    """Wait until the condition holds."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it does no harm at all: no real cheat"
        time.sleep(0.02)


def group(pgrp):
    """Return the stat lines of the processes in the process group."""
    return [stat for stat in descendants.all_stats().values() if stat.pgrp == pgrp]


def test_without_defence_the_memory_hog_takes_more_than_the_limit(exercise, loose):
    child, limit = loose("memory_hog"), exercise("program").limits.memory
    wait_until(lambda: sum(stat.rss for stat in group(child.pid)) * os.sysconf("SC_PAGESIZE") > 3 * limit)


def test_without_defence_the_disk_filler_fills(exercise, loose, tmp_path):
    assert loose("disk_filler").wait(60) == 0
    written = sum(path.stat().st_size for path in tmp_path.glob("fill-*"))
    assert written > 10 * exercise("program").limits.file_size


def test_without_defence_the_flood_comes_in(exercise, loose):
    out, _ = loose("output_flood", stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).communicate(timeout=60)
    assert len(out) > 10 * exercise("program").limits.output


def test_without_defence_the_daemon_stays(daemons, loose):
    before = daemons()
    assert loose("daemon").wait(60) == 0
    wait_until(lambda: set(daemons()) - set(before))
    for pid in set(daemons()) - set(before):
        os.kill(pid, signal.SIGKILL)
    wait_until(lambda: set(daemons()) <= set(before))


def test_without_defence_the_sleeper_sleeps_and_is_not_asked_to_stop(loose):
    child = loose("sleeper")
    wait_until(lambda: "SigIgn:\tfffffffe7ffbfeff" in Path(f"/proc/{child.pid}/status").read_text())
    child.terminate()
    with pytest.raises(subprocess.TimeoutExpired):
        child.wait(1)


@pytest.mark.needs("root", "program:unshare")
@pytest.mark.parametrize(("name", "survives"), [("kill_everybody", False), ("exit_zero", True)])
def test_without_defence_kill_ends_the_grader(cheat, name, survives):
    grader = "import subprocess, sys; subprocess.run(sys.argv[1:]); print('graded')"
    python = [sys.executable, "-B"]
    inner = [*python, "-c", grader, *python, str(cheat(name) / "x.py"), "9"]
    shell = ["unshare", "--pid", "--fork", "--kill-child", "sh", "-c", '"$@"; true', "sh"]  # the shell is PID 1
    done = subprocess.run([*shell, *inner], capture_output=True, text=True, check=False, timeout=100)
    assert ("graded" in done.stdout) == survives


def tasks_of(uid):
    """Yield the pids of a user's processes."""
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            if os.stat(f"/proc/{pid}").st_uid == uid:
                yield int(pid)
        except OSError:
            continue


@pytest.mark.needs("root", "program:unshare", "program:setpriv", "program:prlimit")
def test_without_defence_the_fork_bomb_takes_all_that_a_user_may_have(exercise, cheat):
    folder = cheat("fork_bomb")
    with tempfile.TemporaryDirectory(prefix="lcm-cheats-") as top:
        os.chmod(top, 0o755)
        shutil.copy(folder / "x.py", top)
        # Whatever happens here, it ends by itself: each process after three seconds of CPU time.
        user = ["prlimit", "--nproc=40", "--cpu=3", "setpriv", "--reuid=64322", "--regid=64322", "--clear-groups"]
        command = ["unshare", "--pid", "--fork", *user, sys.executable, "-B", f"{top}/x.py"]
        with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL) as child:
            try:
                wait_until(lambda: len(descendants.below([child.pid])) >= 40)
            finally:
                for init in descendants.children_of(child.pid):  # PID 1 of the namespace: with it all others end
                    os.kill(init, signal.SIGKILL)
            child.wait(60)
        wait_until(lambda: not list(tasks_of(64322)))
    assert exercise("program").limits.processes < 20


@pytest.mark.parametrize("kind", KINDS)
def test_a_link_would_be_the_reference_solution(exercise, tmp_path, kind):
    (tmp_path / "x.py").symlink_to(exercise(kind).solution / "x.py")
    assert naive_scores(tmp_path, kind) == {"status": 10, "lines": 10, "file": 10}
