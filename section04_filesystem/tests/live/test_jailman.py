"""A root from the host, and the tool that makes and enters it, from outside."""

import hashlib
import json
import os
import subprocess
import sys

import pytest

from section04_filesystem import FilesystemError, HostRoot

pytestmark = pytest.mark.lane("host")  # the kernel part, in both lanes, is test_live_*


def digest(folder):
    """Return a digest of names, kinds, modes, owners, times, links and content below ``folder``."""
    sums = hashlib.sha256()
    for place, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted(folders + names):
            path = f"{place}/{name}"
            status = os.lstat(path)
            facts = (os.path.relpath(path, folder), status.st_mode, status.st_uid, status.st_gid, status.st_mtime)
            sums.update(repr(facts).encode())
            if os.path.islink(path):
                sums.update(os.readlink(path).encode())
            elif os.path.isfile(path):
                sums.update(open(path, "rb").read())
    return sums.hexdigest()


def chrooted(folder, *command):
    def enter():
        os.chroot(folder)
        os.chdir("/")

    return subprocess.run(command, preexec_fn=enter, capture_output=True, text=True, check=False, env={"PATH": "/bin"})


def test_busybox_is_a_root_with_all_its_applets(tmp_path):
    root = HostRoot().build(str(tmp_path / "root"))
    assert root.shell == "busybox"
    done = chrooted(tmp_path / "root", "/bin/sh", "-c", "ls / | wc -l; stat -c %a /tmp; id -un; test ! -e /dev/null")
    assert done.stdout.split() == ["13", "1777", "root"], done.stderr


def test_a_shell_and_programs_bring_their_libraries(tmp_path):
    root = HostRoot().build(str(tmp_path / "root"), ["bash", "ldd"], busybox=False)
    assert root.shell == "/bin/sh"
    assert any("libc.so" in path for path in root.files)
    done = chrooted(tmp_path / "root", "/bin/bash", "-c", 'ls / >/dev/null && cat /etc/passwd | head -1; echo "$?"')
    assert done.stdout.endswith("\n0\n"), done.stderr


def test_the_same_host_gives_the_same_root(tmp_path):
    for name in ("one", "two"):
        HostRoot().build(str(tmp_path / name), ["ls"])
    assert digest(tmp_path / "one") == digest(tmp_path / "two")


def test_what_is_missing_is_named(tmp_path):
    with pytest.raises(FilesystemError, match="no program no-such-program"):
        HostRoot().build(str(tmp_path / "root"), ["no-such-program"])
    with pytest.raises(FilesystemError, match="not empty"):
        HostRoot().build(str(tmp_path))


def jailman(state, *arguments, **options):
    command = [
        sys.executable,
        "-c",
        "from section04_filesystem.cli import main; main()",
        "--state",
        str(state),
        *arguments,
    ]
    return subprocess.run(command, capture_output=True, text=True, check=False, **options)


@pytest.fixture
def state(tmp_path):
    os.chmod(tmp_path, 0o755)
    os.chmod(tmp_path.parent, 0o755)
    os.chmod(tmp_path.parent.parent, 0o755)
    done = jailman(tmp_path / "jails", "create", "one")
    assert done.returncode == 0, done.stderr
    os.chmod(tmp_path / "jails", 0o755)
    return tmp_path / "jails"


def test_enter_by_pivot_root_sees_own_mounts_and_processes_only(state):
    done = jailman(state, "enter", "one", "--", "sh", "-c", "echo $$; cat /proc/self/mountinfo; exit 3")
    assert done.returncode == 3, done.stderr
    pid, *mounts = done.stdout.splitlines()
    assert pid == "1"
    assert [line.split()[4] for line in mounts] == ["/", "/proc", "/dev", "/tmp"]


def test_enter_as_an_ordinary_user(state):
    done = jailman(state, "enter", "one", "--", "id", "-u", user=65534, group=65534, extra_groups=[])
    assert (done.returncode, done.stdout) == (0, "0\n"), done.stderr


def test_enter_by_chroot_keeps_the_hosts_processes(state):
    assert os.path.exists("/proc/self")
    done = jailman(state, "enter", "one", "--method", "chroot", "--", "sh", "-c", "echo $$; ls /proc")
    pid, *listed = done.stdout.split()
    assert pid != "1"
    assert listed == []  # the jail's /proc is a plain folder
    assert not os.path.samefile(state / "one", "/")


def test_life_of_a_jail(state):
    assert [row["name"] for row in json.loads(jailman(state, "ls", "--json").stdout)] == ["one"]
    assert "pivot_root" in jailman(state, "enter", "one", "--dry-run").stdout
    assert jailman(state, "create", "two", "--from", str(state / "one")).returncode == 0
    assert digest(state / "one") == digest(state / "two")
    assert jailman(state, "rm", "two").returncode == 0
    for arguments in (
        ["create", "one"],
        ["create", "../x"],
        ["rm", "two"],
        ["enter", "two"],
        ["create", "x", "--from", "/no"],
    ):
        done = jailman(state, *arguments)
        assert done.returncode == 125, arguments
        assert done.stderr.startswith("jailman: error: "), done.stderr
    assert os.listdir(state) == ["one"]


def test_a_command_that_is_not_there_is_127(state):
    assert jailman(state, "enter", "one", "--", "no-such-command").returncode == 127


def test_mounts_as_json_are_those_of_mountinfo(tmp_path):
    rows = json.loads(jailman(tmp_path, "mounts", str(os.getpid()), "--json").stdout)
    assert len(rows) == len(open("/proc/self/mountinfo").readlines())
    assert "/proc" in jailman(tmp_path, "mounts").stdout
