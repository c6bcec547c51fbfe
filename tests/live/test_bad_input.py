"""What cannot be is one clear line with the right exit code, and nothing of it stays: archives, programs, full disks,
machines that lack something, values that make no sense, names that are not there, and SIGKILL at any moment.

What belongs here: the whole tool, from the command line to the kernel. What does not: parsers (capstone/tests/unit).
"""

import contextlib
import io
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tarfile
import time

import pytest

from courseware import leaks

pytestmark = [pytest.mark.lane("host"), pytest.mark.needs("root", "nft"), pytest.mark.timeout(120)]

NONE = ("--network", "none")


@pytest.fixture(scope="module", autouse=True)
def nothing_is_left(minidocker):
    """Count before the first test and after the last one."""
    before, state = leaks.quiet_snapshot(), minidocker.state()
    yield
    assert leaks.wait_until_equal(before) == []
    assert minidocker.state() - state == set()
    assert minidocker("system", "check").stdout == "nothing is left behind\n"


def one_line(done, code):
    """Require exit code ``code`` and one line of error; return the line."""
    assert (done.returncode, done.stdout) == (code, ""), done
    assert re.fullmatch("minidocker: error: .+\n", done.stderr), done.stderr
    assert not re.search(r"Traceback|\w+(Error|Exception): |a bug", done.stderr), done.stderr
    return done.stderr.strip()


def refused(minidocker, *words, code=125, **options):
    """Run what must be refused: one line, and the state folder is as it was."""
    before = minidocker.state()
    line = one_line(minidocker(*words, check=False, **options), code)
    assert minidocker.state() == before
    return line


@contextlib.contextmanager
def running(minidocker, *arguments):
    identity = minidocker("run", "-d", *NONE, *arguments).stdout.strip()
    try:
        yield identity
    finally:
        minidocker("rm", "-f", identity)


# ── archives ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def layout(minidocker, tmp_path_factory):
    """Return an OCI layout of the image ``tiny``: the store's own folder is one."""
    folder = tmp_path_factory.mktemp("layout")
    for name in ("oci-layout", "index.json", "blobs"):
        source = minidocker.root / "images" / name
        (shutil.copytree if source.is_dir() else shutil.copy)(source, folder / name)
    return folder


def archive_of(folder):
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        for path in sorted(folder.rglob("*")):
            archive.add(path, path.relative_to(folder), recursive=False)
    return stream.getvalue()


