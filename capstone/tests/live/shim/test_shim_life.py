"""A shim from its start to its end: exit status, errors, restarts, death, release."""

from __future__ import annotations

import os
import signal

import pytest

from minidocker import shimclient
from minidocker.shim import protocol as p
from minidocker.shim.release import release
from section01_processes import LcmError

pytestmark = pytest.mark.lane("host", full="guest")


@pytest.mark.lane("host", "guest")
def test_output_status_and_nothing_left(box):
    one = box(["sh", "-c", "echo out; echo err >&2; exit 3"])
    assert one.run() == (3, b"out\n", b"err\n")
    assert one.left() == []  # when the attached client saw the end, everything was released already
    status = one.status
    assert (status["state"], status["exit_code"], status["pid"]) == ("exited", 3, 0)
    assert status["started"] < status["finished"]
    os.close(one.lock())  # nobody holds the lock any more


def test_killed_process_is_128_plus_n(box):
    one = box(["sleep", "60"])
    with one.start() as connection:
        shimclient.wait_started(connection)
        shimclient.signal_container(one.folder, signal.SIGKILL)
        assert connection.expect(p.EXIT)[0][0] == 137
        connection.wait_end()
    with pytest.raises(shimclient.ShimGone):
        shimclient.connect(one.folder)


@pytest.mark.parametrize(
    ("args", "code", "text"), [(["nope"], 127, "nope"), (["/etc/passwd"], 126, "passwd"), (["/none/x"], 127, "/none/x")]
)
def test_a_command_that_cannot_run(box, args, code, text):
    one = box(args)
    with one.start() as connection:
        with pytest.raises(shimclient.ShimError) as caught:
            shimclient.wait_started(connection)
        connection.wait_end()
    assert caught.value.exit_code == code
    assert text in caught.value.message
    assert one.left() == []
    assert (one.status["state"], one.status["exit_code"]) == ("created", code)
    assert text in one.status["error"]


def test_unknown_user_is_refused(box):
    one = box(["true"], user="nobody-here")
    with one.start() as connection:
        with pytest.raises(LcmError, match="nobody-here"):
            shimclient.wait_started(connection)
        connection.wait_end()
    assert one.left() == []


def test_user_groups_home_and_workdir(box):
    one = box(["sh", "-c", "id -u; id -g; id -G; echo $HOME; pwd"], user="alice", group_add=["10", "77"], cwd="/a/b")
    status, out, _ = one.run()
    assert (status, out.split()) == (
        0,
        [b"1000", b"1001", b"1001 10 77".split()[0], b"10", b"77", b"/home/alice", b"/a/b"],
    )


def test_volume_is_filled_from_the_image_once(box, tmp_path):
    volume = tmp_path / "volume"
    volume.mkdir()
    bind = {"destination": "/data", "type": "bind", "source": str(volume), "options": ["rbind"]}
    volumes = [{"source": str(volume), "target": "/data", "copy": True}]
    assert box(["cat", "/data/seed"], volumes=volumes, mounts=[bind]).run()[1] == b"from the image"
    (volume / "seed").write_text("mine")
    assert box(["cat", "/data/seed"], volumes=volumes, mounts=[bind]).run()[1] == b"mine"


def test_remove_at_the_end_takes_folder_and_anonymous_volumes(box, tmp_path):
    volume = tmp_path / "anonymous"
    (volume / "deep").mkdir(parents=True)
    one = box(["sh", "-c", "mkdir -p /x/y; exit 4"], auto_remove=True, anonymous_volumes=[str(volume)])
    assert one.run()[0] == 4
    assert os.listdir(os.path.dirname(one.folder)) == []
    assert not volume.exists()


def test_restarts_as_often_as_the_policy_says(box, until):
    one = box(["sh", "-c", "echo x; exit 5"], restart="on-failure:2")
    with one.start(None) as connection:
        shimclient.wait_started(connection)
    until(lambda: one.status["state"] == "exited" and not one.left())
    assert one.status["restarts"] == 2
    assert one.logged() == "x\n" * 3


