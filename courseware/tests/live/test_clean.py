"""``course clean`` after crashes that really happened: commands are killed, what they leave is found and removed."""

import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time

import pytest

from courseware import clean
from courseware.leftovers import checks, machine, named, remove_tree

pytestmark = pytest.mark.lane("host")

BIN = pathlib.Path(sys.executable).parent
CLONE = pathlib.Path(__file__).parents[3]
#: The answer of an exercise that starts a daemon, and tells its pid.
DAEMON = """
import os, sys, time
if os.fork() == 0:
    os.setsid()
    os.chdir("/")
    print(os.getpid(), flush=True)
    time.sleep(1000)
time.sleep(1000)
"""
CHECK = """
import sys
from courseware.exercises import Exercise
from courseware.exercises.place import interpreter
from courseware.exercises.plugin import place_of
place = place_of(Exercise.read({folder!r}), {answer!r}, sandbox={sandbox})
argv = [interpreter(), place.submission + "/answer.py"]
place.launch(argv, {{"HOME": place.inside, "PYTHONPATH": place.modules}}, 0, 1, 2)
input()
"""


def wait_until(condition, what):
    end = time.monotonic() + 60
    while not (value := condition()):
        assert time.monotonic() < end, what
        time.sleep(0.01)
    return value


def alive(pid):
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] not in "ZX"
    except FileNotFoundError:
        return False


def ours(items, names):
    """Return the leftovers that bear one of ``names``: other tests may run on this machine."""
    return [item for item in items if any(name in item.name for name in names)]


@pytest.mark.parametrize(
    "sandbox", [False, pytest.param(True, marks=pytest.mark.needs("root"))], ids=["plain", "sandbox"]
)
def test_a_killed_check_leaves_nothing_that_clean_does_not_remove(throw_away, answer, tmp_path, monkeypatch, sandbox):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    tmp_path.chmod(0o755)
    exercise = throw_away()
    code = CHECK.format(folder=str(exercise.folder), answer=str(answer(DAEMON)), sandbox=sandbox)
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                          env={**os.environ, "TMPDIR": str(tmp_path)}) as test:  # fmt: skip
        daemon = int(test.stdout.readline())
        if sandbox:
            (daemon,) = wait_until(lambda: sleepers(test.pid), "the daemon is there")
        names = {os.path.basename(path) for path in (*folders(tmp_path), *cgroups(f"lcm-ex-{test.pid}-"))}
        assert names
        assert ours(checks.leftovers(), names) == []  # it is alive, and in use
        assert ours(machine.cgroups(), names) == []
        assert alive(daemon)
        test.kill()
        test.wait()
    if not sandbox:
        assert alive(daemon)
    found = ours([*checks.leftovers(), *machine.cgroups()], names)
    assert names <= {os.path.basename(item.name) for item in found}
    assert all(clean.attempt(item) for item in found)
    wait_until(lambda: not alive(daemon), "the daemon has ended")
    assert folders(tmp_path) == []
    assert not {os.path.basename(path) for path in cgroups("lcm-ex-")} & names


def cgroups(begin):
    return [folder for folder, _, _ in os.walk("/sys/fs/cgroup") if os.path.basename(folder).startswith(begin)]


def folders(top):
    return [path for path in checks.folders() if path.startswith(f"{top}/")]


def sleepers(pid):
    """Return the session leader below ``pid`` that runs the answer."""
    from courseware.exercises import descendants

    found = []
    for stat in descendants.below([pid]):
        with open(f"/proc/{stat.pid}/cmdline", "rb") as file:
            if b"answer.py" in file.read() and stat.session == stat.pid and stat.ppid != pid:
                found.append(stat.pid)
    return found


@pytest.fixture
def procman(tmp_path, monkeypatch):
    """Return procman on a state folder of its own, which ``clean`` takes for this user's; in the end all is killed."""
    state = tmp_path / "procman"
    monkeypatch.setenv("PROCMAN_STATE", str(state))

    def run(*words):
        return subprocess.run([BIN / "procman", *words], check=True, capture_output=True, text=True, timeout=60).stdout

    yield run
    monkeypatch.setenv("PROCMAN_STATE", str(state))
    for item in of_this_test(tmp_path):
        item.remove()


