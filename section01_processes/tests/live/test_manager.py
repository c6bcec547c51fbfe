"""Detached processes, as a user lives with them: started, looked at, restarted, paused, stopped, forgotten."""

import json
import os
import pathlib
import signal
import subprocess
import sys
import time

import pytest

from section01_processes import ProcessStat

pytestmark = pytest.mark.lane("host")
DEAF = "trap '' TERM; echo ready; while :; do sleep 0.1; done"


def ready(procman, name, text="ready\n"):
    procman.until(lambda: text in procman.log(name), f"{text!r} in the log of {name}")


def session(pid):
    """Return the stats of the living processes in ``pid``'s session."""
    stats = []
    for entry in pathlib.Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                stats.append(ProcessStat.of(entry.name))
            except ProcessLookupError:
                continue
    return [stat for stat in stats if stat.session == pid and stat.state not in "ZX"]


def test_a_detached_process_outlives_the_tool(procman):
    pid = procman.detach("web", "--", "sh", "-c", "echo out; echo err >&2; sleep 300")
    stat = ProcessStat.of(pid)
    assert (stat.session, stat.pgrp, stat.tty) == (pid, pid, 0)
    facts = procman.status("web")
    assert facts.items() >= {"pid": pid, "state": "running", "restarts": 0, "exit_code": None, "policy": "no"}.items()
    assert stat.ppid == facts["supervisor"]
    ready(procman, "web", "err\n")
    assert procman("logs", "web").stdout == "out\nerr\n"
    keeper = ProcessStat.of(facts["supervisor"])
    assert keeper.session not in (os.getsid(0), pid)
    assert (keeper.tty, keeper.threads) == (0, 1)


