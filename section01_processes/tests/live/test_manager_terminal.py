"""spawn --pty and attach, with a terminal of the test's own in the user's place."""

import os
import select
import signal
import subprocess
import termios

import pytest

from section01_processes import (
    ProcessStat,
    ProcessTree,
    make_controlling_terminal,
    open_pty,
    set_size,
    spawn,
)

pytestmark = pytest.mark.lane("host")


class User:
    """Somebody at a terminal in which a command runs."""

    def __init__(self, procman):
        self._procman = procman
        self.master, self.slave = open_pty()
        set_size(self.master, 30, 100)
        self.seen = b""
        self._child = None

    def run(self, *words):
        """Start procman in a session of its own on this terminal."""
        command = self._procman.command(*words)

        def child():
            os.setsid()
            make_controlling_terminal(self.slave)
            for place in range(3):
                os.dup2(self.slave, place)
            os.execv(command[0], command)

        self._child = spawn(child)
        return self._child

    def types(self, text):
        os.write(self.master, text.encode())

    def sees(self, text, since=0):
        """Wait until ``text`` has come; return all that came."""

        def look():
            if select.select([self.master], [], [], 0.01)[0]:
                self.seen += os.read(self.master, 65536)
            return text.encode() in self.seen[since:]

        self._procman.until(look, f"{text!r} on the terminal; there is {self.seen[since:]!r}")
        return self.seen.decode(errors="replace")

    def close(self):
        if self._child:
            self._child.signal(signal.SIGKILL)
            self._child.wait()
            self._child.close()
        os.close(self.master)
        os.close(self.slave)


@pytest.fixture
def user(procman):
    user = User(procman)
    yield user
    user.close()


def children(pid):
    return ProcessTree.read().children.get(pid, [])


def raw(fd):
    return not termios.tcgetattr(fd)[3] & termios.ICANON


def test_a_shell_in_the_foreground_has_job_control_and_our_size(user):
    child = user.run("spawn", "--pty", "--", "sh", "-i")
    user.types("PS1=; stty size; echo $((6*7))\n")
    user.sees("42")
    assert "30 100" in user.seen.decode()
    assert raw(user.slave)
    user.types("sleep 300\n")
    shell = children(child.pid)[0]
    sleeper = user._procman.until(lambda: children(shell), "sleep runs")[0]
    user._procman.until(lambda: ProcessStat.of(shell).foreground == sleeper, "sleep has the terminal")
    user.types("\x1a")
    user._procman.until(lambda: ProcessStat.of(sleeper).state == "T", "ctrl-z stops it")
    user.types("fg\n")
    user._procman.until(lambda: ProcessStat.of(sleeper).state == "S", "fg lets it go on")
    user.types("\x03")
    user._procman.until(lambda: not os.path.exists(f"/proc/{sleeper}"), "ctrl-c ends it")
    user.types("exit 7\n")
    assert child.wait() == 7
    assert not raw(user.slave)


def test_the_window_size_follows(user):
    user.run("spawn", "--pty", "--", "sh", "-c", "trap 'stty size' WINCH; echo ready; while :; do sleep 0.05; done")
    user.sees("ready")
    set_size(user.master, 11, 22)
    user.sees("11 22")


def test_stopped_from_outside_it_gives_the_terminal_back(user, procman):
    child = user.run("spawn", "--pty", "--", "sh", "-c", "echo ready; sleep 300")
    user.sees("ready")
    procman.until(lambda: raw(user.slave), "raw mode")
    child.signal(signal.SIGTSTP)
    procman.until(lambda: ProcessStat.of(child.pid).state == "T", "it has stopped")
    assert not raw(user.slave)
    child.signal(signal.SIGCONT)
    procman.until(lambda: raw(user.slave), "raw mode again")
    child.signal(signal.SIGTERM)
    assert child.wait() == 143
    assert not raw(user.slave)


def test_input_that_ends_is_an_end_of_file_and_nothing_is_lost(procman):
    done = procman("spawn", "--pty", "--", "sh", "-c", "cat; seq 1 20000", stdin=subprocess.DEVNULL)
    assert done.stdout.replace("\r", "").endswith("".join(f"{n}\n" for n in range(1, 20001)))


def test_attach_detach_and_attach_again(user, procman):
    pid = procman.detach("sh", "--pty", "--", "sh", "-i")
    assert ProcessStat.of(pid).tty != 0
    first = user.run("attach", "sh")
    user.types("PS1=; stty size; echo $((6*7))\n")
    user.sees("42")
    assert "30 100" in user.seen.decode()
    user.types("\x10\x11")
    user.sees("procman: detached")
    assert first.wait() == 0
    first.close()
    assert not raw(user.slave)
    assert procman.status("sh")["pid"] == pid
    second = user.run("attach", "sh")
    since = len(user.seen)
    user.types("echo $((7*8)); exit 5\n")
    user.sees("56", since)
    assert second.wait() == 5
    assert "42" in procman("logs", "sh").stdout
    assert procman.status("sh")["exit_code"] == 5


def test_a_slow_client_is_let_go_and_the_process_goes_on(procman):
    procman.detach("noisy", "--pty", "--log-size", "1M", "--", "sh", "-c", "echo ready; read x; seq 1 600000")
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(procman.command("attach", "noisy"), **pipes) as slow:
        slow.stdin.write(b"Q")
        slow.stdin.flush()
        procman.until(lambda: "Q" in procman.log("noisy"), "the slow one is attached: its key has been echoed")
        slow.send_signal(signal.SIGSTOP)
        procman.until(lambda: ProcessStat.of(slow.pid).state == "T", "it sleeps")
        fast = subprocess.run(procman.command("attach", "noisy"), input=b"\n", capture_output=True, check=True)
        assert fast.stdout.endswith(b"600000\r\n")
        assert procman("wait", "noisy").returncode == 0
        slow.send_signal(signal.SIGCONT)
        output, errors = slow.communicate()
        assert slow.returncode == 125, errors
        assert b"600000" not in output
        assert b"the supervisor of 'noisy' closed the connection" in errors


def test_without_a_terminal_there_is_nothing_to_attach_to(procman):
    procman.detach("web", "--", "sleep", "300")
    done = procman("attach", "web", check=False)
    assert "it has no terminal" in done.stderr
    assert "procman logs -f" in done.stderr


def test_the_size_at_the_start_is_the_callers(user, procman):
    user.run("spawn", "--detach", "--pty", "--name", "size", "--", "stty", "size")
    user.sees("pid")
    procman("wait", "size")
    assert procman("logs", "size").stdout == "30 100\n"
