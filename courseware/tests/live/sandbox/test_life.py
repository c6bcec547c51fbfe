"""A sandbox's beginning, its processes, and its end: also the end of whoever made it."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from courseware.exercises import ExerciseError, sandbox, sandbox_init
from courseware.exercises.place import PROGRAM_FOLDERS, interpreter
from courseware.exercises.sandbox import SandboxPlace
from section01_processes import LcmError

pytestmark = [pytest.mark.lane("host"), pytest.mark.needs("userns")]


def test_nothing_is_left_on_the_machine(exercise, no_leaks):
    task = exercise()
    place = SandboxPlace(task, task.folder / "answer")
    daemon = "import os, time\nfor _ in range(2):\n    os.fork() and os._exit(0)\n    os.setsid()\ntime.sleep(1000)"
    for source in (daemon, "import time; time.sleep(1000)"):
        place.launch([interpreter(), "-c", source], {}, 0, 1, 2)
    place.close()
    place.close()


def test_exit_status_and_signal_come_back(inside):
    box = inside()
    status, _ = box.run("import sys; sys.exit(7)")
    assert os.waitstatus_to_exitcode(status) == 7
    process = box.start("import time; time.sleep(1000)")
    assert process.wait(0) is None
    signal.pidfd_send_signal(process.pidfd, signal.SIGTERM)
    assert process.wait(60) == signal.SIGTERM
    assert process.wait(0) == signal.SIGTERM


def test_the_status_can_be_asked_for_after_the_end_of_the_sandbox(inside):
    box = inside()
    done, running = box.start("raise SystemExit(3)"), box.start("import time; time.sleep(1000)")
    assert done.wait(60) == 3 << 8
    box.close()
    assert (done.wait(0), running.wait(0)) == (3 << 8, signal.SIGKILL)


def test_processes_of_one_sandbox_see_each_other(inside):
    box = inside()
    first = box.start("import time; time.sleep(1000)")
    second = box.run("import os; print(sorted(int(p) for p in os.listdir('/proc') if p.isdigit()), os.getppid())")
    assert second[0] == 0
    assert second[1].startswith("[1, 2, ")
    assert second[1].endswith("] 0\n"), "its parent is the test process, outside"
    with open(f"/proc/{first.pid}/status", encoding="utf-8") as file:
        assert "NSpid:\t" + f"{first.pid}\t2\n" in file.read()


def test_orphans_are_buried(inside):
    box = inside()
    source = """
        import os, time
        if os.fork() == 0:
            os.fork()
            os._exit(0)
        os.wait()
        while (left := [p for p in os.listdir("/proc") if p.isdigit()]) != ["1", str(os.getpid())]:
            time.sleep(0.01)
        print(left[0])
    """
    assert box.run(source) == (0, "1\n")


def test_what_cannot_be_started_is_an_error_and_the_sandbox_goes_on(inside):
    box = inside()
    before = os.listdir("/proc/self/fd")
    with pytest.raises(LcmError, match="No such file"):
        box.place.launch(["/usr/bin/nothing"], {}, 0, 1, 2)
    assert os.listdir("/proc/self/fd") == before
    with pytest.raises(LcmError, match="Permission denied"):
        box.place.launch(["/submission/answer.py"], {}, 0, 1, 2)
    assert box.run("print('well')") == (0, "well\n")


def test_environment_and_descriptors_are_those_that_were_given(inside):
    box = inside()
    os.set_inheritable(extra := os.open("/dev/null", os.O_RDONLY), True)
    try:
        status, text = box.run("import os; print(sorted(os.environ), os.listdir('/proc/self/fd'), os.umask(0))")
    finally:
        os.close(extra)
    assert (status, text) == (0, "['HOME', 'PATH', 'PYTHONPATH'] ['0', '1', '2', '3'] 18\n")


@pytest.mark.parametrize("crash", ["build_root", "enter_user_namespace", "set_dumpable", "unshare"])
def test_a_sandbox_that_cannot_be_made_says_why_and_leaves_nothing(exercise, nothing_of_ours_left, monkeypatch, crash):
    task = exercise()

    def fail(*_):
        raise OSError(28, "No space left on device", crash)

    monkeypatch.setattr(sandbox_init, crash, fail)
    with pytest.raises(LcmError, match=f"no sandbox here: .*{crash}"):
        SandboxPlace(task, task.folder / "answer")


def test_an_init_that_dies_early_is_an_error_too(exercise, nothing_of_ours_left, monkeypatch):
    task = exercise()
    monkeypatch.setattr(sandbox_init, "build_root", lambda _: os.kill(os.getpid(), signal.SIGKILL) or os._exit(1))
    with pytest.raises(LcmError, match="its init was killed"):
        SandboxPlace(task, task.folder / "answer")


def test_a_program_that_the_machine_does_not_have_is_named(exercise, nothing_of_ours_left):
    task = exercise(programs=("no-such-program",))
    with pytest.raises(LcmError, match="no-such-program"):
        SandboxPlace(task, task.folder / "answer")


def test_a_link_in_the_submission_is_refused_before_anything_is_made(exercise, nothing_of_ours_left):
    task = exercise()
    answer = task.folder / "answer" / "answer.py"
    answer.unlink()
    answer.symlink_to("/etc/passwd")
    with pytest.raises(ExerciseError, match="symbolic link"):
        SandboxPlace(task, task.folder / "answer")


def test_everything_in_it_dies_with_the_test_process(exercise):
    task = exercise()
    program = """
