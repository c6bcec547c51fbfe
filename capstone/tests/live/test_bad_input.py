"""What cannot be is refused in one clear line, and nothing is left."""

from __future__ import annotations

import os
import socket
import subprocess

import pytest

pytestmark = [pytest.mark.lane("host"), pytest.mark.needs("root")]


def test_name_in_use_names_its_owner(minidocker):
    identity = minidocker("create", "--name", "web", "--network", "none", "tiny", "true")
    text = minidocker.fails("run", "--name", "web", "--network", "none", "tiny", "true")
    assert "'web'" in text
    assert identity[:12] in text


@pytest.mark.parametrize(
    ("flags", "named"),
    [
        (("-m", "1k"), "--memory"),
        (("--cpus", "many"), "--cpus"),
        (("-p", "80:99999"), "--publish"),
        (("--ulimit", "nofile"), "--ulimit"),
        (("--cap-add", "FLY"), "--cap-add"),
        (("--name", "a b"), "--name"),
        (("-v", "a:b:c:d"), "--volume"),
        (("--network", "container:nobody"), "nobody"),
        (("--security-opt", "seccomp=/nonexistent"), "seccomp=/nonexistent"),
        (("--device", "/dev/nonexistent"), "--device"),
        (("--restart", "always", "--rm"), "--restart"),
        (("--env-file", "/nonexistent"), "--env-file"),
        (("--sysctl", "kernel.panic=1"), "--sysctl"),
        (("-w", "relative"), "--workdir"),
        (("--stop-signal", "NOPE"), "--stop-signal"),
        (("-u", "nobodyhere"), "nobodyhere"),
    ],
)
def test_bad_values_name_the_flag(minidocker, flags, named):
    assert named in minidocker.fails("run", "--rm", *flags, "tiny", "true")
    assert minidocker("ps", "-aq") == ""


def test_port_in_use_says_by_whom(minidocker):
    with socket.socket() as held:
        held.bind(("0.0.0.0", 0))
        held.listen()
        port = held.getsockname()[1]
        text = minidocker.fails("run", "--rm", "-p", f"{port}:80", "tiny", "true")
    assert str(port) in text
    assert str(os.getpid()) in text or "python" in text
    minidocker("run", "-d", "--name", "first", "-p", f"{port}:80", "tiny", "sleep", "99")
    text = minidocker.fails("run", "--rm", "-p", f"{port}:80", "tiny", "true")
    identity = minidocker("inspect", "-f", "{{.Id}}", "first")
    assert "first" in text or identity[:12] in text


def test_no_nft(minidocker, tmp_path):
    text = minidocker.run("run", "--rm", "-p", "18080:80", "tiny", "true", env={"PATH": str(tmp_path)})
    if text.returncode:  # the shim has a PATH of its own, on purpose: then nothing is missing
        assert "nft" in text.stderr


def test_full_disk(minidocker, tmp_path):
    small = tmp_path / "small"
    small.mkdir()
    run = " ".join(minidocker.command("run", "--rm", "--network", "none", "tiny", "true"))
    script = (
        f"mount -t tmpfs -o size=3m none {small} && cp -a {minidocker.root}/images {small}/ && "
        f"dd if=/dev/zero of={small}/fill bs=4k 2>/dev/null; "
        f"{run.replace(minidocker.root, str(small))}; "
        f"echo code $?; ls {small}/containers {small}/creating 2>/dev/null"
    )
    done = subprocess.run(["unshare", "-m", "sh", "-c", script], capture_output=True, text=True, timeout=60)
    assert "code 125" in done.stdout, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert "space" in done.stderr or "full" in done.stderr


def test_unknown_things(minidocker):
    for words in (("rm", "nope"), ("stop", "nope"), ("exec", "nope", "true"), ("logs", "nope"), ("inspect", "nope")):
        done = minidocker.run(*words)
        assert done.returncode != 0
        assert "nope" in done.stderr
        assert "Traceback" not in done.stderr
    assert "not yet" in minidocker.fails("pull", "alpine", code=1)
    assert minidocker.run("run", "--nonsense", "tiny").returncode == 125


def test_exec_into_what_does_not_run(minidocker):
    minidocker("create", "--name", "box", "--network", "none", "tiny", "true")
    assert "is not running" in minidocker.fails("exec", "box", "true", code=1)


def test_tty_needs_a_terminal(minidocker):
    assert "the input device is not a TTY" in minidocker.fails("run", "--rm", "-it", "tiny", "true", code=1)


def test_an_image_in_use_stays(minidocker):
    identity = minidocker("create", "--name", "box", "--network", "none", "tiny", "true")
    assert identity[:12] in minidocker.fails("rmi", "tiny", code=1)


def test_detach_keys_are_checked_before_anything_starts(minidocker):
    assert "detach key" in minidocker.fails("run", "--detach-keys", "bogus", "tiny", "true")
    assert minidocker("ps", "-aq") == ""


def test_an_unknown_image_in_a_state_folder_that_is_not_there_yet(minidocker, tmp_path):
    minidocker.root = str(tmp_path / "new")
    assert "no such image" in minidocker.fails("run", "absent")
    minidocker.root = "/proc/nowhere"
    assert "--root" in minidocker.fails("run", "absent")
    minidocker.root = str(tmp_path / "new")
