"""Detached processes when things go wrong: a killed supervisor, a reused pid, a full disk, a damaged state."""

import json
import os
import pathlib
import signal
import subprocess
import sys

import pytest

from section01_processes import ProcessIdentity, ProcessStat

pytestmark = pytest.mark.lane("host")


def gone(pid):
    """Whether ``pid`` has ended; a zombie that PID 1 has not fetched yet has."""
    try:
        return ProcessStat.of(pid).state in "ZX"
    except ProcessLookupError:
        return True


def kill_supervisor(procman, name):
    """Kill the supervisor of ``name`` and wait until it is gone."""
    keeper = procman.status(name)["supervisor"]
    os.kill(keeper, signal.SIGKILL)
    procman.until(lambda: gone(keeper), "the supervisor has ended")


def test_a_killed_supervisor_is_noticed_and_stop_ends_the_orphan(procman):
    pid = procman.detach("web", "--restart", "always", "--", "sh", "-c", "sleep 300 & sleep 300")
    kill_supervisor(procman, "web")
    seen = procman("ps", "--managed")
    assert f"the supervisor of 'web' was killed; process {pid} goes on" in seen.stderr
    assert "procman stop web ends it" in seen.stderr
    assert "orphaned" in seen.stdout
    assert procman.status("web").items() >= {"state": "orphaned", "pid": pid, "supervisor": None}.items()
    assert "procman stop web" in procman("status", "web").stderr
    assert "runs" in procman("rm", "web", check=False).stderr
    assert "runs" in procman("start", "web", check=False).stderr
    done = procman("stop", "web")
    assert done.stdout.startswith("web: ended by SIGTERM; its supervisor was killed")
    assert gone(pid)
    procman.until(lambda: not in_session(pid), "the rest of its session is gone")
    assert procman.status("web").items() >= {"state": "exited", "exit_code": None, "stopped": True}.items()
    assert procman("wait", "web", check=False).returncode == 125
    procman("start", "web")
    assert procman.status("web")["state"] == "running"


def in_session(session):
    """Return the living processes of ``session``."""
    found = []
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            stat = ProcessStat.of(name)
        except ProcessLookupError:
            continue
        if stat.session == session and stat.state not in "ZX":
            found.append(stat.pid)
    return found


def test_an_orphan_that_ignores_term_is_killed_too(procman):
    pid = procman.detach("deaf", "--", "sh", "-c", "trap '' TERM; echo ready; while :; do sleep 0.1; done")
    procman.until(lambda: "ready" in procman.log("deaf"), "ready")
    kill_supervisor(procman, "deaf")
    assert "SIGKILL" in procman("stop", "deaf", "--timeout", "0.1").stdout
    assert gone(pid)


def test_a_process_is_known_before_its_supervisor_could_record_it(procman):
    """The supervisor is killed between its fork and its first state: only the process itself has said who it is."""
    pid = procman.detach("web", "--", "sleep", "300")
    kill_supervisor(procman, "web")
    (procman.state / "web" / "state.json").unlink()
    assert procman.status("web").items() >= {"state": "orphaned", "pid": pid}.items()
    assert "SIGTERM" in procman("stop", "web").stdout
    assert gone(pid)


def test_a_process_lost_with_its_supervisor_is_told_so_and_can_start_again(procman):
    pid = procman.detach("web", "--restart", "unless-stopped", "--", "sleep", "300")
    kill_supervisor(procman, "web")
    os.kill(pid, signal.SIGKILL)
    procman.until(lambda: gone(pid), "the process has ended")
    seen = procman("ps", "--managed")
    assert "'web' was lost with its supervisor or by a reboot: procman start web" in seen.stderr
    assert procman("wait", "web", check=False).returncode == 125
    assert procman("start", "--boot").stdout.startswith("web: pid ")


def test_after_a_reboot_nothing_is_taken_for_ours(procman):
    pid = procman.detach("web", "--", "sleep", "300")
    identity = str(ProcessIdentity.of(pid))
    kill_supervisor(procman, "web")
    path = procman.state / "web" / "process"
    path.write_text(path.read_text().replace(identity.split(":")[0], "11111111-2222-3333-4444-555555555555"))
    assert procman.status("web")["state"] == "lost"
    assert "does not run" in procman("signal", "web", "KILL", check=False).stderr
    procman("stop", "web")
    assert not gone(pid)
    os.kill(pid, signal.SIGKILL)


