"""Who talks to a shim: attached clients, slow ones, stdin, terminals, exec, strangers."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import termios
import threading

import pytest

from minidocker import shimclient, shimstreams
from minidocker.shim import protocol as p
from section01_processes import format_json, open_pty, set_size
from section03_cgroups import Cgroup, Hierarchy

pytestmark = pytest.mark.lane("host", full="guest")


def run_exec(one, args, *, stdin=None, tty=False, **request):
    """Run ``args`` by exec with pipes for stdio; return (status, stdout)."""
    reader, writer = os.pipe()
    saved = os.open(os.devnull, os.O_RDWR) if stdin is None else stdin
    try:
        request = {"process": {"args": args, "terminal": tty}, **request}
        status = shimstreams.run_exec(
            one.folder, request, interactive=stdin is not None, stdin=saved, stdout=writer, stderr=writer
        )
    finally:
        os.close(writer)
        os.close(saved)
    with open(reader, "rb") as pipe:
        return status, pipe.read()


def once(until, condition, act):
    """Call ``act`` from a thread, once ``condition()`` holds."""
    threading.Thread(target=lambda: (until(condition), act())).start()


@pytest.fixture
def sleeper(box):
    one = box(["sleep", "600"], cwd="/tmp", env=["COLOUR=red"])
    with one.start(None) as connection:
        shimclient.wait_started(connection)
    return one


def test_several_clients_get_what_they_asked_for(box, drain, settled):
    one = box(["sh", "-c", "read go; echo out; echo err >&2"], open_stdin=True)
    with one.start(p.ATTACH_STDIN | p.ATTACH_STDOUT) as first:
        shimclient.wait_started(first)
        with one.attach(p.ATTACH_STDERR) as second, one.attach(0) as third:
            settled(one)
            first.send(p.IN, b"go\n")
            assert drain(first) == (0, b"out\n", b"")
            assert drain(second) == (0, b"", b"err\n")
            assert drain(third) == (0, b"", b"")


def test_hundred_thousand_lines_complete_and_in_order(box):
    one = box(["seq", "1", "100000"])
    status, out, _ = one.run()
    expected = b"".join(b"%d\n" % n for n in range(1, 100001))
    assert status == 0
    assert out == expected
    assert one.logged().encode() == expected


def test_slow_client_loses_nothing_and_holds_up_nobody(box, until, drain):
    size = 24 << 20
    one = box(["sh", "-c", f"head -c {size} /dev/zero | tr '\\0' 'a'"])
    with one.start() as connection:
        shimclient.wait_started(connection)
        until(lambda: one.status["state"] == "exited")
        assert sum(len(r["log"]) for r in one.records()) == size  # the log did not wait
        with open(f"/proc/{one.shim_pid}/status", encoding="ascii") as file:
            peak = next(int(line.split()[1]) for line in file if line.startswith("VmHWM"))
        assert peak < 32 * 1024  # kB
        until(lambda: one.left() == [])  # nor did the release
        status, out, _ = drain(connection)
        assert (status, len(out), out.strip(b"a")) == (0, size, b"")


def test_stdin_once_ends_with_its_client(box):
    one = box(["sh", "-c", "cat; echo end"], open_stdin=True, stdin_once=True)
    with one.start() as connection:
        shimclient.wait_started(connection)
        data = os.urandom(300_000).hex().encode()  # more than a pipe holds: back-pressure
        received = []
        reader = threading.Thread(target=lambda: received.append(shimclient_drain(connection)))
        reader.start()
        for start in range(0, len(data), p.DATA_MAX):
            connection.send(p.IN, data[start : start + p.DATA_MAX])
        connection.send(p.IN_EOF)
        reader.join()
    assert received[0][:2] == (0, data + b"end\n")


def test_a_client_that_leaves_does_not_end_the_container(box):
    two = box(["sh", "-c", "read x; echo got $x; sleep 60"], open_stdin=True)
    with two.start() as connection:
        shimclient.wait_started(connection)
    with two.attach() as connection:
        connection.send(p.IN, b"again\n")
        assert connection.expect(p.OUT)[0] == b"got again\n"


def shimclient_drain(connection):
    out = []
    status = None
    while True:
        kind, payload, _ = connection.receive()
        if kind == p.OUT:
            out.append(payload)
        elif kind == p.EXIT:
            status = payload[0]
        elif kind == 0:
            return status, b"".join(out)


def test_log_of_bytes_that_are_not_text_and_of_long_lines(box):
    script = "printf 'a\\377b\\n'; head -c 40000 /dev/zero | tr '\\0' x; printf '\\303'; sleep 0.1; printf '\\244 end'"
    one = box(["sh", "-c", script])
    _, out, _ = one.run()
    assert out == b"a\xffb\n" + b"x" * 40000 + "ä end".encode()
    texts = [r["log"] for r in one.records()]
    assert texts[0] == "a\ufffdb\n"
    assert [len(t) for t in texts[1:]] == [16384, 16384, 40000 - 32768 + 5]
    assert texts[-1].endswith("xä end")


def test_rotation_keeps_the_newest(box):
    one = box(["seq", "1", "2000"], log={"driver": "json-file", "max_size": 20000, "max_file": 3})
    one.run()
    names = sorted(n for n in os.listdir(one.folder) if n.startswith("log.json"))
    assert names == ["log.json", "log.json.1", "log.json.2"]
    assert all(len(one.read(n)) < 20100 for n in names)
    numbers = []
    for name in reversed(names):
        numbers += [int(line.split(b'"')[3][:-2]) for line in one.read(name).splitlines()]
    assert numbers == list(range(numbers[0], 2001))


def test_terminal_size_and_resize(box):
    one = box(["sh", "-c", "stty size; read x; stty size; read x"], tty=True, open_stdin=True)
    with one.start(size=(30, 90)) as connection:
        shimclient.wait_started(connection)
        assert connection.expect(p.OUT)[0] == b"30 90\r\n"
        shimclient.resize_container(one.folder, 41, 101)
        connection.send(p.IN, b"\n")
        seen = b""
        while b"41 101" not in seen:
            seen += connection.expect(p.OUT)[0]
        assert one.logged().startswith("30 90\r\n")
        connection.send(p.SIGNAL, p.SIGNAL_PAYLOAD.pack(9, 0))


def test_exec_gives_status_output_environment_and_user(sleeper):
    script = "echo $COLOUR $EXTRA; pwd; id -u; exit 7"
    status, out = run_exec(sleeper, ["sh", "-c", script])
    assert (status, out) == (7, b"red\n/tmp\n0\n")
    request = {"process": {"args": ["sh", "-c", script + "; id -G"], "env": ["EXTRA=1"], "cwd": "/"}, "user": "alice"}
    status, out = run_exec(sleeper, [], **request)
    assert out == b"red 1\n/\n1000\n"


def test_exec_reads_stdin_and_runs_in_the_containers_namespaces(sleeper):
    reader, writer = os.pipe()
    os.write(writer, b"through a pipe")
    os.close(writer)
    assert run_exec(sleeper, ["sh", "-c", "cat; tr '\\0' ' ' < /proc/1/cmdline"], stdin=reader) == (
        0,
        b"through a pipesleep 600 ",
    )


def test_exec_of_what_cannot_run(sleeper):
    with pytest.raises(shimclient.ShimError) as caught:
        run_exec(sleeper, ["nope"])
    assert caught.value.exit_code == 127
    with pytest.raises(shimclient.ShimError, match="unable to find user nobody"):
        run_exec(sleeper, ["true"], user="nobody")
    assert run_exec(sleeper, ["true"]) == (0, b"")  # the shim did not mind


def test_an_exec_client_that_leaves_before_the_answer_harms_nothing(sleeper, settled, until):
    """Frozen, the container answers no exec: so the client has left when the process's terminal would be sent to it."""
    cgroup = Cgroup(Hierarchy.detect(), sleeper.config["cgroup"])
    cgroup.freeze(60)
    try:
        with shimclient.connect(sleeper.folder) as connection:
            request = {"process": {"args": ["true"], "terminal": True}}
            connection.send(p.EXEC, format_json(request).encode())
        settled(sleeper)
    finally:
        cgroup.thaw(60)
    assert run_exec(sleeper, ["true"]) == (0, b"")
    until(lambda: len(cgroup.pids()) == 1)
    assert sleeper.status["state"] == "running"


