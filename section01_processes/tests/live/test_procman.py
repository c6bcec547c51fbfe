"""The tool, as a user runs it."""

import json
import os
import pathlib
import signal
import subprocess
import sys

import pytest

pytestmark = pytest.mark.lane("host", full="guest")
PROCMAN = pathlib.Path(sys.executable).parent / "procman"


def procman(*words, **options):
    return subprocess.run([PROCMAN, *map(str, words)], capture_output=True, text=True, check=False, **options)


def test_spawn_ends_as_its_program_ended():
    assert procman("spawn", "--", "sh", "-c", "exit 3").returncode == 3
    assert procman("spawn", "--", "sh", "-c", "kill -9 $$").returncode == 137
    missing = procman("spawn", "nothing-of-that-name")
    assert (missing.returncode, missing.stderr.count("\n")) == (127, 1)
    assert procman("spawn", "/etc").returncode == 126


def test_spawn_gives_a_clean_environment_and_directory(tmp_path):
    done = procman("spawn", "--clean-env", "-e", "A=b", "-w", tmp_path, "--", "sh", "-c", "env; pwd -P; ps -o sid= $$")
    assert "A=b\n" in done.stdout
    assert "HOME=" not in done.stdout
    assert str(tmp_path) in done.stdout


def test_a_dry_run_starts_nothing_and_shows_no_secret(tmp_path):
    done = procman("spawn", "--dry-run", "-e", "TOKEN=s3cret", "--", "touch", tmp_path / "x")
    assert "execve(2)" in done.stdout
    assert "TOKEN" in done.stdout
    assert "s3cret" not in done.stdout
    assert os.listdir(tmp_path) == []


def test_explain_shows_each_step_with_man_page():
    done = procman("spawn", "--explain", "--new-session", "--", "true")
    assert "setsid(2)" in done.stderr
    assert "§1" in done.stderr
    calls = [line.split("ms", 1)[1].split("(")[0].strip() for line in done.stderr.splitlines()]
    assert calls == ["lead_session", "leave_nothing", "execute"]


def test_explain_tells_a_program_that_cannot_be_executed_once_and_as_failed(tmp_path):
    program = tmp_path / "no-loader"
    program.write_text("#!/no/such/interpreter\n")
    program.chmod(0o755)
    done = procman("spawn", "--explain", "--", program)
    assert done.returncode == 127
    told = [line for line in done.stderr.splitlines() if "execute(" in line]
    assert len(told) == 1
    assert "!!" in told[0]


def test_spawn_passes_term_on():
    script = "trap 'exit 44' TERM; echo ready; while :; do sleep 0.05; done"
    process = subprocess.Popen([PROCMAN, "spawn", "--", "sh", "-c", script], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGTERM)
    assert process.wait(10) == 44
    process.stdout.close()


def test_ps_tree_and_status_agree_with_proc():
    child = subprocess.Popen(["sleep", "100"], start_new_session=True)
    try:
        row = next(row for row in json.loads(procman("ps", "--json").stdout) if row["pid"] == child.pid)
        assert (row["parent"], row["group"], row["name"]) == (os.getpid(), child.pid, "sleep")
        facts = json.loads(procman("status", child.pid, "--json").stdout)
        assert facts["command"] == ["sleep", "100"]
        assert facts["namespaces"]["pid"] == os.readlink("/proc/self/ns/pid")
        walk = json.loads(procman("tree", os.getpid(), "--json").stdout)
        assert {"depth": 1, "pid": child.pid}.items() <= next(w for w in walk if w["pid"] == child.pid).items()
        assert f"{child.pid} sleep" in procman("tree", os.getpid()).stdout
    finally:
        child.kill()
        child.wait()


def test_a_zombie_is_shown_until_its_parent_waits():
    child = subprocess.Popen(["true"])
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert child.pid in [row["pid"] for row in json.loads(procman("ps", "--zombies", "--json").stdout)]
    child.wait()
    assert child.pid not in [row["pid"] for row in json.loads(procman("ps", "--zombies", "--json").stdout)]


def test_signalling_a_zombie_is_explained():
    child = subprocess.Popen(["true"])
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert "LCM-PROC-06" in procman("signal", child.pid, "KILL").stderr
    done = procman("stop", child.pid)
    assert "LCM-PROC-06" in done.stderr
    assert done.stdout == f"{child.pid}: had ended before\n"
    child.wait()


def test_a_hostile_name_is_harmless():
    command = ["sh", "-c", "echo; read line", "\x1b]0;owned\x07", b"\xff"]
    child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    child.stdout.readline()
    assert "\\x1b]0;owned\\x07 \\xff" in procman("ps").stdout
    assert "\x1b" not in procman("ps").stdout + procman("status", child.pid).stdout
    child.kill()
    child.communicate()


def test_signal_and_wait_work_on_processes_that_are_not_ours():
    child = subprocess.Popen(["sleep", "100"])
    assert procman("wait", child.pid, "--timeout", "0.05").returncode == 124
    assert "SIGKILL" in procman("signal", child.pid, "KILL", "--dry-run").stdout
    assert child.poll() is None
    assert procman("signal", child.pid, "KILL").returncode == 0
    assert procman("wait", child.pid, "--timeout", "60").returncode == 0
    assert child.wait() == -9
    gone = procman("signal", child.pid, "KILL")
    assert (gone.returncode, gone.stderr) == (1, f"procman: error: no process {child.pid}\n")


def test_signals_show_reads_the_masks():
    child = subprocess.Popen(["sh", "-c", "trap '' USR1; trap : USR2; echo; sleep 100 & wait"], stdout=subprocess.PIPE)
    child.stdout.readline()
    masks = json.loads(procman("signals", "show", child.pid, "--json").stdout)
    assert "SIGUSR1" in masks["ignored"]
    assert "SIGUSR2" in masks["caught"]
    tree = json.loads(procman("tree", child.pid, "--json").stdout)
    for pid in [entry["pid"] for entry in reversed(tree)]:
        os.kill(pid, signal.SIGKILL)
    child.wait()
    child.stdout.close()


def test_bad_input_is_one_line_and_no_traceback():
    for words in (("signal", "1", "NOPE"), ("status", "999999999"), ("tree", "999999999"), ("wait", "0")):
        done = procman(*words)
        assert done.returncode != 0
        assert "Traceback" not in done.stderr


def test_help_names_the_commands():
    assert "Commands:" in procman("--help").stdout


@pytest.mark.parametrize("seconds", ["inf", "nan", "0", "-1"])
@pytest.mark.parametrize("command", ["top --once", "tree --watch"])
def test_an_interval_that_is_no_time_is_wrong_usage(command, seconds):
    done = procman(*command.split(), "--interval", seconds)
    assert (done.returncode, done.stdout) == (2, "")
    assert "Invalid value for '--interval'" in done.stderr


@pytest.mark.parametrize("command", ["ps", "tree", "top --once --plain", "--help", "ps --json"])
def test_a_full_disk_is_one_line_and_a_closed_output_none(command):
    with open("/dev/full", "wb") as full:
        done = subprocess.run([PROCMAN, *command.split()], stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert (done.returncode, done.stderr) == (125, "procman: error: No space left on device\n")
    closed = subprocess.run(
        ["sh", "-c", '"$@" >&-', "sh", PROCMAN, *command.split()], capture_output=True, text=True, check=False
    )
    assert (closed.returncode, closed.stderr) == (0, "")
