"""Seventeen ways to get points without an answer, once per kind of entry: all get none from the sandbox.

Each answer in ``answers/`` is a real cheat: the tests below show what it gets, or does, without the defence. The last
column says what the plain place does, where the learner's *own* code runs: it keeps accidents away, not attacks.

| cheat | undefended | sandbox | plain |
|---|---|---|---|
| always-equal object | 10 of 10 from a grader in the same process | FAIL, CRASH (function: no JSON) | stopped |
| frame spy | 10 of 10 | FAIL | stopped |
| patched pytest | 10 of 10 | FAIL | stopped |
| os._exit(0) | 10 of 10 from an exit status | FAIL, CRASH | stopped |
| forged result lines | 10 of 10 from the output | FAIL, CRASH | stopped |
| reads the tests | 10 of 10 | FAIL | **10 of 10** |
| writes the results | 10 of 10 from the file | FAIL, CRASH | stopped |
| fork bomb | as many processes as the user may have | KILLED(SIGKILL) | stopped |
| memory hog | all memory, a process at a time | OOM | runs on until the time is over: TIMEOUT |
| disk filler | the whole disk, a file at a time | CRASH (ENOSPC) | fills the disk |
| output flood | all memory of who keeps it | OUTPUT-LIMIT | stopped |
| daemon left behind | lives on | FAIL | stopped |
| kill -1 | the grader dies | FAIL | kills the user's processes (not tried here) |
| network call | 10 of 10 | FAIL | **10 of 10** |
| sleeps for ever | never ends | TIMEOUT | stopped |
| symlink in the submission | the reference solution's 10 of 10 | refused | refused |
| imports the reference, executes the system's tool | 10 of 10 | FAIL | **10 of 10** |
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from courseware.exercises import ExerciseError, Report, check
from courseware.exercises.place import PROGRAM_FOLDERS

HERE = Path(__file__).parent
KINDS = ("program", "function")
#: CI has a quarter of an hour: there each cheat comes by one kind of entry, with ``--full`` by both.
EACH = ("program", pytest.param("function", marks=pytest.mark.full))
#: What the sandbox says, about a program and about a function.
VERDICTS = {
    "always_equal": ("FAIL", "FAIL"),
    "frame_spy": ("FAIL", "FAIL"),
    "patched_pytest": ("FAIL", "FAIL"),
    "exit_zero": ("FAIL", "CRASH"),
    "forged_lines": ("FAIL", "CRASH"),
    "reads_the_tests": ("FAIL", "FAIL"),
    "writes_the_results": ("FAIL", "CRASH"),
    "fork_bomb": ("KILLED(SIGKILL)", "KILLED(SIGKILL)"),
    "memory_hog": ("OOM", "OOM"),
    "disk_filler": ("CRASH", "CRASH"),
    "output_flood": ("OUTPUT-LIMIT", "OUTPUT-LIMIT"),
    "daemon": ("FAIL", "FAIL"),
    "kill_everybody": ("FAIL", "FAIL"),
    "network_call": ("FAIL", "FAIL"),
    "sleeper": ("TIMEOUT", "TIMEOUT"),
    "imports_the_reference": ("FAIL", "FAIL"),
    "executes_the_tool": ("FAIL", "FAIL"),
}
#: Those that get all points from the plain place.
PLAIN = ("reads_the_tests", "network_call", "imports_the_reference", "executes_the_tool")
#: The exercise's limit, in seconds, where a cheat makes use of it: in the sandbox, in the plain place.
SECONDS = {"sleeper": 2}
PATIENCE = {"sleeper": 2, "memory_hog": 2}
RESOURCES = ("disk_filler", "output_flood", "kill_everybody", "sleeper")
#: What cgroup v2 ends, and with ``--full`` the others.
ON_V2 = ("fork_bomb", "memory_hog", "daemon", *(pytest.param(name, marks=pytest.mark.full) for name in RESOURCES))


def nothing_happened(name, kind, report):
    """Assert that cheat ``name`` got its verdict and no point, in both tests."""
    verdict = VERDICTS[name][KINDS.index(kind)]
    assert [(test.verdict, test.got) for test in report.tests] == [(verdict, 0)] * 2, report
    assert (report.verdict, report.points) == (verdict, 0)


def test_there_is_an_answer_for_every_cheat():
    assert sorted(VERDICTS) == sorted(path.stem for path in (HERE / "answers").glob("*.py"))


@pytest.mark.needs("userns")
@pytest.mark.parametrize("kind", EACH)
@pytest.mark.parametrize("name", VERDICTS)
def test_the_sandbox_gives_a_cheat_nothing(exercise, cheat, daemons, no_leaks, name, kind):
    before = daemons()
    nothing_happened(name, kind, check(exercise(kind, SECONDS.get(name, 60)), cheat(name), seed=20, sandbox=True))
    assert daemons() == before
    after = check(exercise(kind), exercise(kind).solution, seed=21, sandbox=True)
    assert after.all_passed, f"after the cheat the honest answer is judged otherwise: {after}"


@pytest.mark.lane("guest")
@pytest.mark.needs("v2", "userns")
@pytest.mark.parametrize("name", ON_V2)
def test_on_cgroup_v2_too(exercise, cheat, name):
    task = exercise("program", SECONDS.get(name, 60))
    nothing_happened(name, "program", check(task, cheat(name), seed=20, sandbox=True))


AS_USER = """
import json, sys
from courseware.exercises import Exercise, check
for exercise, folder in zip(sys.argv[1::2], sys.argv[2::2]):
    report = check(Exercise.read(exercise), folder, seed=20, sandbox=True)
    print(json.dumps([folder, report.as_dict()]), flush=True)
