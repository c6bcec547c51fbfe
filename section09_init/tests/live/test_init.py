"""run_init against the kernel: as PID 1 of a pid namespace, and as a subreaper."""

import os
import pathlib
import signal
import subprocess
import sys
import time

import pytest

from section01_processes import (
    ChildFailed,
    ProcessTree,
    make_controlling_terminal,
    open_pty,
    set_subreaper,
    spawn,
)
from section09_init import reap, run_init

pytestmark = pytest.mark.lane("host", full="guest")
INITMAN = pathlib.Path(sys.executable).parent / "initman"


@pytest.fixture
def nothing_left():
    """Our mounts, children and descriptors are the same afterwards (others work on this machine meanwhile)."""

    def facts():
        mounts = pathlib.Path("/proc/self/mountinfo").read_text()
        return mounts, ProcessTree.read().children.get(os.getpid(), []), sorted(os.listdir("/proc/self/fd"))

    before = facts()
    yield
    assert facts() == before


def sh(script, **options):
    return run_init("/bin/sh", [b"sh", b"-c", script.encode()], [b"PATH=/usr/bin:/bin"], **options)


def lines(run, count=1, **options):
    """Start ``run`` with its output in a pipe; return the child, after ``count`` lines, and those."""
    reader, writer = os.pipe()

    def child():
        os.dup2(writer, 1)
        run()

    process = spawn(child, **options)
    os.close(writer)
    with open(reader) as pipe:
        found = [pipe.readline().rstrip("\n") for _ in range(count)]
    return process, found


def until(condition, seconds=60):
    """Wait until ``condition()`` holds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)


@pytest.mark.parametrize(
    ("script", "code"), [("exit 0", 0), ("exit 7", 7), ("kill -9 $$", 137), ("kill -TERM $$", 143)]
)
def test_it_ends_as_the_program_ends(script, code):
    with spawn(lambda: sh(script)) as child:
        assert child.wait() == code


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1, signal.SIGWINCH])
def test_signals_are_passed_on(number):
    script = f"trap 'exit 41' {int(number)}; echo ready; while :; do sleep 0.02; done"
    child, found = lines(lambda: sh(script))
    with child:
        assert found == ["ready"]
        child.signal(number)
        assert child.wait() == 41


def test_a_signal_that_the_program_does_not_handle_kills_it():
    child, _ = lines(lambda: sh("echo ready; exec sleep 100"))
    with child:
        child.signal(signal.SIGTERM)
        assert child.wait() == 143


def test_orphans_are_reaped():
    def run():
        set_subreaper()
        sh("for n in 1 2 3 4 5 6 7 8; do (sh -c 'sleep 0.0$1' x $n & ) ; done; echo ready; sleep 100; :")

    child, _ = lines(run)
    with child:
        # Of the eight that came to it, none is left, not even a zombie.
        until(lambda: [stat.comm for _, stat in ProcessTree.read().walk(child.pid)] == ["init", "sh", "sleep"])
        sleep = [stat.pid for _, stat in ProcessTree.read().walk(child.pid)][-1]
        child.signal(signal.SIGTERM)
        child.wait()
    os.kill(sleep, 9)


def test_an_inherited_ignored_sigchld_does_not_hide_the_end():
    def run():
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)
        sh("exit 9")

    with spawn(run) as child:
        assert child.wait() == 9


@pytest.mark.parametrize(("path", "code"), [("/nothing", 127), ("/etc/passwd", 126)])
def test_a_program_that_cannot_be_executed_is_an_error_of_the_caller(path, code):
    with pytest.raises(ChildFailed) as caught:
        spawn(lambda: run_init(path, [b"x"], []), report=True)
    assert caught.value.exit_code == code


def test_nothing_of_the_caller_stays_open_and_the_report_pipe_sees_the_execve():
    def run():
        os.dup2(0, 77)
        os.set_inheritable(77, True)
        sh("echo ready; exec sleep 100")

    child, _ = lines(run, report=True)  # with report: spawn returned, so the init has let the pipe go
    with child:
        program = ProcessTree.read().children[child.pid][0]
        assert sorted(map(int, os.listdir(f"/proc/{child.pid}/fd"))) == [0, 1, 2]
        until(lambda: sorted(map(int, os.listdir(f"/proc/{program}/fd"))) == [0, 1, 2])  # the loader's own are closed
        child.signal(9)
        child.wait()
    os.kill(program, 9)


def test_kept_descriptors_reach_the_program_and_not_the_init(tmp_path):
    fd = os.open(tmp_path, os.O_RDONLY)
    child, found = lines(
        lambda: sh(f"test -e /proc/self/fd/{fd} && echo there; exec sleep 100", keep=[fd]), report=True
    )
    with child:
        assert found == ["there"]
        assert not os.path.exists(f"/proc/{child.pid}/fd/{fd}")
        child.signal(signal.SIGTERM)
        child.wait()
    os.close(fd)


@pytest.mark.needs("root")
def test_the_init_s_memory_is_closed_to_the_same_user():
    """What it inherited of the host's Python must not be read from inside the container (dumpable 0)."""

    def run():
        os.setgid(65534)
        os.setuid(65534)
        sh("cat /proc/$PPID/environ >/dev/null 2>&1 && echo open || echo closed; exec sleep 100")

    child, found = lines(run)
    with child:
        assert found == ["closed"]
        child.signal(signal.SIGTERM)
        child.wait()