REUSE = """
import json, os, signal, subprocess, sys
tool = sys.argv[1:]
run = lambda *words: subprocess.run([*tool, *words], capture_output=True, text=True)
pid = json.loads(run("spawn", "--detach", "--json", "--name", "web", "--", "sleep", "300").stdout)["pid"]
keeper = json.loads(run("status", "web", "--json").stdout)["managed"]["supervisor"]
for victim in (keeper, pid):  # we are PID 1 here: they become our children
    os.kill(victim, signal.SIGKILL)
    try:
        os.waitpid(victim, 0)
    except ChildProcessError:
        pass
with open("/proc/sys/kernel/ns_last_pid", "w") as file:
    file.write(str(pid - 1))
stranger = subprocess.Popen(["sleep", "300"], start_new_session=True)
answers = {}
for words in (["signal", "web", "KILL"], ["pause", "web"], ["stop", "web"], ["rm", "--force", "web"]):
    done = run(*words)
    answers[words[0]] = [done.returncode, done.stderr]
    answers[words[0]].append(open(f"/proc/{stranger.pid}/stat").read().rpartition(")")[2].split()[0])
print(json.dumps({"same": stranger.pid == pid, "alive": stranger.poll() is None, "answers": answers}))
stranger.kill()
"""


@pytest.mark.needs("root", "program:unshare")
def test_a_reused_pid_is_never_signalled(procman, tmp_path):
    """In a pid namespace of our own the kernel gives the very pid of the dead process to a stranger."""
    (tmp_path / "reuse.py").write_text(REUSE)
    words = ["unshare", "--pid", "--fork", "--mount-proc", "--kill-child", sys.executable, tmp_path / "reuse.py"]
    done = subprocess.run([*words, *procman.command()], capture_output=True, text=True, check=True)
    facts = json.loads(done.stdout)
    assert facts["same"]
    assert facts["alive"]
    assert {state for _, _, state in facts["answers"].values()} == {"S"}
    assert facts["answers"]["signal"][0] == 1
    assert "does not run: lost" in facts["answers"]["signal"][1]


def test_term_to_the_supervisor_ends_both_and_is_recorded(procman):
    pid = procman.detach("web", "--restart", "always", "--", "sleep", "300")
    os.kill(procman.status("web")["supervisor"], signal.SIGTERM)
    assert procman("wait", "web", check=False).returncode == 143
    assert gone(pid)
    assert procman.status("web").items() >= {"state": "exited", "stopped": True, "restarts": 0}.items()
    assert "SIGTERM: passed on" in (procman.state / "web" / "supervisor.log").read_text()


def test_a_damaged_state_names_the_file_and_rm_force_gets_rid_of_it(procman):
    pid = procman.detach("web", "--", "sleep", "300")
    procman.detach("ok", "--", "sleep", "300")
    (procman.state / "web" / "state.json").write_text('{"version": 1')
    done = procman("stop", "web", check=False)
    assert done.returncode == 125
    assert f"{procman.state}/web/state.json" in done.stderr
    assert "procman rm --force web" in done.stderr
    seen = procman("ps", "--managed")
    assert "'web' is damaged" in seen.stderr
    assert "ok" in seen.stdout
    procman("rm", "--force", "web")
    assert gone(pid)  # its supervisor lived, and needs no file to find it


def test_a_damaged_spec_is_refused_by_its_supervisor_too(procman):
    procman.detach("web", "--", "true")
    procman("wait", "web")
    (procman.state / "web" / "spec.json").write_text("{}")
    assert "field 'version'" in procman("start", "web", check=False).stderr


def test_a_program_that_vanishes_counts_as_a_failure(procman, tmp_path):
    program = tmp_path / "program"
    program.write_text("#!/bin/sh\nrm $0; exit 1\n")
    program.chmod(0o755)
    procman.detach("web", "--restart", "on-failure:2", "--", program)
    assert procman("wait", "web", check=False).returncode == 127
    facts = procman.status("web")
    assert facts["restarts"] == 2
    assert "no such file" in facts["error"]