def test_exec_with_a_terminal(sleeper):
    status, out = run_exec(sleeper, ["sh", "-c", "tty; test -t 1 && exit 5"], tty=True)
    assert status == 5
    assert out.startswith(b"/dev/pts/")


def test_detached_exec_outlives_its_client_and_dies_with_the_container(sleeper, until):
    for terminal in (False, True):
        request = {"process": {"args": ["sh", "-c", "echo x; sleep 50"], "terminal": terminal}, "detach": True}
        assert shimstreams.run_exec(sleeper.folder, request) is None
    until(lambda: run_exec(sleeper, ["sh", "-c", "ps | grep -c '[s]leep 50'"])[1] in {b"2\n", b"4\n"})


def test_exec_clients_learn_of_the_containers_end(sleeper, until):
    connection, _pid, _ = shimclient.request_exec(sleeper.folder, {"process": {"args": ["sleep", "40"]}}, (0, 1, 2))
    shimclient.signal_container(sleeper.folder, signal.SIGKILL)
    with connection:
        assert connection.expect(p.EXIT)[0][0] == 137
    until(lambda: sleeper.left() == [])


def test_malformed_requests_are_refused_and_harm_nothing(sleeper):
    for kind, payload in ((p.EXEC, b"{"), (p.EXEC, b"[]"), (p.ATTACH, b"x"), (99, b""), (p.SIGNAL, b"\xff\x00")):
        with shimclient.connect(sleeper.folder) as connection:
            connection.send(kind, payload)
            with pytest.raises(shimclient.ShimError):
                connection.expect(p.OK)
    assert sleeper.status["state"] == "running"


