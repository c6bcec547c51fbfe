"""ociman as other programs call it: a process with runc's words and exit codes."""

import os
import pty
import select
import socket
import subprocess
import sys
import time

import pytest

from section01_processes import format_json, parse_json

pytestmark = pytest.mark.lane("host")


class Ociman:
    def __init__(self, box):
        self.box = box
        self.root = f"{box.folder}/root"
        self.id = box.id

    def command(self, *args):
        return [sys.executable, "-c", "from section08_oci.cli import main; main()", "--root", self.root, *args]

    def __call__(self, *args, **rest):
        rest = {"stdin": subprocess.DEVNULL, "capture_output": True, "text": True, "timeout": 60, **rest}
        return subprocess.run(self.command(*args), **rest)

    def write(self):
        with open(f"{self.box.folder}/config.json", "w") as file:
            file.write(format_json(self.box.spec))


@pytest.fixture
def ociman(box):
    tool = Ociman(box)
    tool.write()
    yield tool
    subprocess.run(tool.command("delete", "--force", tool.id), check=True)
    assert os.listdir(tool.root) == []


def test_run_gives_output_and_exit_code_and_leaves_nothing(ociman):
    ociman.box.process["args"] = ["sh", "-c", "cat; exit 5"]
    ociman.write()
    done = ociman("run", "-b", ociman.box.folder, ociman.id, stdin=None, input="hello")
    assert (done.returncode, done.stdout, done.stderr) == (5, "hello", "")
    assert parse_json(ociman("list", "--json").stdout) == []


def test_the_five_operations_from_five_processes(ociman):
    ociman.box.process["args"] = ["sleep", "100"]
    ociman.write()
    pid_file = f"{ociman.box.folder}/pid"
    # DEVNULL for all: the container inherits them and outlives the command
    quiet = {"capture_output": False, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    assert ociman("create", "-b", ociman.box.folder, "--pid-file", pid_file, ociman.id, **quiet).returncode == 0
    state = parse_json(ociman("state", ociman.id).stdout)
    with open(pid_file) as file:
        assert (state["status"], state["pid"]) == ("created", int(file.read()))
    assert "exists already" in ociman("create", "-b", ociman.box.folder, ociman.id).stderr
    assert ociman("start", ociman.id).returncode == 0
    done = ociman(
        "exec", "-e", "A=b", "--cwd", "/bin", "-u", "3:4", ociman.id, "sh", "-c", "echo $A $PWD $(id -u) $(id -g)"
    )
    assert (done.returncode, done.stdout) == (0, "b /bin 3 4\n")
    assert ociman("exec", ociman.id, "sh", "-c", "exit 9").returncode == 9
    assert ociman("exec", ociman.id, "nonesuch").returncode == 255
    assert ociman("delete", ociman.id).returncode == 1
    assert ociman("kill", ociman.id, "KILL").returncode == 0
    deadline = time.monotonic() + 30
    while parse_json(ociman("state", ociman.id).stdout)["status"] != "stopped":
        assert time.monotonic() < deadline, "the killed container does not stop"
        time.sleep(0.01)
    assert ociman("delete", ociman.id).returncode == 0
    assert ociman("state", ociman.id).returncode == 1


def test_an_error_is_one_line_on_stderr_and_in_the_log(ociman):
    ociman.box.process["args"] = ["/nonesuch"]
    ociman.write()
    log = f"{ociman.box.folder}/log"
    done = ociman("--log", log, "--log-format", "json", "run", "-b", ociman.box.folder, ociman.id)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith('ociman: error: exec: "/nonesuch"')
    with open(log) as file:
        assert "/nonesuch" in parse_json(file.read())["msg"]


def test_a_dry_run_shows_every_process_and_makes_nothing(ociman):
    done = ociman("create", "--dry-run", "-b", ociman.box.folder, ociman.id)
    assert done.returncode == 0
    for word in ("fork_child", "unshare", "pivot_root", "execute", "become_user"):
        assert word in done.stdout
    assert not os.path.exists(ociman.root)
    os.mkdir(ociman.root)


def test_explain_shows_steps_of_all_three_processes(ociman):
    ociman.box.process["args"] = ["true"]
    ociman.write()
    done = ociman("run", "--explain", "-b", ociman.box.folder, ociman.id)
    assert {line.split()[0] for line in done.stderr.splitlines()} == {"cli", "child", "init"}


def test_a_terminal_in_the_foreground(ociman):
    ociman.box.process.update(terminal=True, args=["sh", "-c", "tty; read line; echo got $line; exit 4"])
    ociman.write()
    master, slave = pty.openpty()
    tool = subprocess.Popen(
        ociman.command("run", "-b", ociman.box.folder, ociman.id),
        stdin=slave,
        stdout=slave,
        stderr=slave,
        close_fds=True,
    )
    os.close(slave)
    text = b""
    while b"/dev/pts/0" not in text:
        assert select.select([master], [], [], 60)[0], text
        text += os.read(master, 1000)
    os.write(master, b"word\n")
    assert tool.wait(60) == 4
    while True:
        try:
            text += os.read(master, 1000)
        except OSError:  # EIO: nobody holds the slave any more, and all that was written to it has been read
            break
    os.close(master)
    assert b"got word" in text


def test_the_console_socket_gets_the_master(ociman):
    ociman.box.process.update(terminal=True, args=["sh", "-c", "echo here; sleep 100"])
    ociman.write()
    path = f"{ociman.box.folder}/console.sock"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen()
        done = ociman("run", "-d", "--console-socket", path, "-b", ociman.box.folder, ociman.id)
        assert (done.returncode, done.stderr) == (0, "")
        connection, _ = listener.accept()
        with connection:
            _, fds, _, _ = socket.recv_fds(connection, 100, 1)
    assert os.read(fds[0], 100) == b"here\r\n"
    os.close(fds[0])
