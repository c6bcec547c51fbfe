"""procman top and procman tree --watch: on a terminal, and as plain text."""

import json
import os
import re
import signal
import subprocess
import sys
import time

import pytest

pytestmark = pytest.mark.lane("host")
VIEWS = {"top": ("top", "--interval", "0.3"), "watch": ("tree", "--watch", "--interval", "0.3")}


class Terminal:
    """A tmux session on a server of its own; the shell's prompt is ``$P``."""

    def __init__(self, socket, columns, rows):
        self.socket = socket
        self.tmux("-f", "/dev/null", "new-session", "-d", "-x", str(columns), "-y", str(rows), "env PS1='ready> ' sh")

    def tmux(self, *words):
        return subprocess.run(
            ["tmux", "-S", str(self.socket), *words], capture_output=True, text=True, check=False
        ).stdout

    def line(self, text):
        """Type a line, once the shell has asked for one."""
        while self.screen()[-1].strip() != "ready>":
            time.sleep(0.01)
        self.tmux("send-keys", "-l", text)
        self.tmux("send-keys", "Enter")

    def key(self, *names):
        self.tmux("send-keys", *names)

    def screen(self):
        return self.tmux("capture-pane", "-p").rstrip("\n").split("\n")

    def alternate(self):
        return self.tmux("display", "-p", "#{alternate_on}#{cursor_flag}").strip()


@pytest.fixture
def terminal(tmp_path, monkeypatch):
    """Return a function that makes a terminal of a size; its shell works in ``tmp_path``."""
    monkeypatch.chdir(tmp_path)
    made = []

    def make(columns, rows):
        made.append(Terminal(tmp_path / "t", columns, rows))
        return made[-1]

    yield make
    for one in made:
        one.tmux("kill-server")


def start(terminal, procman, words):
    terminal.line("stty -a > before; " + " ".join(procman.command(*words)) + "; echo ended with $?; stty -a > after")
    procman.until(lambda: terminal.screen()[0].startswith("procman "), "the first picture")


def ended(terminal, procman, code):
    """Wait for the shell; the screen and the cursor must be what they were."""
    procman.until(lambda: any(re.search(r"ended with \d", line) for line in terminal.screen()), "the end")
    assert any(line.endswith(f"ended with {code}") for line in terminal.screen())
    assert terminal.alternate() == "01"


@pytest.mark.needs("program:tmux")
@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize(("columns", "rows"), [(80, 24), (200, 50)])
def test_it_fills_the_screen_and_q_ends_it(terminal, procman, view, columns, rows, tmp_path):
    screen = terminal(columns, rows)
    start(screen, procman, VIEWS[view])
    lines = screen.screen()
    assert len(lines) == rows
    assert lines[-1].startswith("q quit")
    assert any(re.search(r"\b1 ", line) for line in lines)
    assert screen.alternate()[0] == "1"
    screen.key("q")
    ended(screen, procman, 0)
    procman.until((tmp_path / "after").exists, "stty")
    procman.until(lambda: (tmp_path / "after").read_text() == (tmp_path / "before").read_text(), "the same modes")


@pytest.mark.needs("program:tmux")
@pytest.mark.parametrize("view", VIEWS)
def test_ctrl_c_and_term_give_the_terminal_back(terminal, procman, view):
    screen = terminal(80, 24)
    start(screen, procman, VIEWS[view])
    screen.key("C-c")
    ended(screen, procman, 0)
    screen.line("clear")
    procman.until(lambda: screen.screen() == ["ready> "] or screen.screen() == ["ready>"], "an empty screen")
    screen.line("sh -c 'echo $$ > pid; exec " + " ".join(procman.command(*VIEWS[view])) + "'; echo ended with $?")
    procman.until(lambda: screen.screen()[0].startswith("procman "), "the first picture")
    pane = int(screen.tmux("display", "-p", "#{pane_pid}"))
    row = json.loads(procman("tree", pane, "--json").stdout)[-1]
    os.kill(row["pid"], signal.SIGTERM)
    ended(screen, procman, 143)


@pytest.mark.needs("program:tmux")
def test_ctrl_z_stops_it_with_the_terminal_in_order(terminal, procman):
    screen = terminal(80, 24)
    start(screen, procman, VIEWS["top"])
    screen.key("C-z")
    procman.until(lambda: any("Stopped" in line for line in screen.screen()), "the stop")
    assert screen.alternate() == "01"
    screen.line("fg")
    procman.until(lambda: screen.alternate() == "10", "the screen again")
    procman.until(lambda: screen.screen()[0].startswith("procman top"), "the picture again")
    screen.key("q")
    procman.until(lambda: screen.alternate() == "01", "the end")


@pytest.mark.needs("program:tmux")
def test_a_smaller_window_and_the_keys_of_top(terminal, procman):
    screen = terminal(80, 24)
    start(screen, procman, VIEWS["top"])
    screen.tmux("resize-window", "-x", "60", "-y", "12")
    procman.until(lambda: len(screen.screen()) == 12 and screen.screen()[-1].startswith("q quit"), "the new size")
    screen.key("m")
    procman.until(lambda: screen.screen()[2].startswith("sorted by memory;"), "the other order")
    screen.key("/")
    screen.key("-l", "no such name")
    procman.until(lambda: screen.screen()[-1] == "filter: no such name_", "what is typed")
    screen.key("Enter")
    procman.until(lambda: "of 0" in screen.screen()[2], "nobody of that name")
    screen.key("Escape")
    procman.until(lambda: "of 0" not in screen.screen()[2], "everybody")


