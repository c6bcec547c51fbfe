"""What is nobody else's business: values of the environment, and the doors to the shim, whatever the caller's umask.

(That a stranger who finds the socket's path open is turned away by its peer check: capstone/tests/live/shim.)
"""

import json
import stat

import pytest

pytestmark = [pytest.mark.lane("host"), pytest.mark.needs("root", "nft")]

SECRET = b"hunter2-but-longer"


@pytest.fixture
def running(minidocker):
    """Return the folder of a container that was given the secret, by a caller who hides nothing (umask 0)."""
    secret = f"-eSECRET={SECRET.decode()}"
    done = minidocker("run", "-d", "-p", "127.0.0.1::80", "-v", "/data", secret, "tiny", "sleep", "60", umask=0)
    identity = done.stdout.strip()
    minidocker("exec", "-e", f"ANOTHER={SECRET.decode()}", identity, "true", umask=0)
    yield minidocker.root / "containers" / identity
    minidocker("rm", "-f", "-v", identity)


def test_files_that_hold_a_secret_are_their_owner_s_only(minidocker, running):
    files = [path for path in minidocker.root.rglob("*") if path.is_file() and not path.is_symlink()]
    holding = {path.name: oct(path.stat().st_mode & 0o077) for path in files if SECRET in path.read_bytes()}
    assert "config.json" in holding  # so the walk finds it
    assert set(holding.values()) == {"0o0"}, holding
    assert not {"shim.log", "log.json", "status.json"} & set(holding)


def test_no_command_line_and_no_environment_of_ours_holds_it(running):
    status = json.loads((running / "status.json").read_text())
    shim = status["shim"].split(":")[1]
    for name in ("cmdline", "environ"):
        with open(f"/proc/{shim}/{name}", "rb") as file:
            assert SECRET not in file.read()
    with open(f"/proc/{status['pid']}/environ", "rb") as file:
        assert SECRET in file.read()  # the program's own has it


def test_what_is_told_hides_it(minidocker):
    words = ("--network", "none", "-e", f"SECRET={SECRET.decode()}", "--rm", "tiny", "true")
    told = minidocker("run", "--explain", *words)
    dry = minidocker("run", "--dry-run", *words)
    assert SECRET.decode() not in told.stdout + told.stderr + dry.stdout + dry.stderr
    assert "execve" in told.stderr
    assert "execve" in dry.stdout


def test_doors_are_closed_whatever_the_umask(minidocker, running):
    modes = {p: stat.S_IMODE(p.lstat().st_mode) for p in (minidocker.root, running, *running.iterdir())}
    assert modes[minidocker.root] & 0o077 == 0
    assert (modes[running], modes[running / "sock"]) == (0o700, 0o700)
    open_ones = {path.name for path, mode in modes.items() if mode & 0o077}
    assert open_ones <= {"rootfs", "upper", "hosts", "hostname", "resolv.conf"}  # the container's own, behind the door
    assert [path.name for path, mode in modes.items() if mode & 0o022] == []