def test_a_supervisor_sleeps_and_holds_nothing_of_the_caller(procman):
    reader, writer = os.pipe()
    words = procman.command("spawn", "--detach", "--name", "web", "--", "sleep", "300")
    subprocess.run(words, check=True, pass_fds=[writer], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    os.close(writer)
    assert os.read(reader, 1) == b""  # nobody has inherited it
    os.close(reader)
    keeper = procman.status("web")["supervisor"]
    assert os.readlink(f"/proc/{keeper}/cwd") == "/"
    procman.until(lambda: ProcessStat.of(keeper).state == "S", "the supervisor sleeps")
    switches = lambda: [  # noqa: E731
        line for line in pathlib.Path(f"/proc/{keeper}/status").read_text().splitlines() if "ctxt_switches" in line
    ]
    before = switches()
    time.sleep(0.3)
    assert switches() == before


def test_a_supervisor_loads_nothing_slow():
    code = "import sys; from section01_processes.manager import supervisor; print(*sys.modules)"
    project = pathlib.Path(__file__).parents[2] / "project"
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", f"import sys; sys.path.insert(0, {str(project)!r}); {code}"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    slow = {"click", "typing", "re", "enum", "json", "subprocess", "dataclasses", "threading", "signal", "socket"}
    assert set(done.stdout.split()) & slow == set()


@pytest.mark.parametrize(
    ("program", "code"), [("exit 0", 0), ("exit 7", 7), ("kill -9 $$", 137), ("kill -TERM $$; sleep 9", 143)]
)
def test_wait_ends_as_the_process_ended(procman, program, code):
    procman.detach("job", "--", "sh", "-c", program)
    assert procman("wait", "job", check=False).returncode == code
    facts = procman.status("job")
    assert (facts["state"], facts["exit_code"], facts["pid"], facts["supervisor"]) == ("exited", code, None, None)
    again = procman("status", "job").stdout
    assert f"managed exit_code  {code}\n" in again


def test_wait_gives_up_in_time_with_124(procman):
    procman.detach("job", "--", "sleep", "300")
    assert procman("wait", "job", "--timeout", "0.05", check=False).returncode == 124


def test_what_cannot_be_started_leaves_no_name(procman, tmp_path):
    (tmp_path / "text").write_text("no program")
    for words, code, said in (
        (["--", "nothing-of-that-name"], 127, "executable file not found"),
        (["--", tmp_path / "text"], 126, "permission denied"),
        (["--cwd", "/nothing", "--", "true"], 126, "working directory"),
        (["--log", tmp_path, "--", "true"], 125, "cannot open log"),
        (["--restart", "sometimes", "--", "true"], 125, "invalid restart policy"),
        (["--log-size", "big", "--", "true"], 2, "--log-size"),
        (["--name", "1", "--", "true"], 2, "invalid name"),
    ):
        done = procman("spawn", "--detach", "--name", "job", *words, check=False)
        assert (done.returncode, done.stdout) == (code, "")
        assert said in done.stderr
    assert json.loads(procman("ps", "--managed", "--json").stdout) == []


def test_a_name_is_taken_once(procman):
    procman.detach("web", "--", "true")
    done = procman("spawn", "--detach", "--name", "web", "--", "true", check=False)
    assert (done.returncode, "the name 'web' is taken" in done.stderr) == (125, True)
    assert json.loads(procman("spawn", "--detach", "--json", "--", "true").stdout)["name"] == "true"
    assert json.loads(procman("spawn", "--detach", "--json", "--", "/bin/true").stdout)["name"] == "true-2"
    for name in ("web", "true", "true-2"):
        procman("wait", name)
        procman("rm", name)
    assert procman("status", "web", check=False).returncode == 1


def test_a_failing_process_is_started_again_as_often_as_the_policy_says(procman):
    procman.detach("job", "--restart", "on-failure:2", "--", "sh", "-c", "echo run; exit 3")
    assert procman("wait", "job", check=False).returncode == 3
    assert procman.log("job") == "run\n" * 3
    assert procman.status("job").items() >= {"restarts": 2, "state": "exited", "policy": "on-failure:2"}.items()


def test_success_ends_on_failure_and_not_always(procman):
    procman.detach("once", "--restart", "on-failure", "--", "true")
    assert procman("wait", "once").returncode == 0
    assert procman.status("once")["restarts"] == 0
    procman.detach("ever", "--restart", "always", "--", "sh", "-c", "echo run")
    procman.until(lambda: procman.log("ever").count("run") >= 3, "three runs")
    procman("stop", "ever")
    assert procman.status("ever").items() >= {"state": "exited", "stopped": True}.items()
    runs = procman.log("ever")
    time.sleep(0.5)  # longer than its delay would have been
    assert procman.log("ever") == runs


def test_stop_says_that_term_was_enough(procman):
    pid = procman.detach("web", "--restart", "always", "--", "sleep", "300")
    dry = procman("stop", "web", "--dry-run").stdout
    assert "pidfd_send_signal(2)" in dry
    assert ProcessStat.of(pid).state in "SR"
    assert procman("stop", "web").stdout == "web: ended by SIGTERM, exit code 143\n"
    assert procman("stop", "web").stdout == "web: had ended before (exited, exit code 143)\n"
    assert not pathlib.Path(f"/proc/{pid}").exists()


def test_stop_comes_to_kill_for_who_ignores_term(procman):
    procman.detach("deaf", "--", "sh", "-c", DEAF)
    ready(procman, "deaf")
    assert procman("stop", "deaf", "--timeout", "0.2").stdout == (
        "deaf: ended by SIGKILL, 0.2 s after SIGTERM, exit code 137\n"
    )


def test_stop_works_by_pid_too_and_on_a_stopped_process(procman):
    child = subprocess.Popen(["sleep", "300"])
    child.send_signal(signal.SIGSTOP)
    os.waitid(os.P_PID, child.pid, os.WSTOPPED)
    assert procman("stop", child.pid).stdout == f"{child.pid}: ended by SIGTERM\n"
    assert child.wait() == -signal.SIGTERM
    assert procman("stop", child.pid, check=False).returncode == 1


def test_pause_stops_the_whole_session_and_resume_lets_it_go_on(procman):
    pid = procman.detach("web", "--", "sh", "-c", "sleep 300 & sleep 300 & echo ready; wait")
    ready(procman, "web")
    assert len(session(pid)) == 3
    assert "SIGSTOP" in procman("pause", "web", "--dry-run").stdout
    procman("pause", "web")
    assert {stat.state for stat in session(pid)} == {"T"}
    assert procman.status("web")["state"] == "paused"
    assert "paused" in procman("ps", "--managed").stdout
    procman("resume", "web")
    assert {stat.state for stat in session(pid)} <= set("SR")
    assert procman.status("web")["state"] == "running"
    procman("pause", "web")
    assert "SIGTERM" in procman("stop", "web").stdout  # a paused process can be stopped, too
    assert session(pid) == []


def test_pause_by_pid_reaches_the_group_but_never_ourselves(procman):
    child = subprocess.Popen(["sh", "-c", "sleep 300 & echo; wait"], start_new_session=True, stdout=subprocess.PIPE)
    child.stdout.readline()
    procman("pause", child.pid)
    assert {stat.state for stat in session(child.pid)} == {"T"}
    procman("resume", child.pid)
    os.killpg(child.pid, signal.SIGKILL)
    child.communicate()
    script = f"{' '.join(procman.command('pause', '$$'))}; echo alive"
    done = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True, start_new_session=True)
    assert "this command itself is in process group" in done.stderr
    assert done.stdout == "alive\n"


