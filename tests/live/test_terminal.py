"""An interactive user at a real terminal (tmux): job control, Ctrl-C, resize, detach and attach again."""

import subprocess
import time

import pytest

pytestmark = [pytest.mark.lane("host"), pytest.mark.needs("root", "program:tmux"), pytest.mark.timeout(300)]


class Terminal:
    """A tmux session of 80×24 on a server of its own."""

    def __init__(self, socket):
        self.socket = socket
        self.tmux("-f", "/dev/null", "new-session", "-d", "-x", "80", "-y", "24", "env PS1='host# ' sh")

    def tmux(self, *words):
        return subprocess.run(
            ["tmux", "-S", str(self.socket), *words], capture_output=True, text=True, check=False
        ).stdout

    def type(self, *keys):
        self.tmux("send-keys", *keys)

    def line(self, text):
        self.tmux("send-keys", "-l", text)
        self.tmux("send-keys", "Enter")

    def screen(self):
        return self.tmux("capture-pane", "-p", "-S", "-200")

    def wait_for(self, text, count=1, seconds=60):
        """Wait until ``text`` stands on the screen ``count`` times."""
        end = time.monotonic() + seconds
        while (screen := self.screen()).count(text) < count:
            assert time.monotonic() < end, f"{text!r} does not appear {count} times:\n{screen}"
            time.sleep(0.05)
        return screen


@pytest.fixture
def terminal(tmp_path):
    terminal = Terminal(tmp_path / "t")
    yield terminal
    terminal.tmux("kill-server")


def test_a_shell_with_job_control(minidocker, terminal, until):
    command = " ".join(minidocker.command("run", "-it", "--name", "shell", "--network", "none", "tiny", "sh"))
    terminal.line(command)
    terminal.wait_for("/ #")
    terminal.line("tty; stty size; echo pid=$$")
    screen = terminal.wait_for("pid=1")
    assert "/dev/pts/0" in screen
    assert "24 80" in screen
    assert "job control" not in screen

    asleep = lambda: "sleep 1000" in minidocker("top", "shell").stdout  # noqa: E731
    terminal.line("sleep 1000")
    until(asleep)
    terminal.type("C-c")
    terminal.line("echo status=$?")
    terminal.wait_for("status=130")

    terminal.line("sleep 1000")
    until(asleep)
    terminal.type("C-z")
    terminal.wait_for("Stopped")
    terminal.line("jobs; kill -9 %1; wait; echo killed")
    terminal.wait_for("killed", 2)

    terminal.tmux("resize-window", "-x", "100", "-y", "30")
    terminal.line("until stty size | grep 30.100; do sleep 0.1; done")
    terminal.wait_for("30 100")

    terminal.type("C-p", "C-q")
    terminal.wait_for("host#", 2)
    assert minidocker("ps", "--format", "{{.Names}}").stdout.split() == ["shell"]

    terminal.line(" ".join(minidocker.command("attach", "shell")))
    prompts = terminal.screen().count("/ #")

    def prompted():
        terminal.type("Enter")
        return terminal.screen().count("/ #") > prompts

    until(prompted)
    terminal.line("echo again=$((40+2))")
    terminal.wait_for("again=42")
    terminal.line("exit 3")
    terminal.wait_for("host#", 3)
    terminal.line("echo left=$?")
    terminal.wait_for("left=3")
    minidocker("rm", "shell")


def test_exec_in_a_running_container(minidocker, terminal):
    identity = minidocker("run", "-d", "--name", "busy", "--network", "none", "tiny", "sleep", "600").stdout.strip()
    terminal.line(" ".join(minidocker.command("exec", "-it", "busy", "sh")))
    terminal.wait_for("/ #")
    terminal.line("tty; stty size; ps -o pid,args | grep -c 'sleep 600'")
    screen = terminal.wait_for("24 80")
    assert "/dev/pts/0" in screen
    terminal.line("exit 5")
    terminal.wait_for("host#", 2)
    terminal.line("echo left=$?")
    terminal.wait_for("left=5")
    minidocker("rm", "-f", identity)


def test_stop_is_quick_for_a_process_that_listens(minidocker, until):
    script = "trap 'echo bye; exit 0' TERM; echo ready; while :; do sleep 0.1; done"
    identity = minidocker("run", "-d", "--network", "none", "tiny", "sh", "-c", script).stdout.strip()
    until(lambda: "ready" in minidocker("logs", identity).stdout)
    began = time.monotonic()
    minidocker("stop", "-t", "250", identity, timeout=280)
    assert time.monotonic() - began < 120  # not killed at the end of its time
    assert minidocker("logs", identity).stdout == "ready\nbye\n"
    assert minidocker("wait", identity).stdout.strip() == "0"
    minidocker("rm", identity)


def test_a_hundred_thousand_lines_arrive_complete_and_in_order(minidocker):
    identity = minidocker("run", "-d", "--network", "none", "tiny", "seq", "100000").stdout.strip()
    lines = minidocker("logs", "-f", identity).stdout.split()
    minidocker("rm", "-f", identity)
    assert lines == [str(n) for n in range(1, 100001)]


def test_logs_follow_a_container_that_is_slow(minidocker):
    script = "for i in 1 2 3 4 5; do echo line $i; sleep 0.2; done"
    identity = minidocker("run", "-d", "--network", "none", "tiny", "sh", "-c", script).stdout.strip()
    assert minidocker("logs", "-f", identity).stdout == "".join(f"line {n}\n" for n in range(1, 6))
    minidocker("rm", identity)
