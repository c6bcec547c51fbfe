"""spawn and Child against the kernel."""

import faulthandler
import os
import select
import signal
import subprocess
import sys
import threading
import time

import pytest

from section01_processes import Child, ChildFailed, LcmError, ProcessTree, ProgramNotFound, exit_code, spawn

pytestmark = pytest.mark.lane("host", "guest")


def sleep():
    time.sleep(100)


@pytest.mark.parametrize("code", [0, 1, 77, 255])
def test_the_exit_code_is_what_run_returns(code):
    with spawn(lambda: code) as child:
        assert child.wait() == code
        assert child.status() == code << 8


def test_death_by_signal_is_128_and_the_signal():
    with spawn(sleep) as child:
        assert child.poll() is None
        assert child.signal(signal.SIGTERM) is True
        assert child.wait() == 128 + 15
        assert os.WTERMSIG(child.status()) == 15
        assert child.signal(signal.SIGTERM) is False  # gone, and no stranger was hit


def test_wait_twice_gives_the_same_answer_and_leaves_no_zombie():
    with spawn(lambda: 3) as child:
        assert (child.wait(), child.wait(), child.poll()) == (3, 3, 3)
        with pytest.raises(ProcessLookupError):
            os.kill(child.pid, 0)


def test_the_pidfd_polls_readable_at_the_end():
    with spawn(sleep) as child:
        assert select.select([child], [], [], 0)[0] == []
        child.signal(9)
        assert select.select([child], [], [], 60)[0] == [child]
        assert child.wait() == 137


def test_status_before_wait_is_an_error():
    with spawn(lambda: 0) as child:
        with pytest.raises(LcmError, match="has not been waited for"):
            child.status()
        child.wait()


def test_a_core_dump_is_told_by_its_signal():
    assert exit_code(0x86) == 134  # SIGABRT | 0x80, as waitpid(2) shows a dumped core
    with spawn(lambda: (faulthandler.disable(), os.abort())[0]) as child:  # pytest's handler would print
        assert child.wait() == 134


def test_the_child_never_comes_back_and_flushes_nothing(tmp_path):
    file = open(tmp_path / "buffered", "w")
    file.write("once\n")
    before = os.getpid()
    with spawn(lambda: None) as child:
        assert child.wait() == 0
    assert os.getpid() == before
    file.close()
    assert (tmp_path / "buffered").read_text() == "once\n"


def test_a_process_with_two_threads_does_not_fork():
    ready, done = threading.Event(), threading.Event()
    thread = threading.Thread(target=lambda: (ready.set(), done.wait()))
    thread.start()
    ready.wait()
    try:
        with pytest.raises(LcmError, match="LCM-PROC-05"):
            spawn(lambda: 0)
    finally:
        done.set()
        thread.join()


def test_a_reported_error_is_raised_in_the_parent():
    before = ProcessTree.read().children.get(os.getpid(), [])

    def fail():
        raise FileNotFoundError(2, "No such file or directory", "/x")

    with pytest.raises(ChildFailed) as caught:
        spawn(fail, report=True)
    assert caught.value.errno == 2
    assert "/x" in caught.value.message

    def refuse():
        raise ProgramNotFound("exec: no")

    with pytest.raises(ChildFailed) as caught:
        spawn(refuse, report=True)
    assert (caught.value.exit_code, caught.value.errno, caught.value.message) == (127, 0, "exec: no")
    assert ProcessTree.read().children.get(os.getpid(), []) == before  # both were waited for


def test_an_error_that_nobody_reads_is_printed_and_is_the_exit_code(capfd):
    def refuse():
        raise ProgramNotFound("exec: no")

    with spawn(refuse) as child:
        assert child.wait() == 127
    assert capfd.readouterr().err == "error: exec: no\n"

    with spawn(lambda: 1 // 0) as child:
        assert child.wait() == 125
    assert "ZeroDivisionError" in capfd.readouterr().err


def test_the_parents_handlers_do_not_run_in_the_child():
    hits = []
    before = signal.signal(signal.SIGUSR1, lambda *_: hits.append(1))
    try:

        def run():
            os.kill(os.getpid(), signal.SIGUSR1)
            return 5  # not reached: the default action terminates

        with spawn(run) as child:
            assert child.wait() == 128 + signal.SIGUSR1
        assert signal.pthread_sigmask(signal.SIG_BLOCK, ()) == set()
        os.kill(os.getpid(), signal.SIGUSR1)
        assert hits == [1]
    finally:
        signal.signal(signal.SIGUSR1, before)


def test_no_descriptor_is_lost():
    before = sorted(os.listdir("/proc/self/fd"))
    for report in (False, True):
        with spawn(lambda: 0, report=report) as child:
            child.wait()
    with pytest.raises(ChildFailed):
        spawn(lambda: 1 // 0, report=True)
    assert sorted(os.listdir("/proc/self/fd")) == before


def test_a_process_that_is_no_child_can_be_watched_and_not_waited_for():
    with Child(os.getppid(), os.pidfd_open(os.getppid())) as parent, pytest.raises(ChildProcessError):
        parent.wait()


FULL = """
import os, resource, signal
from section01_processes import spawn

def fill():
    try:
        while True:
            os.dup(0)
    except OSError:
        pass

resource.setrlimit(resource.RLIMIT_NOFILE, (20, 20))
os.register_at_fork(after_in_parent=fill)
try:
    spawn(signal.pause)
except OSError as error:
    print(error.strerror)
try:
    os.waitpid(-1, os.WNOHANG)
except ChildProcessError:
    print("no child")
"""


def test_a_child_without_a_handle_does_not_live_on():
    """Right after the fork the last free descriptor is taken: there is no pidfd for the child."""
    done = subprocess.run([sys.executable, "-c", FULL], capture_output=True, text=True, check=False, timeout=30)
    assert done.stdout.splitlines() == ["Too many open files", "no child"], done
