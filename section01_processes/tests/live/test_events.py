"""procman events, with the real connector."""

import json
import os
import re
import signal
import subprocess

import pytest

from section01_processes.connector import Connector, ConnectorError

pytestmark = [pytest.mark.lane("host"), pytest.mark.usefixtures("connector")]


@pytest.fixture
def connector():
    """Try to listen; where that is not possible, say why."""
    try:
        with Connector():
            pass
    except ConnectorError as error:
        text = f"not runnable here: {error}"
        pytest.fail(text) if os.environ.get("CI") else pytest.skip(text)


class Listener:
    """A running ``procman events``, listening."""

    def __init__(self, procman, *words):
        self.process = subprocess.Popen(procman.command("events", *words), stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, text=True)  # fmt: skip
        line = self.process.stderr.readline()
        assert line == "procman: listening\n", line

    def all(self):
        """Return every event until it ends by itself."""
        out, errors = self.process.communicate(timeout=60)
        assert (self.process.returncode, errors) == (0, "")
        return [json.loads(line) for line in out.splitlines()]


@pytest.fixture
def listen(procman):
    """Return a function that starts a listener; all are ended."""
    started = []

    def start(*words):
        started.append(Listener(procman, *words))
        return started[-1]

    yield start
    for listener in started:
        listener.process.kill()
        listener.process.communicate()


def shell(script):
    """Start a shell that waits for a line before it runs ``script``."""
    return subprocess.Popen(["sh", "-c", f"read go; {script}"], stdin=subprocess.PIPE, text=True)


def go(process):
    process.communicate("\n", timeout=60)


def test_fork_exec_and_exit_of_a_family(listen):
    root = shell("/bin/true; (exit 3); sh -c 'kill -9 $$'; exit 4")
    listener = listen(root.pid, "--json", "--until-exit", root.pid)
    go(root)
    events = listener.all()
    kids = [e["pid"] for e in events if e["kind"] == "fork"]
    assert len(kids) == 3
    assert all(e["parent"] == root.pid and e["parent_name"] == "sh" for e in events if e["kind"] == "fork")
    story = {
        pid: [e["kind"] for e in events if e["pid"] == pid and e["kind"] in ("fork", "exec", "exit")] for pid in kids
    }
    assert [story[pid] for pid in kids] == [["fork", "exec", "exit"], ["fork", "exit"], ["fork", "exec", "exit"]]
    assert [next(e["status"] for e in events if e["pid"] == p and e["kind"] == "exit") for p in kids] == [0, 0x300, 9]
    assert events[-1] | {"time": 0} == {
        "kind": "exit", "pid": root.pid, "tid": root.pid, "name": "sh", "status": 0x400, "exit_code": 4, "time": 0,
    }  # fmt: skip
    assert {e["pid"] for e in events} <= {root.pid, *kids}


def test_times_are_in_order_and_of_today(listen):
    root = shell("/bin/true; /bin/true; :")
    listener = listen(root.pid, "--json", "--until-exit", root.pid, "--kind", "fork", "--kind", "exit")
    go(root)
    events = listener.all()
    assert {e["kind"] for e in events} == {"fork", "exit"}
    started = os.stat("/proc/self").st_ctime
    assert all(abs(e["time"] - started) < 3600 for e in events)


def test_a_new_session_and_a_new_name(listen, program):
    root = shell(f"{program('setsid')} -w sh -c 'printf x > /proc/$$/comm'; :")
    listener = listen(root.pid, "--json", "--until-exit", root.pid, "--kind", "sid", "--kind", "comm")
    go(root)
    events = listener.all()
    assert [e["kind"] for e in events] == ["sid", "comm"]
    assert events[1]["name"] == "x"


def test_threads_only_on_wish(listen):
    import sys

    code = "'import threading as t; a = t.Thread(target=int); a.start(); a.join()'"
    for wish, expected in (([], set()), (["--threads"], {"fork", "exit"})):
        root = shell(f"{sys.executable} -c {code}; :")
        listener = listen(root.pid, "--json", "--until-exit", root.pid, *wish)
        go(root)
        assert {e["kind"] for e in listener.all() if e["tid"] != e["pid"]} == expected


def test_count_ends_it_and_lines_are_for_people(listen):
    root = shell("sh -c 'read stay; :'; :")
    listener = listen(root.pid, "--count", "2")
    root.stdin.write("\n")
    root.stdin.flush()
    out, _ = listener.process.communicate(timeout=60)
    go(root)
    first, second = out.splitlines()
    assert re.fullmatch(rf"\d\d:\d\d:\d\d\.\d\d\d fork     \d+ sh  child of {root.pid} sh", first)
    assert re.fullmatch(r"\d\d:\d\d:\d\d\.\d\d\d exec     \d+ sh  sh -c read stay; :", second)
    assert listener.process.returncode == 0


def test_lost_messages_are_said_and_the_end_is_still_seen(listen):
    """A listener with the smallest buffer is stopped while more happens than fits."""
    root = shell("i=0; while [ $i -lt 200 ]; do (:); i=$((i+1)); done")
    listener = listen(root.pid, "--json", "--until-exit", root.pid, "--buffer", "1")
    listener.process.send_signal(signal.SIGSTOP)
    go(root)
    listener.process.send_signal(signal.SIGCONT)
    events = listener.all()
    assert events[-1]["kind"] == "lost" or events[-1]["pid"] == root.pid
    assert [e for e in events if e["kind"] == "lost"]
    assert len([e for e in events if e["kind"] == "fork"]) < 200


@pytest.mark.parametrize("words", [["999999999"], ["--until-exit", "999999999"]])
def test_no_such_process(procman, words):
    done = procman("events", *words, check=False)
    assert done.returncode == 1
    assert "procman: error: no process 999999999\n" in done.stderr


@pytest.mark.needs("userns")
@pytest.mark.parametrize("namespaces", [["-U"], ["-U", "-n"]])
def test_inside_a_container_it_says_why_and_what_to_try(procman, namespaces):
    done = subprocess.run(["unshare", *namespaces, *procman.command("events", "--count", "1")], capture_output=True,
                          text=True, check=False, timeout=60)  # fmt: skip
    assert (done.returncode, done.stdout) == (125, "")
    assert done.stderr.startswith("procman: error: ")
    assert "procman tree --watch" in done.stderr
