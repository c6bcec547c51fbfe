"""What a child makes of itself, and children that nobody holds; each in a child of the test."""

import contextlib
import encodings
import os
import pathlib
import signal
import subprocess
import sys
import time

import pytest

import section01_processes
from section01_processes import (
    ProcessIdentity,
    Recorder,
    become_user,
    close_descriptors,
    command_line,
    end_child,
    forbid_imports,
    lead_session,
    own_children,
    place_stdio,
    reap_all,
    spawn,
)

pytestmark = [pytest.mark.lane("host", full="guest")]


def test_a_session_of_ones_own(in_child):
    def run():
        lead_session()
        return [os.getsid(0) == os.getpid(), os.getpgrp() == os.getpid()]

    assert in_child(run) == [True, True]


def test_descriptors_may_be_placed_in_any_order(in_child, tmp_path):
    def run():
        for number, place in enumerate((2, 0, 1)):  # the one for 0 lies at 2, and so on: each in another's way
            fd = os.open(tmp_path / str(number), os.O_RDWR | os.O_CREAT)
            os.dup2(fd, place)
            os.close(fd)
        before = len(os.listdir("/proc/self/fd"))
        place_stdio(2, 0, 1)
        names = [os.path.basename(os.readlink(f"/proc/self/fd/{fd}")) for fd in (0, 1, 2)]
        return [names, len(os.listdir("/proc/self/fd")) - before, [os.get_inheritable(fd) for fd in (0, 1, 2)]]

    assert in_child(run) == [["0", "1", "2"], 0, [True] * 3]


def test_what_is_closed_already_may_be_closed():
    fd = os.open("/dev/null", os.O_RDONLY)
    close_descriptors((fd, fd))
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(fd)


@pytest.mark.needs("root")
@pytest.mark.parametrize("may", [True, False])
def test_a_user_and_his_groups_for_good(in_child, may):
    def run():
        before = os.getgroups()
        become_user(4001, 4002, (4003,), may)
        with contextlib.suppress(PermissionError):
            os.setuid(0)
        return [os.getresuid(), os.getresgid(), os.getgroups() == ([4003] if may else before)]

    assert in_child(run) == [(4001,) * 3, (4002,) * 3, True]


def test_children_are_found_ended_and_reaped(in_child):
    def run():
        pids = []
        for _ in range(3):
            pid = os.fork()
            if pid == 0:
                signal.pause()
            pids.append(pid)
        found = own_children() == pids
        end_child(pids[0])
        left = own_children() == pids[1:]
        for pid in pids[1:]:
            os.kill(pid, signal.SIGTERM)
        reap_all()
        return [found, left, own_children()]

    assert in_child(run) == [True, True, []]


def test_who_is_not_there_is_not_ended():
    with spawn(lambda: 0) as child:
        child.wait()
    with pytest.raises(ProcessLookupError):
        end_child(child.pid)


def test_an_identity_gives_the_handle_of_its_process_only():
    with spawn(lambda: time.sleep(60)) as child:
        identity = ProcessIdentity.of(child.pid)
        with identity.open() as handle:
            assert handle.poll() is None
            handle.signal(9)
            assert handle.wait() == 137
        with pytest.raises(ProcessLookupError):
            identity.open()
    another = ProcessIdentity(identity.boot_id, os.getpid(), 1)  # our pid, and a start long ago
    with pytest.raises(ProcessLookupError, match=str(os.getpid())):
        another.open()


def test_a_process_without_a_pid_has_no_handle():
    with pytest.raises(ProcessLookupError):
        ProcessIdentity(ProcessIdentity.of().boot_id, 0, 1).open()


@pytest.mark.needs("root")
def test_the_crash_test_ends_process_1_as_well(in_child):
    """SIGKILL from itself does nothing to process 1 of a pid namespace; the Recorder ends it all the same."""

    def run():
        from section01_processes._syscalls import unshare

        unshare(0x20000000)  # CLONE_NEWPID
        with spawn(lambda: Recorder(-1, "init", "init:0")(0, 0, 0) or 7) as child:
            return child.wait()

    assert in_child(run) == 137


def test_the_words_of_a_command():
    with open("/proc/self/cmdline", "rb") as file:
        assert " ".join(command_line(os.getpid())).encode() == file.read().rstrip(b"\0").replace(b"\0", b" ")


AGAIN = """
import os, sys
sys.path[:0] = sys.argv[1:2]
from section01_processes import execute_again
if sys.argv[-1] != "again":
    kept, lost = os.open("/dev/null", os.O_RDONLY), os.open("/dev/null", os.O_RDONLY)
    execute_again([str(os.getpid()), str(kept), str(lost), "again"], [kept])
pid, kept, lost = map(int, sys.argv[2:5])
print(pid == os.getpid(), os.path.exists(f"/proc/self/fd/{kept}"), os.path.exists(f"/proc/self/fd/{lost}"))
"""


def test_the_same_process_executes_its_program_again(tmp_path):
    (tmp_path / "p.py").write_text(AGAIN)
    project = os.path.dirname(os.path.dirname(section01_processes.__file__))
    command = [sys.executable, "-I", "-S", str(tmp_path / "p.py"), project]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == "True True False\n"


@pytest.mark.needs("root")
@pytest.mark.parametrize("forbidden", [True, False])
def test_a_traceback_in_another_root_runs_code_of_that_root_unless_imports_are_forbidden(tmp_path, capfd, forbidden):
    """The source file that the traceback quotes is the root's; so is the codec that its first line asks for."""
    ours, codec = (os.path.join(tmp_path, os.path.abspath(path).lstrip("/")) for path in (__file__, encodings.__file__))
    for path, text in (
        (ours, "# coding: hostile\n" * 400),
        (f"{codec[:-11]}hostile.py", "open('/ran', 'w').close()\n"),
    ):
        os.makedirs(os.path.dirname(path), exist_ok=True)
        pathlib.Path(path).write_text(text)

    def run():
        if forbidden:
            forbid_imports()
        os.chroot(tmp_path)
        os.chdir("/")
        raise ValueError("nobody thought of it")

    with spawn(run) as child:
        assert child.wait() == 125
    assert "ValueError: nobody thought of it" in capfd.readouterr().err
    assert (tmp_path / "ran").exists() != forbidden
