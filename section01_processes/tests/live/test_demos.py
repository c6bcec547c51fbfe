"""The demonstrations: what the kernel said, fact by fact."""

import json
import os
import re
import select
import signal
import subprocess
import sys

import pytest

from section01_processes import Actor, LcmError, Line, ProcessStat
from section01_processes.demo import stage
from section01_processes.demo.catalogue import DEMOS
from section01_processes.demo.states import PARTS, in_state

pytestmark = [pytest.mark.lane("host"), pytest.mark.usefixtures("nobody_left")]


@pytest.fixture
def nobody_left():
    """Assert that no process of ours is left: neither a child nor, by a subreaper's eyes, a descendant."""
    yield
    with pytest.raises(ChildProcessError):
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)


@pytest.fixture
def play(procman):
    """Return a function that plays a demonstration and returns the facts of each step."""

    def run(name):
        answer = json.loads(procman("signals", "demo", name, "--json").stdout)
        assert answer["demo"] == name
        assert all(step["do"] and step["sources"].keys() == step["facts"].keys() for step in answer["steps"])
        return [step["facts"] for step in answer["steps"]]

    return run


def test_mask(play):
    assert play("mask") == [
        {"child blocked": ["SIGUSR1", "SIGUSR2"]},
        {"child pending, thread": [], "child pending, process": ["SIGUSR1"], "child state": "sleeping"},
        {"child pending, thread": ["SIGUSR2"], "child pending, process": ["SIGUSR1"]},
        {"child took": "SIGUSR2", "child pending, thread": [], "child pending, process": ["SIGUSR1"]},
        {"child ended": "killed by SIGUSR1"},
    ]


def test_coalesce(play):
    assert play("coalesce") == [
        {"child pending, process": ["SIGUSR1", "SIGRTMIN"]},
        {"SIGUSR1 taken": 1, "SIGRTMIN taken": 5},
        {"zombies": 3, "child pending, process": ["SIGCHLD"]},
        {"SIGCHLD taken": 1, "children reaped": 3, "child ended": "exit code 0"},
    ]


def test_eintr(play):
    assert play("eintr") == [
        {"child state": "sleeping", "child caught": ["SIGUSR1"], "read(2) gave": "EINTR", "handler ran": 1},
        {"read(2) gave": "x", "handler ran": 1},
        {"poll(2) gave": "EINTR", "handler ran": 1},
        {"os.read gave": "y", "handler ran": 1},
    ]


def sets(who, shared, blocked, ignored, caught):
    return {
        f"{who} pending, process": shared,
        f"{who} blocked": blocked,
        f"{who} ignored": ignored,
        f"{who} caught": caught,
    }


def test_exec(play):
    assert play("exec") == [
        sets("child", ["SIGHUP"], ["SIGHUP"], ["SIGUSR2"], ["SIGUSR1"]),
        sets("grandchild", [], ["SIGHUP"], ["SIGUSR2"], ["SIGUSR1"]),
        sets("sleep", ["SIGHUP"], ["SIGHUP"], ["SIGUSR2"], []),
        sets("sleep", [], [], [], []),
    ]


def test_group(play):
    assert play("group") == [
        {"first is in group": "the first's", "second is in group": "the first's", "third is in group": "the third's"},
        {"first ended": "killed by SIGTERM", "second ended": "killed by SIGTERM", "third state": "sleeping",
         "third pending, process": []},
        {"the group": "ESRCH"},
    ]  # fmt: skip


def test_terminal(play):
    assert play("terminal") == [
        {"leader leads the session": True, "foreground group is the first child's": True},
        {"foreground process ended": "killed by SIGINT", "background process state": "sleeping",
         "leader state": "sleeping"},
        {"leader ended": "killed by SIGHUP", "background process state": "sleeping",
         "background process has a terminal": False},
    ]  # fmt: skip


def test_orphan_group(play):
    assert play("orphan-group") == [
        {"plain state": "stopped", "careful state": "stopped", "plain's parent is the leader": True,
         "careful blocked": ["SIGHUP", "SIGCONT"]},
        {"plain ended": "killed by SIGHUP", "careful took": ["SIGHUP", "SIGCONT"], "sent by the kernel": True,
         "careful state": "sleeping"},
        {"careful pending, process": [], "careful state": "sleeping"},
        {"careful state": "stopped"},
    ]  # fmt: skip


