"""Terminals, attach, exec, logs."""

from __future__ import annotations

import os
import pty
import select
import termios
import time

import pytest

pytestmark = [pytest.mark.lane("host"), pytest.mark.needs("root")]


class Terminal:
    """A command with a pseudo-terminal as its stdin, stdout and stderr."""

    def __init__(self, command):
        self.pid, self.master = pty.fork()
        if self.pid == 0:
            os.execv(command[0], command)
        self.seen = ""

    def size(self, rows, columns):
        termios.tcsetwinsize(self.master, (rows, columns))

    def type(self, text):
        os.write(self.master, text.encode())

    def expect(self, text, seconds=60.0):
        """Read until ``text`` appears; forget what was read up to its end."""
        deadline = time.monotonic() + seconds
        while text not in self.seen:
            left = deadline - time.monotonic()
            assert left > 0, f"{text!r} does not appear in {self.seen!r}"
            if select.select([self.master], [], [], left)[0]:
                try:
                    data = os.read(self.master, 65536)
                except OSError:
                    data = b""
                assert data or text in self.seen, f"the end instead of {text!r}: {self.seen!r}"
                self.seen += data.decode()
        self.seen = self.seen.partition(text)[2]

    def end(self):
        """Wait for the command; return its exit code."""
        try:
            while os.read(self.master, 65536):
                pass
        except OSError:
            pass
        os.close(self.master)
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


def test_terminal_job_control_resize_detach_attach(minidocker):
    shell = Terminal(minidocker.command("run", "-it", "--name", "box", "--network", "none", "tiny", "sh"))
    shell.expect("# ")
    shell.type("tty; echo TERM=$TERM\n")
    shell.expect("/dev/")
    shell.expect("TERM=xterm")
    shell.type("sleep 99\n")
    minidocker.until(lambda: "sleep 99" in minidocker("top", "box"))
    shell.type("\x03")  # Ctrl-C ends sleep, not the shell
    shell.type("echo code $?\n")
    shell.expect("code 130")
    shell.size(33, 77)
    shell.type("until stty size | grep 33.77; do sleep 0.1; done\n")
    shell.expect("33 77")
    shell.type("\x10\x11")  # ctrl-p ctrl-q
    assert shell.end() == 0
    assert minidocker("inspect", "-f", "{{.State.Status}}", "box") == "running"
    again = Terminal(minidocker.command("attach", "box"))
    again.type("echo back\n")
    again.expect("back")
    again.type("exit 3\n")
    assert again.end() == 3
    assert minidocker("inspect", "-f", "{{.State.ExitCode}}", "box") == "3"


def test_exec_with_and_without_a_terminal(minidocker):
    minidocker("run", "-d", "--name", "box", "-e", "A=1", "--network", "none", "tiny", "sleep", "99")
    assert minidocker("exec", "-e", "B=2", "-w", "/etc", "box", "sh", "-c", "echo $A$B; pwd") == "12\n/etc"
    assert minidocker("exec", "-i", "box", "cat", stdin="through") == "through"
    assert minidocker("exec", "-u", "7", "box", "id", "-u") == "7"
    minidocker("exec", "box", "sh", "-c", "exit 9", code=9)
    minidocker("exec", "box", "nosuch", code=127)
    shell = Terminal(minidocker.command("exec", "-it", "box", "sh"))
    shell.expect("# ")
    shell.type("tty; exit 4\n")
    shell.expect("/dev/pts/")
    assert shell.end() == 4
    minidocker("exec", "-d", "box", "touch", "/mark")
    minidocker.until(lambda: minidocker.run("exec", "box", "ls", "/mark").returncode == 0)


def test_two_clients_attached(minidocker):
    script = "while ! [ -e /go ]; do echo tick; sleep 0.05; done; echo one; echo two"
    minidocker("run", "-d", "--name", "box", "--network", "none", "tiny", "sh", "-c", script)
    clients = [minidocker.start("attach", "--no-stdin", "box", stdout=-1) for _ in range(2)]
    for client in clients:
        assert client.stdout.readline() == "tick\n"  # it is attached
    minidocker("exec", "box", "touch", "/go")
    for client in clients:
        with client:
            assert client.stdout.read().replace("tick\n", "") == "one\ntwo\n"
        assert client.returncode == 0


def test_logs(minidocker):
    minidocker(
        "run", "--name", "box", "--network", "none", "tiny", "sh", "-c", "echo a; sleep 0.1; echo b >&2; printf c"
    )
    done = minidocker.run("logs", "box")
    assert (done.stdout, done.stderr) == ("a\nc", "b\n")
    assert minidocker("logs", "--tail", "1", "box") == "c"
    assert minidocker("logs", "--tail", "0", "box") == ""
    stamped = minidocker("logs", "-t", "box").splitlines()[0]
    assert stamped[10] == "T"
    assert stamped.endswith("Z a")
    assert minidocker("logs", "--since", stamped.split()[0], "box") == "a\nc"
    assert minidocker("logs", "--until", stamped.split()[0], "box") == ""


@pytest.mark.timeout(300)
def test_following_100000_lines_is_complete_and_in_order_across_rotation(minidocker):
    script = "i=0; while [ $i -lt 100000 ]; do echo line $i; i=$((i+1)); done"
    minidocker(
        "run", "-d", "--name", "box", "--network", "none", "--log-opt", "max-size=2m", "--log-opt", "max-file=20",
        "tiny", "sh", "-c", script,
    )  # fmt: skip
    follower = minidocker.start("logs", "-f", "box", stdout=-1)
    assert follower.communicate(timeout=240)[0].splitlines() == [f"line {i}" for i in range(100000)]
    assert follower.returncode == 0
    assert minidocker("logs", "--tail", "2", "box") == "line 99998\nline 99999"
    assert len(minidocker("logs", "box").splitlines()) == 100000


def test_ctrl_c_while_it_starts_leaves_a_container_or_nothing(minidocker):
    for pause in (0.05, 0.08, 0.11, 0.14):
        process = minidocker.start("run", "--rm", "--network", "none", "tiny", "sleep", "1", stderr=-1)
        time.sleep(pause)
        process.send_signal(2)
        process.communicate(timeout=60)
    minidocker.until(lambda: minidocker("ps", "-aq") == "")
