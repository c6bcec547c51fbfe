"""Binds, volumes, copy-up."""

from __future__ import annotations

import fcntl
import os
import subprocess

import pytest

pytestmark = [pytest.mark.lane("host"), pytest.mark.needs("root")]


def test_named_volume_is_filled_once_and_lives_on(minidocker):
    out = minidocker(
        "run", "--rm", "--network", "none", "-v", "data:/etc", "tiny", "sh", "-c", "ls /etc | grep -c passwd"
    )
    assert out == "1"  # copied up from the image
    minidocker("run", "--rm", "--network", "none", "-v", "data:/d", "tiny", "sh", "-c", "echo 5 > /d/mine")
    assert minidocker("run", "--rm", "--network", "none", "-v", "data:/d:ro", "tiny", "cat", "/d/mine") == "5"
    done = minidocker.run("run", "--rm", "--network", "none", "-v", "data:/d:ro", "tiny", "touch", "/d/x")
    assert "Read-only" in done.stderr
    assert minidocker("volume", "ls", "-q") == "data"
    assert minidocker("volume", "rm", "data") == "data"


def test_a_volume_in_use_stays(minidocker):
    minidocker("create", "--name", "box", "--network", "none", "-v", "data:/d", "tiny", "true")
    assert "in use" in minidocker.fails("volume", "rm", "data", code=1)
    assert "no such volume" in minidocker.fails("volume", "inspect", "nope", code=1)


def test_anonymous_volumes_go_with_rm_v_only(minidocker):
    for flags, left in ((("-v",), 0), ((), 1)):
        minidocker("create", "--name", "box", "--network", "none", "-v", "/anon", "tiny", "true")
        minidocker("rm", *flags, "box")
        assert len(minidocker("volume", "ls", "-q").split()) == left
    minidocker("run", "--rm", "--network", "none", "-v", "/anon", "tiny", "true")
    assert len(minidocker("volume", "ls", "-q").split()) == 1


def test_bind(minidocker, tmp_path):
    made = tmp_path / "made" / "for" / "v"
    minidocker("run", "--rm", "--network", "none", "-v", f"{made}:/x", "tiny", "touch", "/x/y")
    assert (made / "y").exists()
    gone = tmp_path / "gone"
    text = minidocker.fails(
        "run", "--rm", "--network", "none", "--mount", f"type=bind,src={gone},dst=/x", "tiny", "true"
    )
    assert "does not exist" in text
    file = tmp_path / "file"
    file.write_text("content")
    out = minidocker("run", "--rm", "--network", "none", "-v", f"{file}:/etc/hosts:ro", "tiny", "cat", "/etc/hosts")
    assert out == "content"


def someone_waits_for(inode):
    """Tell whether a process waits for the lock of this file: /proc/locks, "->"."""
    with open("/proc/locks", encoding="ascii") as file:
        return any("->" in line and f":{inode} " in line for line in file)


def test_a_kill_between_the_end_and_the_volumes_removal_is_healed(minidocker):
    """The row goes last: a command that dies while it waits to remove the volume leaves nothing for ever."""
    minidocker("run", "--rm", "--network", "none", "tiny", "true")
    before = set(os.listdir(f"{minidocker.root}/volumes"))
    with open(f"{minidocker.root}/images.lease", "w") as lease:
        fcntl.flock(lease, fcntl.LOCK_SH)
        words = ("run", "--rm", "--network", "none", "-v", "/data", "tiny", "true")
        process = minidocker.start(*words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        inode = os.fstat(lease.fileno()).st_ino
        minidocker.until(lambda: process.poll() is not None or someone_waits_for(inode))
        assert process.poll() is None, "it did not wait for the lease"
        process.kill()
        process.wait()
    minidocker("ps")
    assert set(os.listdir(f"{minidocker.root}/volumes")) == before