@pytest.mark.needs("userns")
def test_pid1(play):
    none = {"PID 1 blocked": [], "PID 1 ignored": [], "PID 1 caught": []}
    assert play("pid1") == [
        {"its pid inside": 1, **none},
        {"kill gave": 0, "PID 1 pending, thread": [], "PID 1 pending, process": [], "PID 1 state": "sleeping"},
        {"PID 1 pending, process": [], "PID 1 state": "sleeping"},
        {"PID 1 caught": ["SIGTERM"], "handler took": "SIGTERM", "PID 1 state": "sleeping"},
        {"PID 1 ended": "killed by SIGKILL"},
    ]


def test_fd(play):
    assert play("fd") == [
        {"signalfd takes": ["SIGUSR1"]},
        {"child read": "SIGUSR1", "sent by us": True, "child pending, process": []},
        {"pidfd is of the child": True, "pidfd is readable": False},
        {"pidfd is readable": True, "child state": "zombie"},
        {"child ended": "exit code 0", "pid behind the pidfd": -1, "a signal by the pidfd": "ESRCH"},
    ]


def test_states(play):
    facts = play("states")
    assert [step["letter"] for step in facts[:6]] == ["R", "S", "D", "T", "t", "Z"]
    assert facts[6].keys() == {"kernel threads in it"}


@pytest.mark.parametrize("letter", sorted(PARTS))
def test_a_process_is_held_in_each_state_and_ends_with_the_block(letter):
    with in_state(letter) as pid:
        assert ProcessStat.of(pid).state == letter
    assert not os.path.exists(f"/proc/{pid}")


@pytest.mark.parametrize("letter", ["X", "P", "q"])
def test_states_that_nobody_can_be_held_in_are_refused(letter):
    with pytest.raises(LcmError, match="nothing holds a process"), in_state(letter):
        pass


def test_each_has_a_line_in_the_list(procman):
    listed = json.loads(procman("signals", "demo", "--json").stdout)
    assert list(listed) == list(DEMOS)
    assert all(text.endswith(".") for text in listed.values())
    assert [line.split()[0] for line in procman("signals", "demo").stdout.splitlines()] == list(DEMOS)


@pytest.mark.parametrize("columns", [40, 80, 200])
@pytest.mark.parametrize("name", ["orphan-group", "states", "terminal"])
def test_its_lines_fit_the_terminal_and_break_between_words(procman, name, columns):
    """What is shown is what is recorded: every word, in order, whatever the width; never more than 80 columns."""
    steps = json.loads(procman("signals", "demo", name, "--json").stdout)["steps"]
    text = procman("signals", "demo", name, env={**os.environ, "COLUMNS": str(columns)}).stdout
    assert max(map(len, text.splitlines())) <= min(columns, 80)
    words = " ".join(text.split())
    for number, step in enumerate(steps, 1):
        assert f"{number}. {step['do']}" in words
        for label, source in step["sources"].items():
            assert f" {label}: " in words
            assert f"({re.sub(r'[0-9]+', '', source)})" in re.sub(r"[0-9]+", "", words)


def test_an_unknown_one_is_refused_by_name(procman):
    done = procman("signals", "demo", "maks", check=False)
    assert done.returncode == 2
    assert "no demonstration 'maks' (one of states, mask," in done.stderr


def test_step_by_step(procman):
    """Each step waits for its Enter: without one, its fact is not there."""
    process = subprocess.Popen(procman.command("signals", "demo", "group", "--step"), stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)  # fmt: skip
    try:
        os.set_blocking(process.stderr.fileno(), True)
        assert process.stdout.readline().startswith("1. three children")
        process.stdin.write("\n")
        process.stdin.flush()
        lines = []
        while not lines or (lines[-1] and not lines[-1].startswith("2. ")):
            lines.append(process.stdout.readline())
        assert "".join(lines).count("is in group") == 3
        assert lines[-1].startswith("2. kill(-")
        rest, _ = process.communicate("\n\n", timeout=60)
        assert "killed by SIGTERM" in rest
        assert process.returncode == 0
    finally:
        process.kill()
        process.wait()