def test_a_stranger_finds_the_door_shut(sleeper):
    os.chmod(sleeper.folder, 0o755)
    path = sleeper.folder
    while path != "/":
        os.chmod(path, os.stat(path).st_mode | 0o055)
        path = os.path.dirname(path)
    os.chmod(f"{sleeper.folder}/sock", 0o777)
    code = (
        "import os, sys; os.setgid(65534); os.setuid(65534)\n"
        "import socket; os.chdir(sys.argv[1]); s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)\n"
        "s.connect('sock'); s.settimeout(60)\n"
        "try: s.send(b'\\x04\\x09\\x00'); print(s.recv(10))\n"
        "except (BrokenPipeError, ConnectionResetError): print(b'')\n"
    )
    done = subprocess.run([sys.executable, "-c", code, sleeper.folder], capture_output=True, text=True, check=True)
    assert done.stdout == "b''\n"
    assert sleeper.status["state"] == "running"


def test_foreground_loop_with_a_terminal_detaches_by_keys(box, until):
    one = box(["cat"], tty=True, open_stdin=True)
    master, slave = open_pty()
    set_size(slave, 24, 80)
    with one.start(size=(24, 80)) as connection:
        shimclient.wait_started(connection)
        raw = lambda: not termios.tcgetattr(slave)[3] & termios.ICANON  # noqa: E731
        once(until, raw, lambda: os.write(master, b"hello\n\x10\x11never"))
        assert shimstreams.attach_loop(connection, stdin=slave, stdout=slave, tty=True) is None
    os.close(slave)
    os.close(master)
    assert one.status["state"] == "running"
    until(lambda: one.logged() == "hello\r\nhello\r\n")  # the terminal's echo, and cat


def test_foreground_loop_forwards_signals(box, until):
    one = box(["sh", "-c", "trap 'echo got; exit 21' TERM; echo ready; while :; do sleep 0.05; done"])
    reader, writer = os.pipe()
    with one.start() as connection:
        shimclient.wait_started(connection)
        ready = lambda: callable(signal.getsignal(signal.SIGTERM)) and "ready" in one.logged()  # noqa: E731
        once(until, ready, lambda: os.kill(os.getpid(), signal.SIGTERM))
        assert shimstreams.attach_loop(connection, stdout=writer) == 21
    os.close(writer)
    with open(reader, "rb") as pipe:
        assert pipe.read() == b"ready\ngot\n"