import os, signal, sys
from courseware.exercises import Exercise
from courseware.exercises.place import interpreter
from courseware.exercises.sandbox import SandboxPlace
task = Exercise.read(sys.argv[1])
place = SandboxPlace(task, task.folder / "answer")
process = place.launch([interpreter(), "-c", "import time; time.sleep(1000)"], {}, 0, 1, 2)
print(place.init, process.pid, *(place._spec.cgroup.folders() if place._spec.cgroup else ()), flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""
    done = subprocess.run(
        [sys.executable, "-c", program, str(task.folder)],
        env={"PATH": PROGRAM_FOLDERS},
        stdout=subprocess.PIPE,
        timeout=100,
        check=False,
    )
    assert done.returncode == -signal.SIGKILL
    init, process, *folders = done.stdout.decode().split()
    end = time.monotonic() + 60
    while any(os.path.exists(f"/proc/{pid}") for pid in (init, process)):
        assert time.monotonic() < end, "the sandbox outlives the process that made it"
        time.sleep(0.02)
    for folder in folders:
        os.rmdir(folder)  # ./course clean does it: a cgroup has no owner who could die


def test_in_a_cgroup_of_its_own_where_we_may_make_one(inside):
    box = inside(memory="64M", processes=5)
    cgroup = box.place._spec.cgroup
    if cgroup is None:
        assert os.geteuid() != 0
        return
    process = box.start("import time; time.sleep(1000)")
    assert sorted(cgroup.pids()) == sorted([box.place.init, process.pid])
    stats = cgroup.stats()
    assert (stats.memory_limit, stats.pids_limit) == (64 * 1024**2 + sandbox.OUR_MEMORY, 5 + sandbox.OUR_TASKS)
    box.close()
    assert not cgroup.exists()


@pytest.mark.needs("program:unshare")
@pytest.mark.parametrize(("allowed", "wanted"), [("100", "the answer"), ("0", "LCM-US-03")])
def test_a_containers_root_has_a_sandbox_too_or_hears_why_not(exercise, tmp_path, allowed, wanted):
    task = exercise()
    program = """
import sys
import tempfile
from courseware.exercises import Exercise
from courseware.exercises.place import interpreter
from courseware.exercises.sandbox import SandboxPlace
task = Exercise.read(sys.argv[1])
try:
    place = SandboxPlace(task, task.folder / "answer")
except Exception as error:
    sys.exit(str(error))
process = place.launch([interpreter(), "/submission/answer.py"], {}, 0, 1, 2)
process.wait(60)
place.close()
"""
    shell = f'echo {allowed} > /proc/sys/user/max_user_namespaces && exec "$@"'
    command = ["unshare", "-Ur", "sh", "-c", shell, "sh", sys.executable, "-B", "-c", program, str(task.folder)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)
    assert wanted in done.stdout + done.stderr


DELEGATED = """
import sys
import tempfile
from pathlib import Path
from courseware.exercises import Exercise
from courseware.exercises.place import interpreter
from courseware.exercises.sandbox import SandboxPlace
task = Exercise.read(sys.argv[1])
place = SandboxPlace(task, task.folder / "answer")
group = Path(place._spec.cgroup.folder())
hog = "import os\\nfor _ in range(8):\\n    if os.fork() == 0:\\n        break\\nheld = bytearray(40 << 20)\\nos.wait()"
process = place.launch([interpreter(), "-c", hog], {}, 0, 1, 2)
while not place.broken() and process.wait(0.05) is None:
    pass
print(group.parent, (group / "pids.max").read_text().strip(), place.broken())
place.close()
print(group.exists())
"""


@pytest.mark.lane("guest")
@pytest.mark.needs("root", "v2", "userns", "program:setpriv")
def test_an_ordinary_user_has_a_cgroup_in_what_was_delegated_to_him(exercise):
    uid, top = 64323, Path("/sys/fs/cgroup/lcm-test-delegated")
    own = top / "own"
    own.mkdir(parents=True)
    try:
        for folder in (top.parent, top):
            (folder / "cgroup.subtree_control").write_text("+memory +pids")
        for path in (top, top / "cgroup.procs", top / "cgroup.subtree_control", own, own / "cgroup.procs"):
            os.chown(path, uid, uid)
        with tempfile.TemporaryDirectory(prefix="lcm-test-") as folder:
            task = shutil.copytree(exercise(memory="64M", processes=12).folder, Path(folder, "inside"))
            os.chmod(folder, 0o755)
            user = ["setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups", "--inh-caps=-all"]
            shell = ["sh", "-c", f'echo $$ > {own}/cgroup.procs && exec "$@"', "sh", *user, sys.executable, "-B"]
            done = subprocess.run([*shell, "-c", DELEGATED, task], capture_output=True, text=True, check=False)
        assert done.stdout.splitlines() == [f"{top} {12 + sandbox.OUR_TASKS} OOM", "False"], done.stderr
    finally:
        own.rmdir()
        top.rmdir()