def test_an_actor_waits_as_long_as_its_audience_reads(monkeypatch):
    monkeypatch.setattr(stage, "PATIENCE", 0.05)
    with Actor(lambda line: 7 if line.hear() == "go on" else 8) as actor:
        assert select.select([actor.child], [], [], 0.3)[0] == []
        actor.line.say("go on")
        assert actor.child.wait() == 7


def test_an_actor_ends_in_silence_when_the_stage_has_gone(capfd):
    with Actor(Line.hear) as actor:
        actor.line.close()
        assert actor.child.wait() == 0
    actor.leave()  # a second time: nothing to do
    assert capfd.readouterr() == ("", "")


def test_an_actor_that_says_nothing_is_not_waited_for_without_end(monkeypatch):
    monkeypatch.setattr(stage, "PATIENCE", 0.05)
    with Actor(lambda line: line.hear()) as actor, pytest.raises(LcmError, match="says nothing"):
        actor.line.hear()
    with Actor(lambda _: 0) as actor:
        actor.child.wait()
        with pytest.raises(LcmError, match="ended early"):
            actor.line.hear()


def test_the_end_of_the_input_plays_on(procman):
    done = procman("signals", "demo", "group", "--step")
    assert "ESRCH" in done.stdout


def test_ctrl_c_leaves_nobody(procman):
    """Its children go with it, those in groups and sessions of their own, too."""
    process = subprocess.Popen(
        procman.command("signals", "demo", "orphan-group", "--step"), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL, text=True, preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip
    try:
        process.stdin.write("\n")
        process.stdin.flush()
        pids = set()
        while len(pids) < 2:
            line = process.stdout.readline()
            assert line, "the demonstration ended before it named two processes"
            pids |= {int(pid) for pid in re.findall(r"/proc/(\d+)/", line)}
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 130
        procman.until(lambda: not any(os.path.exists(f"/proc/{pid}") for pid in pids), "their end")
    finally:
        process.kill()
        process.wait()
        process.stdin.close()
        process.stdout.close()


@pytest.mark.parametrize("name", ["terminal", "orphan-group", "mask", "exec"])
def test_what_its_own_caller_ignores_does_not_matter(procman, name):
    """As under nohup: SIGHUP, SIGINT and the signals of the demonstrations ignored and blocked."""

    def unwilling():
        for number in (signal.SIGHUP, signal.SIGINT, signal.SIGUSR1, signal.SIGUSR2, signal.SIGCONT):
            signal.signal(number, signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP, signal.SIGUSR1, signal.SIGINT})

    plain = json.loads(procman("signals", "demo", name, "--json").stdout)
    other = json.loads(procman("signals", "demo", name, "--json", preexec_fn=unwilling).stdout)
    assert [step["facts"] for step in other["steps"]] == [step["facts"] for step in plain["steps"]]


def test_show_tells_what_each_thread_blocks(procman):
    code = (
        "import signal, threading, time\n"
        "def run():\n"
        "    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR2}); print('x', flush=True); time.sleep(600)\n"
        "threading.Thread(target=run, daemon=True).start()\n"
        "signal.signal(signal.SIGHUP, lambda *_: None); time.sleep(600)"
    )
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    try:
        process.stdout.readline()
        show = lambda: json.loads(procman("signals", "show", process.pid, "--json").stdout)  # noqa: E731
        procman.until(lambda: "SIGHUP" in show()["caught"], "the handler")
        shown = show()
        first, second = shown["threads"]
        assert (first["tid"], first["blocked"], second["blocked"]) == (process.pid, [], ["SIGUSR2"])
        assert "SIGPIPE" in shown["ignored"]
        os.kill(process.pid, signal.SIGSTOP)
        procman.until(lambda: ProcessStat.of(process.pid).state == "T", "the stop")
        os.kill(process.pid, signal.SIGHUP)
        text = procman("signals", "show", process.pid).stdout
        assert "  pending  SIGHUP\n" in text
        assert f"thread {second['tid']} " in text
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
