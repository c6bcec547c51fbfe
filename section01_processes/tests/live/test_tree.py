"""procman tree on processes of every kind."""

import contextlib
import ctypes
import json
import os
import re
import signal
import subprocess
import sys

import pytest

from section01_processes import spawn

pytestmark = pytest.mark.lane("host")


@contextlib.contextmanager
def child(run):
    """Have a child that calls ``run`` and then sleeps; yield its pid when ``run`` has returned."""
    reader, writer = os.pipe2(os.O_CLOEXEC)

    def body():
        run()
        os.write(writer, b"x")
        while True:
            signal.pause()

    with spawn(body) as process:
        os.close(writer)
        try:
            assert os.read(reader, 1) == b"x"
            yield process.pid
        finally:
            os.close(reader)
            process.signal(signal.SIGKILL)
            process.wait()


def name_it(name):
    """Set the name as raw bytes."""
    return lambda: ctypes.CDLL(None).prctl(15, name, 0, 0, 0)


@pytest.mark.parametrize(
    ("name", "shown", "in_json"),
    [
        (b"a) (b", "a) (b", "a) (b"),
        (b") S 1 1", ") S 1 1", ") S 1 1"),
        (b"\x1b[31mred", r"\x1b[31mred", "\x1b[31mred"),
        (b"two\nlines", r"two\x0alines", "two\nlines"),
        (b"caf\xe9", r"caf\xe9", r"caf\xe9"),
        ("日本語".encode(), "日本語", "日本語"),
        (b'q"\\', 'q"\\', 'q"\\'),
    ],
)
def test_names_of_every_kind(procman, name, shown, in_json):
    with child(name_it(name)) as pid:
        assert procman("tree", pid).stdout == f"{pid} {shown}\n"
        (row,) = json.loads(procman("tree", pid, "--json").stdout)
        assert row["name"] == in_json
        assert f"p{pid} [label=" in procman("tree", pid, "--dot").stdout


def test_threads_are_leaves_in_braces(procman):
    code = (
        "import threading, time\n"
        "t = [threading.Thread(target=time.sleep, args=(600,), daemon=True) for _ in range(3)]\n"
        "[x.start() for x in t]; print('ready', flush=True); time.sleep(600)"
    )
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    try:
        process.stdout.readline()
        lines = procman("tree", process.pid, "--threads").stdout.splitlines()
        tids = sorted(int(t) for t in os.listdir(f"/proc/{process.pid}/task"))
        assert [int(re.search(r"\{(\d+) ", line)[1]) for line in lines[1:]] == tids[1:]
        assert lines[-1].startswith("└─ {")
        (row,) = json.loads(procman("tree", process.pid, "--threads", "--json").stdout)
        assert [t["tid"] for t in row["threads"]] == tids[1:]
        assert procman("tree", process.pid).stdout.count("\n") == 1
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def test_groups_sessions_and_the_foreground(procman):
    """A session on a terminal of its own, with one group in the foreground and one behind it."""
    script = (
        "import os, signal, pty, time\n"
        "pid, master = pty.fork()\n"
        "if pid == 0:\n"
        "    signal.signal(signal.SIGTTOU, signal.SIG_IGN)\n"
        "    kids = []\n"
        "    for n in range(2):\n"
        "        kid = os.fork()\n"
        "        if kid == 0:\n"
        "            time.sleep(600)\n"
        "        os.setpgid(kid, kid); kids.append(kid)\n"
        "    os.tcsetpgrp(0, kids[0])\n"
        "    os.write(1, f'{kids[0]} {kids[1]}.'.encode()); time.sleep(600)\n"
        "told = b''\n"
        "while b'.' not in told: told += os.read(master, 100)\n"
        "print(pid, told.decode().rstrip('.'), flush=True); time.sleep(600)\n"
    )
    process = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    leader, front, back = map(int, process.stdout.readline().split())
    try:
        text = procman("tree", process.pid, "--groups").stdout
        assert re.search(
            rf"{leader} \S+  sid {leader} \(leader\) pgid {leader} \(leader\) pts/\d+$", text, re.MULTILINE
        )
        assert re.search(rf"{front} \S+  sid {leader} pgid {front} \(leader\) pts/\d+ foreground$", text, re.MULTILINE)
        assert re.search(rf"{back} \S+  sid {leader} pgid {back} \(leader\) pts/\d+$", text, re.MULTILINE)
        rows = {row["pid"]: row for row in json.loads(procman("tree", leader, "--groups", "--json").stdout)}
        assert [(rows[p]["foreground"], rows[p]["group_leader"]) for p in (leader, front, back)] == [
            (False, True), (True, True), (False, True),
        ]  # fmt: skip
        assert [rows[p]["session_leader"] for p in (leader, front, back)] == [True, False, False]
    finally:
        for pid in (front, back, leader, process.pid):
            os.kill(pid, signal.SIGKILL)
        process.wait()
        process.stdout.close()


