"""Exercises about namespaces in the sandbox: what they need works, and our sandbox holds against its own root."""

import os
from textwrap import dedent

import pytest

pytestmark = [pytest.mark.lane("host", "guest"), pytest.mark.needs("userns")]
TELL = "import json, os, sys\ndef tell(value): print(json.dumps(value))\n"
NESTED = """
    import lab, socket
    uid, gid = os.getuid(), os.getgid()
    lab.unshare(lab.CLONE_NEWUSER)
    for name, text in (("setgroups", "deny"), ("uid_map", f"0 {uid} 1"), ("gid_map", f"0 {gid} 1")):
        with open(f"/proc/self/{name}", "w") as file:
            file.write(text)
    lab.unshare(lab.CLONE_NEWNS | lab.CLONE_NEWPID | lab.CLONE_NEWUTS | lab.CLONE_NEWNET | lab.CLONE_NEWIPC)
    child = os.fork()
    if child:
        sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    lab.mount("", "/", "", lab.MS_REC | lab.MS_PRIVATE)
    lab.sethostname("nested")
    os.makedirs("/tmp/root/old")
    lab.mount("root", "/tmp/root", "tmpfs")
    for name in ("old", "proc", "etc"):
        os.mkdir(f"/tmp/root/{name}")
    lab.mount("proc", "/tmp/root/proc", "proc")
    lab.pivot_root("/tmp/root", "/tmp/root/old")
    os.chdir("/")
    lab.umount("/old", lab.MNT_DETACH)
    tell([uid, os.getuid(), os.getpid(), os.uname().nodename, sorted(os.listdir("/")),
          [p for p in os.listdir("/proc") if p.isdigit()], socket.if_nameindex()])
"""
TRIES = """
    import lab, signal
    def attempt(act, *args):
        try:
            act(*args)
            return 0
        except OSError as error:
            return error.errno
    def write(path):
        with open(path, "w") as file:
            file.write("x")
    def trace_init():
        lab.libc.syscall.argtypes = None
        number = {"x86_64": 101, "aarch64": 117}[os.uname().machine]
        lab._check(lab.libc.syscall(number, 16, 1, 0, 0), "ptrace(PTRACE_ATTACH, 1)")
    lib = os.path.dirname(os.__file__)
    remount = lab.MS_REMOUNT | lab.MS_BIND | lab.MS_NOSUID | lab.MS_NODEV
"""


def test_an_ordinary_user_builds_a_container_of_his_own(inside):
    answer = inside(needs=("userns",)).ask(TELL + dedent(NESTED))
    assert answer == [1000, 0, 1, "nested", ["etc", "old", "proc"], ["1"], [[1, "lo"]]]
    assert os.uname().nodename != "nested"


def test_an_exercise_that_needs_root_gets_root_of_the_sandbox(inside):
    box = inside(needs=("root",))
    source = """
        import socket
        lab.sethostname("other")
        lab.mount("mine", "/tmp", "tmpfs")
        os.chroot("/tmp")
        with socket.socket() as low:
            low.bind(("127.0.0.1", 80))
        tell([os.getuid(), os.uname().nodename])
    """
    assert box.ask(TELL + "import lab\n" + dedent(source)) == [0, "other"]


def test_root_of_the_sandbox_cannot_undo_the_sandbox(inside):
    box = inside(needs=("root",))
    source = """
        tell({
            "write": attempt(write, "/x"),
            "root writable": attempt(lab.mount, "", "/", "", lab.MS_REMOUNT | lab.MS_BIND),
            "library writable": attempt(lab.mount, "", lib, "", remount),
            "look below": attempt(lab.umount, lib),
            "proc away": attempt(lab.umount, "/proc", lab.MNT_DETACH),
            "device": attempt(os.mknod, "/tmp/sda", 0o60666, os.makedev(8, 0)),
            "trace": attempt(trace_init),
            "memory": attempt(open, "/proc/1/mem", "rb"),
            "root of init": attempt(os.listdir, "/proc/1/root"),
            "its files": attempt(os.listdir, "/proc/1/fd"),
            "clock": attempt(lambda: __import__("time").clock_settime(0, 0)),
            "kernel": attempt(write, "/proc/sys/kernel/panic"),
        })
    """
    answers = box.ask(TELL + dedent(TRIES) + dedent(source))
    assert [name for name, errno in answers.items() if errno == 0] == []
    assert (answers["write"], answers["look below"], answers["trace"]) == (30, 22, 1)


def test_a_nested_root_cannot_either(inside):
    source = """
        lab.unshare(lab.CLONE_NEWUSER | lab.CLONE_NEWNS)
        tell([attempt(lab.mount, "", lib, "", remount), attempt(lab.umount, lib), attempt(trace_init),
              attempt(lab.mount, "", "/", "", lab.MS_REMOUNT | lab.MS_BIND), attempt(open, "/proc/1/mem", "rb")])
    """
    answers = inside(needs=("userns",)).ask(TELL + dedent(TRIES) + dedent(source))
    assert answers == [1, 22, 1, 1, 13]


def test_no_signal_from_inside_ends_the_init(inside):
    box = inside(needs=("root",))
    source = """
        import signal
        for number in sorted(signal.valid_signals()):
            os.kill(1, number)
        try:
            os.kill(-1, signal.SIGKILL)
        except ProcessLookupError:
            pass  # nobody but the init and the caller, whom it spares
        tell(os.getpid())
    """
    first = box.ask(TELL + dedent(source))
    assert box.ask(TELL + "tell(os.getpid())") > first
    with open(f"/proc/{box.place.init}/status", encoding="utf-8") as file:
        assert "State:\tS" in file.read()
