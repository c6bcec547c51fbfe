"""The stumbling blocks: each test makes the learner's mistake for real, sees it, applies the remedy, and succeeds.

What a mistake does is looked up in the kernel, from outside; "never" is shown by who could still change it: nobody.
"""

import contextlib
import json
import os
import signal
import sys
import textwrap
import threading

import pytest

from section01_processes import LcmError, ProcessStat, ProcessTree, make_controlling_terminal, open_pty, spawn

pytestmark = pytest.mark.lane("host")


def writers(pid, reader):
    """Return who holds a write end of the pipe that is descriptor ``reader`` of ``pid`` (proc_pid_fdinfo(5))."""
    pipe, found = os.readlink(f"/proc/{pid}/fd/{reader}"), set()
    for process in filter(str.isdigit, os.listdir("/proc")):
        try:
            for fd in os.listdir(f"/proc/{process}/fd"):
                if os.readlink(f"/proc/{process}/fd/{fd}") == pipe:
                    with open(f"/proc/{process}/fdinfo/{fd}") as info:
                        flags = next(int(line.split()[1], 8) for line in info if line.startswith("flags"))
                    found |= {int(process)} if flags & os.O_ACCMODE == os.O_WRONLY else set()
        except OSError:
            continue
    return found


# ---- pipes ----------------------------------------------------------------------------------------------------------

READ_TO_THE_END = """
    import os
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.write(writer, b"hello")
        os._exit(0)
    {remedy}
    os.waitpid(pid, 0)
    print(reader, flush=True)
    data = b""
    while part := os.read(reader, 100):
        data += part
    print(data.decode(), "and the end")
"""
AN_HEIR = """
    import os, subprocess
    reader, writer = {pipe}
    print(reader, flush=True)
    sleeper = subprocess.Popen(["sleep", "1000"], close_fds=False)
    os.write(writer, b"hello")
    os.close(writer)
    data = b""
    while part := os.read(reader, 100):
        data += part
    print(data.decode(), "and the end")
    sleeper.kill()
"""


@pytest.mark.remedy("LCM-PROC-01")
def test_a_pipe_ends_when_its_last_write_end_is_closed(learner, until, waits_in):
    with learner(READ_TO_THE_END.format(remedy="pass")) as mistake:
        reader = mistake.line()
        until(lambda: waits_in(mistake.pid, "pipe"), "it waits for the pipe")
        assert ProcessTree.read().children.get(mistake.pid, []) == []  # the writer has gone
        assert writers(mistake.pid, reader) == {mistake.pid}  # the one who could write is the one who reads
    with learner(READ_TO_THE_END.format(remedy="os.close(writer)")) as right:
        right.line()
        assert right.end() == "hello and the end\n"


@pytest.mark.remedy("LCM-PROC-01")
def test_a_child_that_inherits_no_write_end_keeps_no_pipe_open(learner, until, waits_in):
    with learner(AN_HEIR.format(pipe="os.pipe(); os.set_inheritable(writer, True)")) as mistake:
        reader = mistake.line()
        until(lambda: waits_in(mistake.pid, "pipe"), "it waits for the pipe")
        (sleeper,) = ProcessTree.read().children[mistake.pid]
        assert writers(mistake.pid, reader) == {sleeper}
        os.kill(sleeper, signal.SIGKILL)
        assert mistake.end() == "hello and the end\n"  # it was the heir, and nothing else
    with learner(AN_HEIR.format(pipe="os.pipe2(os.O_CLOEXEC)")) as right:
        right.line()
        assert right.end() == "hello and the end\n"


# ---- the ends of children -------------------------------------------------------------------------------------------

TWO_CHILDREN = """
    import os, signal
    signal.pthread_sigmask(signal.SIG_BLOCK, {{signal.SIGCHLD}})
    for child in range(2):
        if os.fork() == 0:
            os._exit(child)
    for pid in map(int, open(f"/proc/self/task/{{os.getpid()}}/children").read().split()):
        os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)  # it has ended, and stays a zombie
    signals = 0
    while signal.sigtimedwait({{signal.SIGCHLD}}, 0):
        signals += 1
        {wait}
    print("SIGCHLD:", signals, flush=True)
    input()
"""
LOOP = """
        try:
            while os.waitpid(-1, os.WNOHANG) != (0, 0): pass
        except ChildProcessError: pass"""