"""


@pytest.mark.full
@pytest.mark.needs("root", "userns", "program:setpriv")
def test_an_ordinary_users_sandbox_gives_them_nothing_either(exercise, cheat):
    with tempfile.TemporaryDirectory(prefix="lcm-cheats-") as top:  # pytest's own folders are closed to others
        words = []
        for name in (*VERDICTS, "solution"):
            task = exercise("program", SECONDS.get(name, 60), top)
            answer = task.solution if name == "solution" else shutil.copytree(cheat(name), Path(top, name))
            words += [str(task.folder), str(answer)]
        os.chmod(top, 0o755)
        user = ["setpriv", "--reuid=64321", "--regid=64321", "--clear-groups", "--inh-caps=-all", "--bounding-set=-all"]
        command = [*user, sys.executable, "-B", "-c", AS_USER, *words]
        done = subprocess.run(
            command, env={"PATH": PROGRAM_FOLDERS}, cwd="/", capture_output=True, text=True, check=False
        )
    assert done.returncode == 0, done.stderr
    reports = {Path(path).name: Report.from_dict(value) for path, value in map(json.loads, done.stdout.splitlines())}
    assert reports.pop("solution").all_passed
    assert sorted(reports) == sorted(VERDICTS)
    for name, report in reports.items():
        nothing_happened(name, "program", report)


@pytest.mark.parametrize("kind", KINDS)
def test_a_link_in_the_submission_is_refused_and_nothing_runs(exercise, tmp_path, kind):
    (tmp_path / "answer").mkdir()
    (tmp_path / "answer" / "x.py").symlink_to(exercise(kind).solution / "x.py")
    for sandbox in (True, None):
        with pytest.raises(ExerciseError, match=r"x\.py is a symbolic link; nothing was run"):
            check(exercise(kind), tmp_path / "answer", seed=20, sandbox=sandbox)


@pytest.mark.full
@pytest.mark.parametrize("name", [name for name in VERDICTS if name != "kill_everybody"])
def test_what_the_plain_place_does_about_it(exercise, cheat, name):
    report = check(exercise("program", PATIENCE.get(name, 60)), cheat(name), seed=20)
    assert report.points == (10 if name in PLAIN else 0), report
