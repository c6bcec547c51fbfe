"""Line 4 of what section 4 shows: jails made, entered and removed again and again, killed at each boundary.

Mounts (of every mount namespace that a process has), namespaces, processes and files are as before. In CI ten rounds;
with ``--full`` a thousand, a kill somewhere in each second one of them.
"""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time

import pytest

from section01_processes import Recorder, spawn
from section04_filesystem import FilesystemError
from section04_filesystem.jailplans import METHODS, Wish, enter, plan_enter
from section04_filesystem.jails import Jails

pytestmark = [pytest.mark.lane("host", full="guest"), pytest.mark.needs("root")]


#: The session of each command that was run, each its own: its leader's pid.
SESSIONS = set()


@pytest.fixture
def jails(tmp_path):
    folder = tmp_path / "jails"
    folder.mkdir(mode=0o700)
    return Jails(str(folder))


@pytest.fixture
def small(tmp_path):
    """Return a folder that is a root with one program: cheaper to copy than the host is to read."""
    (tmp_path / "small/bin").mkdir(parents=True)
    shutil.copy(shutil.which("busybox"), tmp_path / "small/bin/true")
    return str(tmp_path / "small")


def world(jails):
    """Return all that a jail could leave behind: mounts, namespaces, processes of our sessions, descriptors, files."""
    namespaces, mounts, processes = set(), set(), set()
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            names = {os.readlink(f"/proc/{pid}/ns/{kind}") for kind in ("mnt", "pid", "user")}
            text = open(f"/proc/{pid}/mountinfo").read()  # EINVAL: a zombie, which init may reap when it likes
            if os.getsid(int(pid)) in SESSIONS:  # whoever loses his parent still is of his session
                processes.add(pid)
        except OSError:
            continue
        if jails.folder in text:
            mounts.add(f"in {sorted(names)}")
            namespaces |= names
    own = frozenset(line for line in open("/proc/self/mountinfo"))
    files = frozenset(os.listdir(jails.folder))
    return frozenset(mounts), frozenset(namespaces), frozenset(processes), own, len(os.listdir("/proc/self/fd")), files


def settled(jails, before):
    """Return whether the world becomes as it was ``before``; the kernel takes a moment to end a killed namespace."""
    end = time.monotonic() + 10
    while world(jails) != before and time.monotonic() < end:
        time.sleep(0.005)
    return world(jails) == before


def child(run):
    """Run ``run`` in a child with a session of its own; return its exit code."""

    def lead():
        os.setsid()
        return run()

    with spawn(lead) as process:
        SESSIONS.add(process.pid)
        return process.wait()


def go_in(jails, method, crash=""):
    return child(lambda: enter(jails.find("j"), Wish(["true"], method=method), crash=crash))


def boundaries(jails, small):
    """Return every boundary of the plans of create, enter (each method) and rm as (command, process:number)."""
    found = [("create", f"cli:{n}") for n in range(len(jails.plan_create("j", "host").steps))]
    jails.create("j", small)
    for method in METHODS:
        for plan in plan_enter(jails.find("j"), Wish(["true"], method=method)):
            last = plan.steps[-1].act.__name__ == "execute"  # after it there is nobody of ours to be killed
            found += [(method, f"{plan.process}:{n}") for n in range(len(plan.steps) - last)]
    for force in (False, True):
        steps = jails.plan_remove("j", force=force).steps
        found += [("rm -f" if force else "rm", f"release:{n}") for n in range(len(steps))]
    jails.remove("j")
    return found


def kill_at(jails, command, crash):
    """Do ``command``, killed at the boundary ``crash``; return its exit code."""
    process = crash.partition(":")[0]
    if command == "create":
        return child(lambda: jails.create("j", "host", record=Recorder(-1, process, crash)) and 0)
    if command in METHODS:
        return go_in(jails, command, crash)
    return child(lambda: jails.remove("j", force=command == "rm -f", record=Recorder(-1, process, crash)))


def round_with_kill(jails, small, command, crash):
    """Make, enter, remove, killed once on the way; then do what anybody would do next, and tell what went wrong."""
    if command != "create":
        jails.create("j", small)
    code = kill_at(jails, command, crash)
    names = [jail.name for jail in jails.all()]  # ls: it sweeps
    hidden = [name for name in os.listdir(jails.folder) if name[0] == "."]
    problems = [f"not killed, but {code}"] if code != 128 + signal.SIGKILL else []
    problems += [f"ls left {hidden}"] if hidden else []
    if names == ["j"]:
        if go_in(jails, "pivot_root") != 0:
            problems.append("a jail that is shown cannot be entered")
        jails.remove("j", force=True)
    return problems