def test_the_program_leads_the_foreground_group_of_the_terminal():
    """Ctrl-C on the terminal ends the program by its own SIGINT; the init, in another group, sees its end."""
    master, slave = open_pty()

    def run():
        os.setsid()
        make_controlling_terminal(slave)
        for fd in (0, 1, 2):
            os.dup2(slave, fd)
        sh("echo ready; exec sleep 100")

    with spawn(run) as child:
        text = b""
        while text != b"ready\r\n":
            text += os.read(master, 99)
            assert b"ready\r\n".startswith(text)
        os.write(master, b"\x03")
        assert child.wait() == 130
    os.close(master)
    os.close(slave)


def test_reap_takes_all_that_ended_and_does_not_wait():
    def run():
        assert reap() == []
        first = os.fork() or os._exit(3)
        second = os.fork() or os._exit(4)
        third = os.fork() or (time.sleep(100), os._exit(0))
        for pid in (first, second):
            os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
        ended = sorted(reap())
        os.kill(third, 9)
        return 0 if ended == sorted([(first, 3 << 8), (second, 4 << 8)]) else 1

    with spawn(run) as child:
        assert child.wait() == 0


def initman(*words, **options):
    return subprocess.run([INITMAN, *map(str, words)], capture_output=True, text=True, check=False, **options)


@pytest.mark.needs("root")
def test_as_pid_1_it_reaps_passes_signals_on_and_takes_all_with_it(nothing_left):
    script = (
        "orphan=$(sleep 0.01 >/dev/null & echo $!); while kill -0 $orphan 2>/dev/null; do sleep 0.01; done; "
        "trap 'exit 55' TERM; ps -eo pid,stat,comm | sed 's/^/ps /'; echo; sleep 100 & wait"
    )
    with subprocess.Popen(
        [INITMAN, "run", "--pid", "--", "sh", "-c", script], stdout=subprocess.PIPE, text=True
    ) as tool:
        seen = []
        while (text := tool.stdout.readline()) != "\n":
            seen.append(text.split()[1:])
        tool.send_signal(signal.SIGTERM)
        assert tool.wait(60) == 55
    assert [row[2] for row in seen if row[0] in "12"] == ["init", "sh"]
    assert not any(row[1].startswith("Z") for row in seen)


@pytest.mark.needs("root")
def test_an_init_does_not_outlive_a_killed_launcher(nothing_left):
    tool = subprocess.Popen(
        [INITMAN, "run", "--pid", "--", "sh", "-c", "echo ready; sleep 100"], stdout=subprocess.PIPE
    )
    assert tool.stdout.readline() == b"ready\n"
    tool.kill()
    tool.wait()
    assert tool.stdout.read() == b""  # the end of the pipe: the last process of the namespace is gone
    tool.stdout.close()


def test_the_tool_as_a_subreaper():
    done = initman("run", "--", "sh", "-c", "exit 8")
    assert (done.returncode, done.stderr) == (8, "")
    missing = initman("run", "--", "nothing-of-that-name")
    assert (missing.returncode, missing.stderr.count("\n")) == (127, 1)


def test_a_dry_run_shows_the_order_and_does_nothing():
    done = initman("run", "--pid", "--dry-run", "--", "touch", "/nothing/x")
    steps = done.stdout.splitlines()
    assert "unshare(2)" in steps[0]
    assert "'/proc'" in steps[-2]
    assert "waitpid(2)" in steps[-1]


def test_policy_and_health_show_decisions():
    text = initman("policy", "on-failure:2").stdout.splitlines()
    assert [row.rpartition(": ")[2] for row in text] == [
        "start again after 0.1 s", "start again after 0.2 s", "leave it",
    ]  # fmt: skip
    assert initman("health", "fffs").stdout.split()[-1] == "healthy"
    for words in (("policy", "sometimes"), ("health", "x"), ("policy", "always", "--codes", "x")):
        done = initman(*words)
        assert done.returncode != 0
        assert "Traceback" not in done.stderr