@pytest.mark.needs("program:tmux")
def test_watch_marks_new_and_gone_with_signs(terminal, procman):
    root = subprocess.Popen(["sh", "-c", "echo; read a; sleep 600 & read b; kill $!; wait $!; read c"],
                            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)  # fmt: skip
    try:
        root.stdout.readline()
        screen = terminal(80, 24)
        start(screen, procman, ("tree", root.pid, "--watch", "--interval", "1"))
        for sign in ("+ └─ ", "- └─ "):
            root.stdin.write("\n")
            root.stdin.flush()
            procman.until(lambda sign=sign: any(line.startswith(sign) for line in screen.screen()), sign)
        root.communicate("\n", timeout=60)
        ended(screen, procman, 1)
        assert any(f"process {root.pid} has gone" in line for line in screen.screen())
    finally:
        root.kill()
        root.communicate()


# --- without a screen


@pytest.fixture
def worker(tmp_path):
    """Have a process with known facts: two threads, extra descriptors, a megabyte written; yield its pid."""
    code = (
        "import sys, threading, time, os\n"
        f"with open({str(tmp_path / 'out')!r}, 'wb') as f: f.write(bytes(1 << 20))\n"
        "threading.Thread(target=time.sleep, args=(600,), daemon=True).start()\n"
        "keep = [os.open('/dev/null', 0) for _ in range(20)]\n"
        "print('ready', flush=True); time.sleep(600)"
    )
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    process.stdout.readline()
    yield process.pid
    process.kill()
    process.wait()
    process.stdout.close()


def test_a_sample_as_json(procman, worker):
    answer = json.loads(procman("top", "--once", "--json", "--filter", worker).stdout)
    (row,) = answer["processes"]
    assert (row["pid"], row["parent"], row["threads"], row["cpu_percent"]) == (worker, os.getpid(), 2, 0.0)
    assert row["descriptors"] == len(os.listdir(f"/proc/{worker}/fd"))
    with open(f"/proc/{worker}/stat") as file:  # statm counts otherwise: per CPU, not summed up yet
        assert row["memory"] == int(file.read().rpartition(")")[2].split()[21]) * os.sysconf("SC_PAGE_SIZE")
    assert row["io"]["wchar"] >= 1 << 20
    assert row["io"]["read_rate"] == 0
    assert row["state"] == "sleeping"


def test_a_busy_process_uses_more_cpu_than_a_sleeping_one(procman, worker):
    """In the order of CPU the busy one comes first, once it has been seen to compute."""
    busy = subprocess.Popen(["sh", "-c", "while :; do :; done"])
    try:

        def order():
            rows = json.loads(procman("top", "--once", "--json").stdout)["processes"]
            pids = [row["pid"] for row in rows]
            shares = {row["pid"]: row["cpu_percent"] for row in rows}
            return shares[busy.pid] and pids.index(busy.pid) < pids.index(worker)

        procman.until(order, "the busy one before the sleeping one")
    finally:
        busy.kill()
        busy.wait()


def test_plain_tables_follow_each_other(procman, worker):
    done = procman("top", "--plain", "--count", "2", "--interval", "0.2", "--filter", worker)
    tables = done.stdout.strip().split("\n\n")
    assert len(tables) == 2
    for table in tables:
        head, states, note, columns, row = table.splitlines()
        assert head.startswith("procman top ")
        assert re.match(r"\d+ processes: ", states)
        assert note == f"sorted by cpu, filter '{worker}'"
        assert columns.split()[:2] == ["PID", "S"]
        assert row.split()[:2] == [str(worker), "S"]


def test_streams_of_json_and_limits(procman):
    done = procman("top", "--json", "--count", "2", "--interval", "0.2", "--lines", "3", "--sort", "pid")
    samples = [json.loads(line) for line in done.stdout.splitlines()]
    assert [len(sample["processes"]) for sample in samples] == [3, 3]
    assert samples[0]["processes"][0]["pid"] == 1
    assert samples[0]["time"] < samples[1]["time"]


def test_without_a_terminal_it_is_plain(procman):
    done = procman("top", "--count", "1", "--lines", "1")
    assert "\x1b" not in done.stdout


def test_names_are_harmless_in_the_table(procman):
    process = subprocess.Popen(["sh", "-c", "sleep 600; :", "\x1b[2Jevil"])
    try:
        out = procman("top", "--once").stdout
        assert "\x1b" not in out
        assert r"\x1b[2Jevil" in out
    finally:
        for row in reversed(json.loads(procman("tree", process.pid, "--json").stdout)):
            os.kill(row["pid"], signal.SIGKILL)
        process.wait()


@pytest.mark.parametrize("words", [["--sort", "nothing"], ["--interval", "0"], ["--once", "--count", "2"]])
def test_bad_input(procman, words):
    done = procman("top", *words, check=False)
    assert done.returncode == 2
    assert done.stderr