def zombies_of(procman, pid):
    found = json.loads(procman("ps", "--zombies", "--json").stdout)
    return [one for one in found if one["parent"] == pid]


@pytest.mark.remedy("LCM-PROC-02")
def test_one_signal_stands_for_many_dead_children(learner, procman):
    with learner(TWO_CHILDREN.format(wait="os.waitpid(-1, 0)")) as mistake:
        assert mistake.line() == "SIGCHLD: 1"
        assert len(zombies_of(procman, mistake.pid)) == 1
    assert "(LCM-PROC-02)" in procman("signals", "demo", "coalesce").stdout
    with learner(TWO_CHILDREN.format(wait=LOOP)) as right:
        assert right.line() == "SIGCHLD: 1"
        assert zombies_of(procman, right.pid) == []


ZOMBIE = """
    import os
    pid = os.fork()
    if pid == 0:
        os._exit(3)
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    print(pid, flush=True)
    if input() == "wait":
        print(os.waitpid(pid, 0)[1] >> 8, flush=True)
        input()
"""
#: What PID 1 does, for a process that has one of its own above it: it waits for everybody's orphans.
WITH_AN_INIT = """
    import os, subprocess, sys
    from section01_processes import set_subreaper
    set_subreaper()
    subprocess.Popen([sys.executable, "-c", {code!r}])
    while True:
        os.wait()
"""


@pytest.mark.remedy("LCM-PROC-06")
def test_a_zombie_goes_when_its_parent_waits(learner, procman, until, state_of):
    with learner(ZOMBIE) as program:
        zombie = int(program.line())
        os.kill(zombie, signal.SIGKILL)
        said = procman("signal", zombie, "KILL").stderr
        assert "[see ./course explain LCM-PROC-06]" in said
        assert state_of(zombie) == "Z"
        program.say("wait")
        assert program.line() == "3"  # its status had been kept
        until(lambda: not state_of(zombie), "it is gone")


@pytest.mark.remedy("LCM-PROC-06")
def test_a_zombie_whose_parent_never_waits_goes_with_its_parent(learner, until, state_of):
    with learner(WITH_AN_INIT.format(code=textwrap.dedent(ZOMBIE))) as init:
        zombie = int(init.line())
        parent = ProcessStat.of(zombie).ppid
        os.kill(zombie, signal.SIGKILL)
        assert state_of(zombie) == "Z"
        os.kill(parent, signal.SIGKILL)
        until(lambda: not state_of(zombie), "the new parent has waited for it")


# ---- what fork copies -----------------------------------------------------------------------------------------------


@pytest.mark.remedy("LCM-PROC-03")
def test_text_in_a_buffer_is_copied_by_fork(learner):
    code = "import os, sys; print('once?'); {flush}; pid = os.fork(); {leave}; pid and os.waitpid(pid, 0)"
    with learner(code.format(flush="pass", leave="pass")) as mistake:
        assert mistake.end() == "once?\nonce?\n"
    with learner(code.format(flush="sys.stdout.flush()", leave="pid or os._exit(0)")) as right:
        assert right.end() == "once?\n"


LOCKED = """
    import os, threading
    lock, held = threading.Lock(), threading.Event()
    def work():
        with lock:
            held.set()
            threading.Event().wait()
    def child():
        with lock:
            os._exit(7)
    {before}
    threading.Thread(target=work, daemon=True).start()
    held.wait()
    {after}
    print(os.waitpid(pid, 0)[1] >> 8)
"""
FORK = "pid = os.fork() or child()"
#: A process with one thread that forks for us, told so through a pipe; its child's exit code comes back as its own.
FORKER = """
    ask, told = os.pipe()
    if (pid := os.fork()) == 0:
        os.read(ask, 1)
        os._exit(os.waitpid(os.fork() or child(), 0)[1] >> 8)"""


