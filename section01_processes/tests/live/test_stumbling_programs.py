"""The stumbling blocks that the exercises meet: mistake, symptom, remedy, success; see ``test_stumbling.py``."""

import os
import signal
import subprocess

import pytest

from section01_processes import ProcessIdentity, ProcessStat, ProcessTree, open_pty

pytestmark = pytest.mark.lane("host")


# ---- fork, and how children end -------------------------------------------------------------------------------------

FORKED = """
    import os
    def child():
        try:
            print("child", flush=True)
            {child}
        finally:
            {end}
    for number in range(2):
        if os.fork() == 0:
            child()
    try:
        while True: os.wait()
    except ChildProcessError: pass
    print("parent", flush=True)
"""


@pytest.mark.remedy("LCM-PROC-07")
@pytest.mark.parametrize("child", ["pass", "os.execv('/nothing', ['nothing'])"])
def test_a_child_that_does_not_leave_runs_on_as_its_parent(learner, child):
    with learner(FORKED.format(child=child, end="pass")) as mistake:
        shown = mistake.end()
    if child == "pass":  # the first child has forked, too, and each of the four is a parent in the end
        assert (shown.count("child"), shown.count("parent")) == (3, 4)
    else:  # nobody caught what exec raised
        assert (shown.count("Traceback"), shown.count("parent")) == (2, 1)
    with learner(FORKED.format(child=child, end="os._exit(0)")) as right:
        assert sorted(right.end().split()) == ["child", "child", "parent"]


RAN = """
    import os, sys
    pid = os.fork()
    if pid == 0:
        os.execvp("sh", ["sh", "-c", {command!r}])
    status = os.waitpid(pid, 0)[1]
    print({expression})
"""


@pytest.mark.remedy("LCM-PROC-08")
@pytest.mark.parametrize(("command", "wrong"), [("exit 7", ("7", "1792")), ("kill -KILL $$", ("0", "9"))])
def test_a_wait_status_is_two_numbers_in_one(learner, command, wrong):
    for expression, shown in zip(("status >> 8", "status"), wrong, strict=True):
        with learner(RAN.format(command=command, expression=expression)) as mistake:
            assert mistake.end() == f"{shown}\n"
    right = "(lambda code: code if code >= 0 else 128 - code)(os.waitstatus_to_exitcode(status))"
    shell = subprocess.run(["sh", "-c", '(sh -c "$0"); echo $?', command], capture_output=True, text=True, check=True)
    with learner(RAN.format(command=command, expression=right)) as program:
        assert program.end() == shell.stdout


PIPELINE = """
    import os
    reader, writer = os.pipe()
    def stage(run, fd, place):
        pid = os.fork()
        if pid == 0:
            try:
                os.dup2(fd, place)
                os.close(reader); os.close(writer)
                os.execvp(run[0], run)
            finally: os._exit(1)
        return pid
    first = stage(["head", "-c", "200000", "/dev/zero"], writer, 1)
    {between}
    last = stage(["wc", "-c"], reader, 0)
    os.close(reader); os.close(writer)
    {after}
"""


@pytest.mark.remedy("LCM-PROC-09")
def test_who_waits_before_the_last_is_started_waits_for_ever(learner, until, waits_in):
    wait = "os.waitpid(first, 0)"
    with learner(PIPELINE.format(between=wait, after="os.waitpid(last, 0)")) as mistake:
        (first,) = until(lambda: ProcessTree.read().children.get(mistake.pid), "the first stage runs")
        until(lambda: waits_in(first, "pipe"), "the pipe is full")
        until(lambda: waits_in(mistake.pid, "wait"), "the parent waits for it")
        assert ProcessTree.read().children[mistake.pid] == [first]  # nobody is there who could read
        os.kill(first, signal.SIGKILL)
    with learner(PIPELINE.format(between="pass", after=f"{wait}; os.waitpid(last, 0)")) as right:
        assert right.end().strip() == "200000"


# ---- what execve keeps ----------------------------------------------------------------------------------------------

EXECUTED = """
    import os, signal, sys
    os.umask(0)
    os.chdir("/tmp")
    signal.pthread_sigmask(signal.SIG_BLOCK, {{signal.SIGTERM}})
    reader, writer = os.pipe()
    os.set_inheritable(writer, True)
    {remedy}
    script = f"test -e /proc/$$/fd/{{writer}} && echo kept || echo closed; "
    script += "umask; pwd; yes | head -1; kill $$; echo still here"
    os.execvp("sh", ["sh", "-c", script])
"""
RESET = """
    for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, set())
    os.closerange(3, os.sysconf("SC_OPEN_MAX"))
    os.umask(0o022)
    os.chdir("/")
"""