def test_the_rest_of_a_session_goes_with_its_leader_and_is_reaped(procman):
    pid = procman.detach("web", "--", "sh", "-c", "(trap '' HUP TERM; sleep 300) & (setsid sleep 0.2 &) ; echo; exit 4")
    assert procman("wait", "web", check=False).returncode == 4
    assert session(pid) == []


def test_signal_and_status_take_names(procman):
    pid = procman.detach(
        "web", "--", "sh", "-c", "trap 'echo usr1; exit 5' USR1; echo ready; while :; do sleep 0.1; done"
    )
    ready(procman, "web")
    assert json.loads(procman("status", "web", "--json").stdout)["pid"] == pid
    procman("signal", "web", "USR1")
    assert procman("wait", "web", check=False).returncode == 5
    assert procman.log("web") == "ready\nusr1\n"
    gone = procman("signal", "web", "USR1", check=False)
    assert (gone.returncode, "does not run: exited, exit code 5" in gone.stderr) == (1, True)


def test_logs_follow_to_the_last_byte_through_rotations(procman):
    procman.detach(
        "seq", "--log-size", "8K", "--log-files", "100", "--", "sh", "-c", "read x <$0; seq 1 50000", "/dev/null"
    )
    done = procman("logs", "-f", "seq")
    assert done.stdout == "".join(f"{n}\n" for n in range(1, 50001))
    assert procman("logs", "--tail", "2000", "seq").stdout == "".join(f"{n}\n" for n in range(48001, 50001))
    assert len(list((procman.state / "seq").glob("log*"))) > 10


def test_a_follower_sees_lines_as_they_come(procman, tmp_path):
    os.mkfifo(tmp_path / "go")
    procman.detach("web", "--", "sh", "-c", f"echo one; read x <{tmp_path}/go; echo two")
    follower = subprocess.Popen(procman.command("logs", "-f", "web"), stdout=subprocess.PIPE, text=True)
    assert follower.stdout.readline() == "one\n"
    (tmp_path / "go").write_text("\n")
    assert follower.stdout.readline() == "two\n"
    assert follower.stdout.read() == ""
    assert follower.wait() == 0
    follower.stdout.close()


def test_a_log_elsewhere_stays_when_the_name_goes(procman, tmp_path):
    procman.detach("job", "--log", tmp_path / "my.log", "--", "echo", "hello")
    procman("wait", "job")
    assert procman("logs", "job").stdout == "hello\n"
    procman("rm", "job")
    assert (tmp_path / "my.log").read_text() == "hello\n"


def test_a_flood_is_held_back_and_nothing_of_it_is_lost(procman):
    procman.detach(
        "flood", "--log-size", "0", "--", "sh", "-c", "head -c 20000000 /dev/zero | tr '\\0' x; echo; echo end >&2"
    )
    assert procman("wait", "flood").returncode == 0
    assert (procman.state / "flood" / "log").stat().st_size == 20000005