def test_a_full_disk_stops_neither_the_process_nor_its_supervisor(procman):
    procman.detach("web", "--log", "/dev/full", "--", "sh", "-c", "for i in 1 2 3; do echo $i; sleep 0.1; done; exit 9")
    assert procman("wait", "web", check=False).returncode == 9
    assert "No space left on device" in (procman.state / "web" / "supervisor.log").read_text()


FULL = """
import os, subprocess, sys, time
tool, state = sys.argv[1:-1], sys.argv[-1]
run = lambda *words: subprocess.run([*tool, *words], capture_output=True, text=True)
os.makedirs(state)
subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k,mode=700", "tmpfs", state], check=True)
go = os.path.dirname(state) + "/go"
os.mkfifo(go)
assert run("spawn", "--detach", "--name", "web", "--", "sh", "-c", f"read x <{go}; exit 6").returncode == 0
with open(state + "/filler", "wb", buffering=0) as filler:
    try:
        while True:
            filler.write(bytes(4096))
    except OSError as error:
        assert error.errno == 28
open(go, "w").write("x")
log = state + "/web/supervisor.log"
first = run("wait", "web", "--timeout", "1")
shown = run("status", "web").stdout
os.unlink(state + "/filler")
print(first.returncode, run("wait", "web").returncode, "running" in shown)
run("rm", "web")
"""


@pytest.mark.needs("root", "program:unshare")
def test_an_exit_status_waits_until_the_disk_has_room(procman, tmp_path):
    (tmp_path / "full.py").write_text(FULL)
    words = ["unshare", "--mount", "--propagation", "private", sys.executable, tmp_path / "full.py"]
    done = subprocess.run([*words, *procman.command(), procman.state], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("124 6 True\n", "")


def test_of_many_who_want_a_name_one_gets_it(procman):
    words = procman.command("spawn", "--detach", "--name", "web", "--", "sleep", "300")
    tries = [subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(6)]
    ended = [(*process.communicate(), process.returncode) for process in tries]
    assert sorted(code for _, _, code in ended) == [0] + [125] * 5
    assert all("the name 'web' is taken" in err for _, err, code in ended if code)
    assert procman.status("web")["state"] == "running"


def test_a_command_killed_while_it_takes_a_name_blocks_nobody(procman):
    procman.detach("first", "--", "true")
    (procman.state / ".web.new").mkdir()
    (procman.state / ".web.new" / "spec.json").write_text("half")
    procman.detach("web", "--", "true")
    assert not (procman.state / ".web.new").exists()
    never = procman.state / "never"  # named, and then the command died before it started a supervisor
    never.mkdir()
    (never / "spec.json").write_text((procman.state / "first" / "spec.json").read_text())
    assert procman.status("never")["state"] == "lost"
    procman("start", "never")
    assert procman("wait", "never").returncode == 0


def test_the_state_is_for_nobody_else(procman):
    procman.detach("web", "--pty", "--", "true")
    procman("wait", "web", check=False)
    for path in [procman.state, *procman.state.rglob("*")]:
        assert path.lstat().st_mode & 0o077 == 0, path


def test_bad_words_are_told_without_a_traceback(procman):
    procman.detach("web", "--", "sleep", "300")
    for words, code in (
        (["status", "nobody"], 1),
        (["stop", "../web"], 1),
        (["stop", "0"], 2),
        (["signal", "web", "NOPE"], 125),
        (["stop", "web", "--timeout", "-1"], 2),
        (["logs", "1"], 2),
        (["logs", "web", "--tail", "-3"], 2),
        (["attach", "web"], 125),
        (["start"], 2),
        (["start", "web", "--boot"], 2),
        (["spawn", "-e", "NOVALUE", "--", "true"], 2),
        (["spawn", "--nice", "40", "--", "true"], 2),
        (["spawn", "--rlimit", "NOFILE=9:1", "--", "true"], 2),
    ):
        done = procman(*words, check=False)
        assert (done.returncode, bool(done.stderr)) == (code, True), words
    assert pathlib.Path(procman.state / "web" / "supervisor.log").read_text() == ""