@pytest.mark.remedy("LCM-PROC-10")
def test_execve_keeps_what_is_not_reset(learner):
    with learner(EXECUTED.format(remedy="")) as mistake:
        descriptor, umask, folder, *rest = mistake.end().splitlines()
        assert (descriptor, umask, folder) == ("kept", "0000", "/tmp")
        assert any("Broken pipe" in line for line in rest)  # yes was not killed by SIGPIPE
        assert "still here" in rest  # SIGTERM is blocked
    with learner(EXECUTED.format(remedy=RESET)) as right:
        assert right.end().splitlines() == ["closed", "0022", "/", "y"]
        assert right.running.returncode == -signal.SIGTERM


# ---- signals that must be passed on ---------------------------------------------------------------------------------

WRAPPER = """
    import os, signal
    {block}
    pid = os.fork()
    if pid == 0:
        try:
            {unblock}
            os.execvp("sleep", ["sleep", "1000"])
        finally: os._exit(1)
    print(pid, flush=True)
    {wait}
"""
PASS_ON = """
    while True:
        number = signal.sigwait(heard)
        if number != signal.SIGCHLD:
            os.kill(pid, number)
        elif os.waitpid(pid, 0):
            break
"""


@pytest.mark.remedy("LCM-PROC-11")
def test_a_signal_reaches_the_child_only_if_it_is_passed_on(learner, state_of):
    with learner(WRAPPER.format(block="", unblock="pass", wait="os.waitpid(pid, 0)")) as mistake:
        child = int(mistake.line())
        mistake.running.terminate()
        assert mistake.running.wait() == -signal.SIGTERM
        assert state_of(child) not in ("", "Z")
        os.kill(child, signal.SIGKILL)
    block = "heard = {signal.SIGTERM, signal.SIGCHLD}; signal.pthread_sigmask(signal.SIG_BLOCK, heard)"
    unblock = "signal.pthread_sigmask(signal.SIG_UNBLOCK, heard)"
    with learner(WRAPPER.format(block=block, unblock=unblock, wait=PASS_ON)) as right:
        child = int(right.line())
        right.running.terminate()
        assert right.running.wait() == 0
        assert state_of(child) == ""


STAGES = """
    import os
    pids = []
    for number in range(2):
        pid = os.fork()
        if pid == 0:
            try:
                {child}
                os.execvp("sleep", ["sleep", "1000"])
            finally: os._exit(1)
        pids.append(pid)
        try: {parent}
        except PermissionError: pass  # it has executed its program, so it was first
    print(*pids, flush=True)
    input()
    for pid in pids: print(os.waitpid(pid, 0)[1], flush=True)
"""


@pytest.mark.remedy("LCM-PROC-12")
def test_a_group_of_its_own_each_is_no_pipeline(learner, until, state_of):
    with learner(STAGES.format(child="os.setpgid(0, 0)", parent="os.setpgid(pid, pid)")) as mistake:
        first, last = map(int, mistake.line().split())
        os.killpg(first, signal.SIGTERM)
        until(lambda: state_of(first) == "Z", "the first has got it")
        assert state_of(last) not in ("", "Z")
        os.kill(last, signal.SIGKILL)
    both = {"child": "os.setpgid(0, (pids or [0])[0])", "parent": "os.setpgid(pid, pids[0])"}
    with learner(STAGES.format(**both)) as right:
        first, last = map(int, right.line().split())
        os.killpg(first, signal.SIGTERM)
        right.say("")
        assert [right.line(), right.line()] == ["15", "15"]


# ---- daemons --------------------------------------------------------------------------------------------------------

#: The learner's session, on the terminal argv[1]; it starts a daemon that opens the terminal argv[2].
AT_A_TERMINAL = """
    import fcntl, os, signal, sys
    os.setsid()
    terminal = os.open(sys.argv[1], os.O_RDWR)  # a leader without terminal gets it by opening it
    if os.fork() == 0:
        {detach}
        os.close(terminal)
        os.open(sys.argv[2], os.O_RDWR)
        print(os.getpid(), flush=True)
        while True: signal.pause()
    input()
"""