def of_this_test(tmp_path):
    """Yield what ``clean`` finds of named processes, but no lost supervisor of somebody else's."""
    for item in named.leftovers(str(CLONE)):
        if item.kind != "supervisor" or str(tmp_path) in item.name:
            yield item


def status(procman, name):
    return json.loads(procman("status", name, "--json"))["managed"]


def test_named_processes_end_whether_their_supervisor_lives_or_was_killed(procman, tmp_path):
    for name in ("watched", "orphaned"):
        procman("spawn", "--detach", "--restart", "always", "--name", name, "--", "sleep", "1000")
    state = {name: status(procman, name) for name in ("watched", "orphaned")}
    os.kill(state["orphaned"]["supervisor"], signal.SIGKILL)
    found = list(of_this_test(tmp_path))
    assert [item.name for item in found] == ["orphaned", "watched", str(tmp_path / "procman")]
    assert all(clean.attempt(item) for item in found)
    assert not any(alive(one["pid"]) for one in state.values())
    assert not alive(state["watched"]["supervisor"])
    assert not (tmp_path / "procman").exists()


def test_a_supervisor_without_its_folder_ends_with_its_process(procman, tmp_path):
    procman("spawn", "--detach", "--restart", "always", "--name", "lost", "--", "sh", "-c", "sleep 1000; exit")
    lost = status(procman, "lost")
    assert lost["supervisor"] not in [pid for pid, folder in named.supervisors() if not os.path.isdir(folder)]
    remove_tree(str(tmp_path / "procman"))
    (item,) = of_this_test(tmp_path)
    assert clean.attempt(item)
    wait_until(lambda: not alive(lost["pid"]) and not alive(lost["supervisor"]), "both have ended")


def test_state_that_somebody_named_is_kept(procman, tmp_path, monkeypatch):
    procman("spawn", "--detach", "--name", "mine", "--", "sleep", "1000")
    monkeypatch.setenv("PROCMAN_STATE", str(tmp_path / "other"))
    assert list(of_this_test(tmp_path)) == []
    assert str(tmp_path / "procman") in named.elsewhere()


def test_a_process_of_a_lab_without_its_command_is_ended(monkeypatch):
    with subprocess.Popen(["sleep", "1000"], env={**os.environ, "LCM_LAB": "1"}) as lost:
        wait_until(lambda: checks.is_lost_lab(lost.pid), "it has its environment")
        found = [item for item in checks.leftovers() if item.kind == "processes of a lab"]
        assert str(lost.pid) in found[0].name.split()
        monkeypatch.setattr(checks, "is_course", lambda *_: True)  # now with a command above it
        assert not checks.is_lost_lab(lost.pid)
        lost.kill()


@pytest.mark.needs("root")
def test_nothing_is_removed_through_a_mount(tmp_path):
    (tmp_path / "state" / "inner").mkdir(parents=True)
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious" / "file").write_text("x")
    script = f"""
        mount --make-rprivate / && mount --bind {tmp_path}/precious {tmp_path}/state/inner &&
        exec {sys.executable} -c 'from courseware.leftovers import remove_tree; remove_tree("{tmp_path}/state")'"""
    done = subprocess.run(["unshare", "-m", "sh", "-c", script], capture_output=True, text=True, check=False)
    assert "is mounted in it" in done.stderr
    assert (tmp_path / "precious" / "file").exists()
    remove_tree(str(tmp_path / "state"))
    assert (tmp_path / "precious" / "file").exists()


@pytest.mark.needs("root")
def test_a_state_folder_that_is_a_mount_point_is_emptied(tmp_path):
    script = f"""
        mount --make-rprivate / && mkdir {tmp_path}/state && mount -t tmpfs tmpfs {tmp_path}/state &&
        mkdir {tmp_path}/state/inner && : > {tmp_path}/state/file &&
        {sys.executable} -c 'from courseware.leftovers import remove_tree; remove_tree("{tmp_path}/state")' &&
        ls -A {tmp_path}/state | wc -l"""
    done = subprocess.run(["unshare", "-m", "sh", "-c", script], capture_output=True, text=True, check=False)
    assert (done.stdout.strip(), done.stderr) == ("0", "")