@pytest.mark.needs("userns")
def test_a_change_of_namespace_is_marked_where_it_happens(procman):
    process = subprocess.Popen(["unshare", "-U", "sh", "-c", "echo; sleep 600 & wait"], stdout=subprocess.PIPE)
    try:
        process.stdout.readline()
        procman.until(lambda: len(json.loads(procman("tree", process.pid, "--json").stdout)) == 2, "sleep")
        first, second = procman("tree", process.pid, "--namespaces").stdout.splitlines()
        inode = os.stat(f"/proc/{process.pid}/ns/user").st_ino
        assert first.endswith(f"new user:[{inode}]")
        assert "new" not in second
        rows = json.loads(procman("tree", process.pid, "--namespaces", "--json").stdout)
        assert [row["new_namespaces"] for row in rows] == [["user"], []]
        assert rows[1]["namespaces"]["user"] == inode
    finally:
        for row in reversed(json.loads(procman("tree", process.pid, "--json").stdout)):
            os.kill(row["pid"], signal.SIGKILL)
        process.wait()
        process.stdout.close()


def test_cgroups_are_those_of_proc(procman):
    (row,) = json.loads(procman("tree", os.getpid(), "--cgroups", "--json").stdout)[:1]
    with open("/proc/self/cgroup") as file:
        assert row["cgroups"] == {line.split(":", 2)[1]: line.strip().split(":", 2)[2] for line in file}
    assert f"  cgroup {row['cgroups'].get('', '')}" in procman("tree", os.getpid(), "--cgroups").stdout.splitlines()[0]


def test_processes_that_come_and_go_are_normal(procman):
    churn = subprocess.Popen(["sh", "-c", "while :; do (:) & (:) & wait; done"], start_new_session=True)
    try:
        for _ in range(5):
            for words in (
                ["--threads", "--namespaces", "--cgroups"],
                ["--json", "--namespaces", "--threads", "--cgroups"],
            ):
                done = procman("tree", *words)
                assert str(churn.pid) in done.stdout
                assert "error" not in done.stderr
    finally:
        os.killpg(churn.pid, signal.SIGKILL)
        churn.wait()


def test_states_are_told_in_words(procman):
    with child(lambda: None) as pid:
        os.kill(pid, signal.SIGSTOP)
        procman.until(lambda: "(stopped)" in procman("tree", pid).stdout, "the stop")
        os.kill(pid, signal.SIGCONT)


def test_watching_in_plain_text_tells_who_comes_and_who_goes(procman):
    """Line by line: the picture, then the changes; it ends with an error when the watched process goes."""
    root = subprocess.Popen(["sh", "-c", "echo $$; read a; sleep 600 & echo $!; read b; kill $!; wait; read c"],
                            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)  # fmt: skip
    root.stdout.readline()
    watch = subprocess.Popen(procman.command("tree", root.pid, "--watch", "--plain", "--interval", "0.1"),
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)  # fmt: skip
    try:
        assert watch.stdout.readline() == f"{root.pid} sh\n"
        root.stdin.write("\n")
        root.stdin.flush()
        pid = int(root.stdout.readline())
        told = watch.stdout.readline()
        assert re.fullmatch(rf"\d\d:\d\d:\d\d \+ {pid} \w+ \(new, child of {root.pid} sh\)\n", told)
        root.stdin.write("\n")
        root.stdin.flush()
        told = watch.stdout.readline()
        assert re.fullmatch(rf"\d\d:\d\d:\d\d - {pid} \w+ \(gone, child of {root.pid} sh\)\n", told)
    finally:
        root.kill()
        root.communicate()
    rest, errors = watch.communicate(timeout=60)
    assert f"- {root.pid} sh (gone" in rest
    assert errors == f"procman: error: process {root.pid} has gone\n"
    assert watch.returncode == 1


@pytest.mark.parametrize(
    ("words", "code"),
    [(["999999999"], 1), (["--json", "--dot"], 2), (["--watch", "--json"], 2), (["--interval", "0"], 2),
     (["--watch", "999999999"], 1)],
)  # fmt: skip
def test_bad_input(procman, words, code):
    done = procman("tree", *words, check=False)
    assert (done.returncode, done.stdout) == (code, "")
    assert done.stderr