def test_a_kill_at_every_boundary_leaves_nothing(jails, small, capsys):
    matrix = boundaries(jails, small)
    before, problems = world(jails), []
    for command, crash in matrix:
        found = round_with_kill(jails, small, command, crash)
        if not settled(jails, before):
            found.append("something was left")
        problems += [(command, crash, text) for text in found]
    with capsys.disabled():
        print(f"\njails: killed at {len(matrix)} boundaries")
    assert problems == []


def cycles(jails, count):
    for number in range(count):
        jails.create("j", "host")
        assert go_in(jails, METHODS[number % 2]) == 0
        jails.remove("j")


def test_ten_rounds_leave_nothing(jails):
    before = world(jails)
    cycles(jails, 10)
    assert settled(jails, before)


@pytest.mark.full
@pytest.mark.lane("host")
@pytest.mark.timeout(1800)
def test_a_thousand_rounds_and_five_hundred_kills_leave_nothing(jails, small, capsys):
    matrix = boundaries(jails, small)
    before, began = world(jails), time.monotonic()
    cycles(jails, 1000)
    plain = time.monotonic() - began
    assert settled(jails, before)
    chosen = random.Random(4)
    for _ in range(500):
        command, crash = chosen.choice(matrix)
        assert round_with_kill(jails, small, command, crash) == [], (command, crash)
        assert settled(jails, before), (command, crash)
    killed = time.monotonic() - began - plain
    with capsys.disabled():
        print(f"\njails: 1000 rounds in {plain:.1f} s, 500 kills in {killed:.1f} s")


COMMAND = "from section04_filesystem.cli import main; main()"


@pytest.mark.parametrize("moment", [0.0, 0.3, 0.6, 0.9])
def test_a_command_killed_in_the_middle_of_a_step_leaves_nothing(jails, tmp_path, moment):
    big = tmp_path / "big"
    for number in range(400):
        (big / f"folder{number}").mkdir(parents=True)
        (big / f"folder{number}/file").write_bytes(b"x" * 20000)
    before = world(jails)
    create = [sys.executable, "-c", COMMAND, "--state", jails.folder, "create", "j", "--from", str(big)]
    process = subprocess.Popen(create, start_new_session=True)
    SESSIONS.add(process.pid)
    begun = f"{jails.folder}/.j.new/root"
    while not (os.path.isdir(begun) and len(os.listdir(begun)) >= 400 * moment) and process.poll() is None:
        time.sleep(0.0002)
    process.kill()
    process.wait()
    assert [jail.name for jail in jails.all()] in ([], ["j"])
    for jail in jails.all():
        assert len(os.listdir(jail.root)) == 400
        jails.remove("j")
    assert settled(jails, before)


@pytest.mark.parametrize("method", METHODS)
def test_the_command_dies_with_jailman(jails, method):
    jails.create("j", "host")
    command = [sys.executable, "-c", COMMAND, "--state", jails.folder, "enter", "j", "--method", method, "--",
               "sh", "-c", "echo ready; exec sleep 60"]  # fmt: skip
    before = world(jails)
    with subprocess.Popen(command, stdout=subprocess.PIPE, start_new_session=True) as process:
        SESSIONS.add(process.pid)
        assert process.stdout.readline() == b"ready\n"
        assert world(jails) != before
        with pytest.raises(FilesystemError, match=r"jail j is in use: process \d+ \(.*\) runs in it"):
            jails.remove("j")
        process.kill()
    assert settled(jails, before)


def test_force_ends_who_is_inside_and_jailman_tells_it(jails):
    jails.create("j", "host")
    command = [sys.executable, "-c", COMMAND, "--state", jails.folder]
    with subprocess.Popen([*command, "enter", "j", "--", "sh", "-c", "sleep 60 & echo ready; wait"],
                          stdout=subprocess.PIPE) as process:  # fmt: skip
        assert process.stdout.readline() == b"ready\n"
        (row,) = json.loads(subprocess.run([*command, "ls", "--json"], capture_output=True, check=True).stdout)
        assert len(row["pids"]) >= 3  # jailman's own child, sh, sleep
        assert all(os.path.exists(f"/proc/{pid}") for pid in row["pids"])
        jails.remove("j", force=True)
        assert process.wait() == 128 + signal.SIGKILL
    assert os.listdir(jails.folder) == []


def test_signals_are_passed_on_and_tell_the_exit_code(jails):
    jails.create("j", "host")
    script = "trap 'echo caught; exit 7' TERM; echo ready; while true; do sleep 0.02; done"
    for method, inner, code in (("pivot_root", script, 7), ("chroot", "echo ready; exec sleep 60", 128 + 15)):
        command = [sys.executable, "-c", COMMAND, "--state", jails.folder, "enter", "j", "--method", method, "--"]
        with subprocess.Popen([*command, "sh", "-c", inner], stdout=subprocess.PIPE) as process:
            assert process.stdout.readline() == b"ready\n"
            process.terminate()
            assert process.wait() == code, method