@pytest.mark.remedy("LCM-PROC-05")
@pytest.mark.parametrize(("before", "after"), [(FORK, ""), (FORKER, "os.write(told, b'!')")])
def test_a_lock_of_another_thread_stays_locked_in_the_child(learner, until, waits_in, before, after):
    with learner(LOCKED.format(before="", after=FORK)) as mistake:
        (child,) = until(lambda: ProcessTree.read().children.get(mistake.pid), "the child is there")
        until(lambda: waits_in(child, "futex"), "it waits for the lock")
        assert len(os.listdir(f"/proc/{child}/task")) == 1  # the one who holds it is not in this process
        os.kill(child, signal.SIGKILL)
        assert ("DeprecationWarning" in mistake.end()) == (sys.version_info >= (3, 12))
    with learner(LOCKED.format(before=before, after=after)) as right:
        assert right.end() == "7\n"


@pytest.mark.remedy("LCM-PROC-05")
def test_spawn_refuses_a_process_with_threads_and_names_the_block():
    end = threading.Event()
    thread = threading.Thread(target=end.wait)
    with spawn(lambda: 7) as first:
        thread.start()
        try:
            with pytest.raises(LcmError, match=r"threads.*LCM-PROC-05"):
                spawn(lambda: 7)
        finally:
            end.set()
            thread.join()
        assert first.wait() == 7


# ---- names ----------------------------------------------------------------------------------------------------------


@pytest.mark.remedy("LCM-PROC-04")
def test_a_name_with_a_parenthesis_breaks_who_splits_at_the_first(learner, procman):
    with learner("open('/proc/self/comm', 'w').write('a) (b'); print(flush=True); input()") as program:
        program.line()
        with open(f"/proc/{program.pid}/stat") as file:
            line = file.read()
        assert line.split()[1:3] == ["(a)", "(b)"]  # the state should stand there
        with pytest.raises(ValueError, match="invalid literal"):
            int(line.split()[3])
        state, parent = line.rpartition(")")[2].split()[:2]
        assert state in ("R", "S", "D")
        assert int(parent) == os.getpid()
        shown = {one["pid"]: one for one in json.loads(procman("ps", "--json").stdout)}
        assert (shown[program.pid]["name"], shown[program.pid]["parent"]) == ("a) (b", os.getpid())


# ---- terminals ------------------------------------------------------------------------------------------------------


def shell_on(slave, *, own):
    """Start bash on the terminal; ``own``: as the remedy says."""

    def run():
        if own:
            os.setsid()
            make_controlling_terminal(slave)
        for place in range(3):
            os.dup2(slave, place)
        os.execvpe("bash", ["bash", "--norc", "-i"], {**os.environ, "PS1": "> ", "TERM": "dumb"})

    return spawn(run)


@pytest.mark.remedy("LCM-TTY-01")
@pytest.mark.needs("program:bash")
def test_a_shell_has_job_control_on_a_terminal_of_its_own_session():
    shown = {False: b"", True: b""}
    for own in shown:
        master, slave = open_pty()
        with shell_on(slave, own=own) as shell, open(master, "r+b", buffering=0) as terminal:
            os.close(slave)
            terminal.write(b"sleep 1000 & kill -9 %1; wait; exit\n")
            with contextlib.suppress(OSError):  # EIO: nobody has the other end any more
                while True:
                    shown[own] += terminal.read(4096)
            assert shell.wait() in (0, 137)
    assert b"cannot set terminal process group" in shown[False]
    assert b"no job control in this shell" in shown[False]
    assert b"job control" not in shown[True]
    assert b"[1]+  Killed" in shown[True]


@pytest.mark.remedy("LCM-TTY-01")
def test_attach_names_the_block_and_a_terminal_of_its_own_resolves_it(procman):
    procman.detach("plain", "--", "sh", "-c", "tty; sleep 1000")
    said = procman("attach", "plain", check=False)
    assert said.returncode != 0
    assert "[see ./course explain LCM-TTY-01]" in said.stderr
    pid = procman.detach("own", "--pty", "--", "sh", "-i")
    stat = procman.until(lambda: (s := ProcessStat.of(pid)).foreground == pid and s, "the shell has the terminal")
    assert (stat.session, stat.tty != 0) == (pid, True)