@pytest.mark.remedy("LCM-PROC-13")
def test_a_daemon_has_no_terminal_and_gets_none(learner, until, state_of):
    seen = {}
    for detach in ("pass", "os.setsid()", "os.setsid(); os.fork() and os._exit(0)"):
        (master, slave), (master2, slave2) = open_pty(), open_pty()
        with learner(AT_A_TERMINAL.format(detach=detach), os.ttyname(slave), os.ttyname(slave2)) as program:
            daemon = int(program.line())
            tty, session = ProcessStat.of(daemon).tty, ProcessStat.of(daemon).session
            seen[detach] = (tty == os.fstat(slave).st_rdev, tty == os.fstat(slave2).st_rdev, session == daemon)
            os.close(slave)
            os.close(master)  # the terminal's window is closed
            until(lambda: state_of(program.pid) in ("", "Z"), "the session's leader has got SIGHUP")
            if detach == "pass":
                until(lambda daemon=daemon: not state_of(daemon) or state_of(daemon) == "Z", "the daemon has, too")
            else:
                assert state_of(daemon) not in ("", "Z")
                os.kill(daemon, signal.SIGKILL)
        os.close(slave2)
        os.close(master2)
    # has it the terminal of its starter, the one that it opened; does it lead a session?
    assert list(seen.values()) == [(True, False, False), (False, True, True), (False, False, False)]


#: argv[1]: the pid file. Prints its pid, or that there is one.
BY_NUMBER = """
    import os, sys
    try:
        os.kill(int(open(sys.argv[1]).read()), 0)
        sys.exit("already running")
    except (FileNotFoundError, ProcessLookupError):
        with open(sys.argv[1], "w") as file: file.write(str(os.getpid()))
    print(os.getpid(), flush=True)
    input()
"""
BY_LOCK = """
    import fcntl, os, sys
    lock = os.open(sys.argv[1] + ".lock", os.O_RDWR | os.O_CREAT)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        sys.exit("already running")
    start = open("/proc/self/stat").read().rpartition(")")[2].split()[19]
    with open(sys.argv[1] + ".new", "w") as file: file.write(f"{os.getpid()} {start}")
    os.rename(sys.argv[1] + ".new", sys.argv[1])
    print(os.getpid(), flush=True)
    input()
"""


@pytest.mark.remedy("LCM-PROC-14")
def test_a_pid_file_outlives_its_process_and_a_lock_does_not(learner, tmp_path):
    path, stranger = tmp_path / "pid", os.getpid()
    path.write_text(str(stranger))  # of a daemon that was killed; its number was given to somebody else
    with learner(BY_NUMBER, path) as mistake:
        assert mistake.end() == "already running\n"
    with learner(BY_LOCK, path) as right:
        number, start = path.read_text().split() if right.line() else ("", "")
        assert ProcessStat.of(right.pid).start_time == int(start)
        assert ProcessIdentity.of(right.pid) == ProcessIdentity.of(int(number))
        with learner(BY_LOCK, path) as second:
            assert second.end() == "already running\n"
    with learner(BY_LOCK, path) as again:  # the first was killed, its file is still there
        assert again.line() == str(again.pid)


STARTER = """
    import os, sys
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.close(reader)
            os.set_inheritable(writer, True)
            os.execv(sys.argv[1], [sys.argv[1], "-c", "read x < $0; : > $1; echo >&$2", *sys.argv[2:], str(writer)])
        finally: os._exit(127)
    os.close(writer)
    {wait}
"""


@pytest.mark.remedy("LCM-PROC-15")
def test_a_start_is_over_when_the_program_says_so(learner, until, waits_in, tmp_path):
    gate, ready = tmp_path / "gate", tmp_path / "ready"
    os.mkfifo(gate)
    for program in ("/nothing", "/bin/sh"):
        with learner(STARTER.format(wait="sys.exit(0)"), program, gate, ready) as mistake:
            assert mistake.running.wait() == 0
            assert not ready.exists()  # one was never there, the other is not ready: it waits at the gate
            if program == "/bin/sh":
                gate.write_text("go\n")
                until(ready.exists, "it gets ready, too late")
                ready.unlink()
    asked = "sys.exit(os.read(reader, 1) != b'\\n')"
    with learner(STARTER.format(wait=asked), "/nothing", gate, ready) as failed:
        assert failed.running.wait() == 1
    with learner(STARTER.format(wait=asked), "/bin/sh", gate, ready) as right:
        until(lambda: waits_in(right.pid, "pipe"), "the start waits")
        gate.write_text("go\n")
        assert right.running.wait() == 0
        assert ready.exists()