def test_stop_ends_the_wait_for_a_restart(box, until):
    one = box(["false"], restart="always")
    with one.start(None) as connection:
        shimclient.wait_started(connection)
    until(lambda: one.status["state"] == "restarting")
    shimclient.signal_container(one.folder, signal.SIGTERM, stop=True)
    until(lambda: not one.left())
    assert (one.status["state"], one.status["stopped"]) == ("exited", True)


def test_wait_says_whether_the_next_or_the_last_exit(box, tmp_path, settled):
    gate = tmp_path / "gate"
    gate.mkdir()
    bind = {"destination": "/gate", "type": "bind", "source": str(gate), "options": ["rbind"]}
    script = "echo x >> /runs; until [ -e /gate/$(wc -l < /runs) ]; do sleep 0.02; done; exit 6"
    one = box(["sh", "-c", script], restart="on-failure:1", mounts=[bind])
    with one.start(None) as connection:
        shimclient.wait_started(connection)
    for run, condition in ((1, p.WAIT_NEXT), (2, p.WAIT_FINAL)):
        assert shimclient.wait_container(one.folder, timeout=0.01) is None
        with shimclient.connect(one.folder) as connection:
            connection.send(p.WAIT, bytes((condition,)))
            settled(one)
            (gate / str(run)).touch()
            assert connection.expect(p.EXIT)[0][0] == 6
            if condition == p.WAIT_FINAL:
                connection.wait_end()
        assert (one.status["state"] == "exited") is (condition == p.WAIT_FINAL)
    assert one.left() == []


def test_signals_to_the_shim_do_not_end_it(box):
    one = box(["sleep", "60"])
    with one.start() as connection:
        shimclient.wait_started(connection)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT):
            os.kill(one.shim_pid, number)
        shimclient.signal_container(one.folder, signal.SIGKILL)
        connection.expect(p.EXIT)


@pytest.mark.lane("host", "guest")
def test_killed_shim_takes_the_container_along_and_release_cleans(box, until):
    one = box(["sh", "-c", "sleep 100 & sleep 100"])
    with one.start() as connection:
        pid = shimclient.wait_started(connection)
        os.kill(one.shim_pid, signal.SIGKILL)
        connection.wait_end()
    until(lambda: not os.path.exists(f"/proc/{pid}"))
    fd = one.lock(wait=True)
    for _ in range(2):  # idempotent
        release(one.folder, one.id)
        assert one.left() == []
    os.close(fd)


@pytest.mark.lane("host", "guest")
def test_oom_kill_is_told(box):
    hog = ["sh", "-c", "x=$(head -c 60000000 /dev/zero | tr '\\0' x); echo ${#x}"]
    one = box(hog)
    from section01_processes import format_json, parse_json

    spec = parse_json(one.read(p.CONFIG))
    spec["linux"]["resources"]["memory"] = {"limit": 20 << 20, "swap": 20 << 20}
    one.write(p.CONFIG, format_json(spec))
    one.run()
    assert one.status["oom_killed"] is True


def test_init_reaps_and_passes_the_status_on(box):
    one = box(["sh", "-c", "echo $$; exit 9"], init=True)
    status, out, _ = one.run()
    assert status == 9
    assert out != b"1\n"


def memory_alone(pid):
    """Return the proportional set size in kB, the interpreter counted in full: as if no other Python ran."""
    total, name = 0, ""
    with open(f"/proc/{pid}/smaps", encoding="utf-8") as file:
        for line in file:
            words = line.split()
            if not words[0].endswith(":"):
                name = words[5] if len(words) > 5 else ""
            elif words[0] == ("Rss:" if name == "/" or "python" in name else "Pss:"):  # "/": its detached mount
                total += int(words[1])
    return total


def test_an_idle_shim_is_small(box, until):
    one = box(["sleep", "60"])
    with one.start(None) as connection:
        shimclient.wait_started(connection)
    until(lambda: memory_alone(one.shim_pid) <= 8 * 1024)