def test_a_blob_that_is_not_what_its_digest_says(minidocker, layout, tmp_path):
    copy = shutil.copytree(layout, tmp_path / "copy")
    layer = max((copy / "blobs" / "sha256").iterdir(), key=lambda path: path.stat().st_size)
    with layer.open("r+b") as file:
        file.seek(layer.stat().st_size // 2)
        byte = file.read(1)
        file.seek(-1, os.SEEK_CUR)
        file.write(bytes([byte[0] ^ 1]))
    line = refused(minidocker, "load", "-i", copy, code=1)
    assert "digest" in line
    assert layer.name[:12] in line


@pytest.mark.parametrize("part", [0.0, 0.001, 0.5, 1.0])
def test_a_truncated_archive_from_a_pipe(minidocker, layout, tmp_path, part):
    whole = archive_of(layout).rstrip(b"\0")[:-1]  # less than its last file
    cut = tmp_path / "cut.tar"
    cut.write_bytes(whole[: int(len(whole) * part)])
    before = minidocker("images", "-aq").stdout
    with subprocess.Popen(["cat", cut], stdout=subprocess.PIPE) as cat:
        assert "standard input: " in refused(minidocker, "load", code=1, stdin=cat.stdout)
    assert minidocker("images", "-aq").stdout == before
    assert minidocker("system", "check").stdout == "nothing is left behind\n"


@pytest.mark.parametrize("content", [b"hello\n", b"\0" * 10240, b"\x1f\x8b\x08rubbish"])
def test_what_is_no_archive(minidocker, tmp_path, content):
    path = tmp_path / "it"
    path.write_bytes(content)
    assert str(path) in refused(minidocker, "load", "-i", path, code=1)


# ── programs ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def programs(tmp_path_factory):
    """Return a folder of files that cannot be executed, each for another reason."""
    folder = tmp_path_factory.mktemp("programs")
    (folder / "no-x").write_text("echo hi\n")
    (folder / "no-interpreter").write_text("#!/no/such/interpreter\n")
    (folder / "no-format").write_bytes(b"\x7fELF\2\1\1rubbish")
    (folder / "loop").symlink_to("loop")
    os.mkfifo(folder / "fifo")
    for name in ("no-interpreter", "no-format", "fifo"):
        (folder / name).chmod(0o755)
    return folder


PROGRAMS = {
    "absent": (127, 'exec: "absent": executable file not found in $PATH'),
    "/p/absent": (127, "no such file or directory"),
    "/p/no-x": (126, "permission denied"),
    "/p/no-interpreter": (127, "interpreter"),
    "/p/no-format": (126, "exec format error"),
    "/p/fifo": (126, "permission denied"),
    "/p/loop": (126, "too many levels of symbolic links"),
    "/p": (126, "is a directory"),
    "/p/no-x/below": (127, "not a directory"),
    "": (127, "executable file not found"),
}


def test_what_cannot_be_executed_at_run(minidocker, programs):
    for program, (code, words) in PROGRAMS.items():
        line = refused(minidocker, "run", "--rm", *NONE, "-v", f"{programs}:/p:ro", "tiny", program, code=code)
        assert words in line
        assert program in line


def test_what_cannot_be_executed_at_exec_harms_nothing(minidocker, programs):
    with running(minidocker, "-v", f"{programs}:/p:ro", "tiny", "sleep", "60") as identity:
        for program, (code, words) in PROGRAMS.items():
            assert words in refused(minidocker, "exec", identity, program, code=code)
        assert minidocker("exec", identity, "echo", "well").stdout == "well\n"


# ── a machine that is full, or lacks something ───────────────────────────────────────────────────────────────────────


def in_private_mounts(minidocker, folder, setup, *words):
    """Run a command with ``folder`` as its state root in a mount namespace of its own, after the lines ``setup``."""
    command = " ".join([str(minidocker.command()[0]), "--root", str(folder), *words])
    script = f"set -e; {setup}\nset +e; {command}; code=$?\nmount -o remount,size=16m {folder} 2>/dev/null\n"
    after = (
        f"{minidocker.command()[0]} --root {folder} ps -aq; ls -A {folder}/containers {folder}/volumes >&2; exit $code"
    )
    return subprocess.run(
        ["unshare", "--mount", "sh", "-c", script + after], capture_output=True, text=True, stdin=subprocess.DEVNULL
    )


@pytest.mark.parametrize("size", [8, 64, 104, 124, 144, 164])
def test_a_disk_that_is_full_sooner_or_later(minidocker, tmp_path, size):
    """Size in KiB; from the database to the network's records. Once there is room again, any command heals."""
    setup = (
        f"mount -t tmpfs -o size={size}k,mode=700 none {tmp_path}; mkdir {tmp_path}/images; "
        f"mount --bind {minidocker.root}/images {tmp_path}/images"
    )
    done = in_private_mounts(
        minidocker, tmp_path, setup, "run", "--rm", "-v", "/data", "-p", "127.0.0.1::80", "tiny", "true"
    )
    assert (done.returncode, done.stdout) == (125, "")
    first, *left = done.stderr.splitlines()
    assert re.match("minidocker: error: .*(full|space left)", first)
    assert [line for line in left if line and not line.endswith(":")] == []


def test_a_full_disk_at_load_adds_nothing(minidocker, layout, tmp_path):
    archive = tmp_path / "tiny.tar"
    archive.write_bytes(archive_of(layout))
    folder = tmp_path / "root"
    folder.mkdir()
    setup = f"mount -t tmpfs -o size=1200k,mode=700 none {folder}"
    done = in_private_mounts(minidocker, folder, setup, "load", "-i", str(archive), "; du -k", f"{folder}/images >&2")
    assert f"no space left for images in {folder}/images: nothing was added" in done.stderr
    assert max(int(line.split()[0]) for line in done.stderr.splitlines() if line.endswith("/images")) < 64


def test_a_container_that_fills_the_disk_with_its_log_is_not_held_up(minidocker, tmp_path):
    setup = (
        f"mount -t tmpfs -o size=1m,mode=700 none {tmp_path}; mkdir {tmp_path}/images; "
        f"mount --bind {minidocker.root}/images {tmp_path}/images"
    )
    done = in_private_mounts(  # the shim keeps 1 MiB in memory for a slow client; more would want the disk
        minidocker, tmp_path, setup, "run", "--rm", *NONE, "tiny", "sh", "-c", "'yes | head -c 1000000; exit 7'",
        "| wc -c; (exit ${PIPESTATUS:-7})",
    )  # fmt: skip
    assert done.stdout.split() == ["1000000"]


def test_no_nft(minidocker, tmp_path):
    hide = "".join(
        f"mount --bind /dev/null {path}; " for path in ("/usr/sbin/nft", "/sbin/nft") if os.path.exists(path)
    )
    run = " ".join(minidocker.command("run", "--rm", "tiny", "echo", "hi"))
    done = subprocess.run(["unshare", "-m", "sh", "-c", hide + run], capture_output=True, text=True)
    assert "apt-get install nftables" in one_line(done, 125)
    run = " ".join(minidocker.command("run", "--rm", *NONE, "tiny", "echo", "hi"))
    done = subprocess.run(["unshare", "-m", "sh", "-c", hide + run], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "hi\n")


def test_no_overlay_on_an_overlay(minidocker, tmp_path):
    """As inside Docker. The error has the kernel's own words, the cause, and where to read on."""
    setup = (
        f"mount -t tmpfs none {tmp_path}; cd {tmp_path}; mkdir upper work root; "
        f"mount -t overlay none -o lowerdir={minidocker.root},upperdir=upper,workdir=work root"
    )
    done = in_private_mounts(minidocker, tmp_path / "root", setup, "run", "--rm", *NONE, "tiny", "true")
    assert done.returncode == 125
    first, *left = done.stderr.splitlines()
    for words in ("minidocker: error: mount overlay", "not supported as upperdir", "LCM-IM-01", "that is no overlay"):
        assert words in first
    assert [line for line in left if line and not line.endswith(":")] == []


# ── names, ports, values ─────────────────────────────────────────────────────────────────────────────────────────────


def test_of_two_at_once_one_gets_the_name_and_the_other_learns_who(minidocker):
    command = minidocker.command("create", "--name", "twin", *NONE, "tiny", "true")
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    told = [process.communicate() for process in both]
    minidocker("rm", "twin")
    (winner,) = [out.strip() for out, _ in told if out]
    (line,) = [error for _, error in told if error]
    assert sorted(process.returncode for process in both) == [0, 125]
    assert winner[:12] in line


def test_a_udp_port_is_in_use_by_a_program_that_is_named(minidocker):
    code = (
        "import socket; s = socket.socket(type=socket.SOCK_DGRAM); s.bind(('127.0.0.1', 0)); "
        "print(s.getsockname()[1], flush=True); input()"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as it:
        port = int(it.stdout.readline())
        line = refused(minidocker, "run", "--rm", "-p", f"127.0.0.1:{port}:53/udp", "tiny", "true")
        it.communicate("\n")
    assert str(port) in line
    assert f"{it.pid} (python" in line


VALUES = {
    "--add-host": "bad", "--cap-drop": "FLY", "--cidfile": "/etc/passwd", "--cpu-shares": "x", "--cpuset-cpus": "a",
    "--dns": "bad", "--env": "=x", "--group-add": "nosuch", "--hostname": "a" * 80, "--ip": "1.2.3",
    "--log-driver": "syslog", "--log-opt": "max-size=lots", "--mac-address": "01:00:5e:00:00:01",
    "--memory-reservation": "x", "--memory-swap": "64m", "--mount": "type=foo,target=/x", "--network": "nosuch",
    "--oom-score-adj": "5000", "--pids-limit": "x", "--publish": "100-102:80", "--restart": "sometimes",
    "--security-opt": "foo", "--shm-size": "x", "--stop-timeout": "x", "--tmpfs": "relative", "--ulimit": "nofile=9:1",
    "--workdir": "/etc/passwd",
}  # fmt: skip


@pytest.mark.parametrize("flag", VALUES)
def test_a_value_that_makes_no_sense(minidocker, flag):
    line = refused(minidocker, "run", "--rm", flag, VALUES[flag], "tiny", "true")
    assert VALUES[flag].rpartition("=")[2][:20] in line
    assert flag in line or flag in ("--network", "--group-add", "--workdir")  # their errors name the thing itself


STOPPED = {
    "start": (1, "no such container: absent"), "attach": (1, "no such container: absent"),
    "stop": (1, "no such container: absent"), "logs": (1, "no such container: absent"),
    "kill": (1, "no such container: absent"), "wait": (1, "no such container: absent"),
    "rm": (1, "no such container: absent"), "rmi": (1, "no such image: absent"),
}  # fmt: skip


@pytest.mark.parametrize("command", STOPPED)
def test_a_name_that_nobody_has(minidocker, command):
    code, words = STOPPED[command]
    assert words in refused(minidocker, command, "absent", code=code)


def test_what_a_stopped_container_cannot_do(minidocker):
    minidocker("run", "--name", "over", *NONE, "tiny", "echo", "once")
    for words, expected in (
        (("exec", "over", "true"), "container over is not running (`minidocker start over` starts it)"),
        (("attach", "over"), "container over is not running (`minidocker start over` starts it)"),
        (("kill", "over"), "cannot kill container over: it is not running"),
    ):
        assert expected in refused(minidocker, *words, code=1)
    assert minidocker("stop", "over").stdout == "over\n"
    assert minidocker("wait", "over").stdout == "0\n"
    assert minidocker("logs", "over").stdout == "once\n"
    minidocker("rm", "over")


# ── SIGKILL ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_command_killed_at_a_random_moment(minidocker, layout, tmp_path, until):
    """Not at a boundary of a plan, as the crash matrix does, but anywhere: also in imports, forks, copies, SQLite."""
    archive = tmp_path / "tiny.tar"
    archive.write_bytes(archive_of(layout))
    minidocker("create", "--name", "target", *NONE, "tiny", "sleep", "60")
    full = ("-m", "64m", "-p", "127.0.0.1::80", "-v", "/data", "tiny", "true")
    verbs = (
        ("run", "--rm", *full), ("run", "--rm", *full), ("run", "--rm", "-d", *full), ("create", *full),
        ("start", "target"), ("exec", "target", "true"), ("restart", "-t", "0", "target"), ("load", "-i", archive),
    )  # fmt: skip
    chance = random.Random(5736)
    for _ in range(18):
        words = chance.choice(verbs)
        with subprocess.Popen(
            minidocker.command(*words), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        ) as process:
            time.sleep(chance.uniform(0.02, 0.3))
            process.send_signal(signal.SIGKILL)
    left = minidocker("ps", "-aq").stdout.split()
    minidocker("rm", "-f", "-v", *left)
    until(lambda: minidocker("ps", "-aq").stdout == "")  # those whose command died still run to their own end
    assert json.loads(minidocker("inspect", "tiny").stdout)