def test_limits_nice_environment_and_directory_reach_the_process(procman, tmp_path):
    words = ["--rlimit", "NOFILE=100:200", "--rlimit", "core=0", "--nice", "7", "-e", "TOKEN=s3cret", "-w", tmp_path]
    for options in ([], ["--clean-env"]):
        name = f"web{len(options)}"
        pid = procman.detach(name, *words, *options, "--", "sleep", "300")
        limits = pathlib.Path(f"/proc/{pid}/limits").read_text()
        assert next(line for line in limits.splitlines() if "open files" in line).split()[3:5] == ["100", "200"]
        assert next(line for line in limits.splitlines() if "core file" in line).split()[4:6] == ["0", "0"]
        assert os.getpriority(os.PRIO_PROCESS, pid) == 7
        assert os.readlink(f"/proc/{pid}/cwd") == str(tmp_path)
        environment = pathlib.Path(f"/proc/{pid}/environ").read_text().split("\0")
        assert "TOKEN=s3cret" in environment
        assert any(pair.startswith("HOME=") for pair in environment) is not bool(options)
        assert "s3cret" not in procman("status", name).stdout
    assert (procman.state / "web0" / "spec.json").stat().st_mode & 0o777 == 0o600


def test_a_limit_that_may_not_be_raised_is_a_warning_and_the_rest_is_done(procman):
    done = procman("spawn", "--rlimit", "NOFILE=64:unlimited", "--", "sh", "-c", "ulimit -n")
    assert done.stdout == "64\n"
    assert "procman: warning: cannot raise the hard limit of NOFILE" in done.stderr


def test_a_dry_run_changes_nothing(procman, tmp_path):
    done = procman("spawn", "--detach", "--dry-run", "--name", "web", "-e", "T=s3cret", "--", "touch", tmp_path / "x")
    assert "start_supervisor" in done.stdout
    assert "execve(2)" in done.stdout
    assert "s3cret" not in done.stdout
    assert not procman.state.exists()
    assert not (tmp_path / "x").exists()
    procman.detach("web", "--", "true")
    procman("wait", "web")
    for words in (["start", "web"], ["rm", "web"]):
        assert procman(*words, "--dry-run").stdout
        assert procman.status("web")["state"] == "exited"


def test_explain_shows_both_sides_of_a_detached_start(procman):
    lines = procman("spawn", "--detach", "--explain", "--name", "web", "--", "true").stderr.splitlines()
    assert [line.split()[0] for line in lines].count("cli") == 3
    assert any(line.startswith("child") and "setsid(2)" in line for line in lines)


def test_start_runs_it_again_as_it_was_and_boot_only_who_should(procman):
    procman.detach("job", "-e", "A=b", "--", "sh", "-c", "echo $A")
    procman("wait", "job")
    assert procman("start", "job").stdout.startswith("job: pid ")
    procman("wait", "job")
    assert procman.log("job") == "b\nb\n"
    procman.detach("web", "--restart", "always", "--", "sleep", "300")
    assert "runs" in procman("start", "web", check=False).stderr
    procman("stop", "web")
    assert [line.split(":")[0] for line in procman("start", "--boot").stdout.splitlines()] == ["web"]
    assert procman.status("web")["state"] == "running"


def test_rm_spares_who_runs_unless_forced(procman):
    pid = procman.detach("web", "--", "sleep", "300")
    done = procman("rm", "web", check=False)
    assert (done.returncode, "procman stop web" in done.stderr) == (125, True)
    procman("rm", "--force", "web")
    assert not pathlib.Path(f"/proc/{pid}").exists()
    assert procman("rm", "web", check=False).returncode == 1


def test_options_of_detached_processes_need_detach(procman):
    for words in (["--name", "x"], ["--restart", "always"], ["--log", "f"], ["--json"], ["--log-files", "2"]):
        done = procman("spawn", *words, "--", "true", check=False)
        assert (done.returncode, f"{words[0]} goes with --detach only" in done.stderr) == (2, True)
