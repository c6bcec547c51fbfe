"""A root from the host, and the tool that makes and enters it, from outside."""

import hashlib
import json
import os
import signal
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
    done = jailman(tmp_path / "jails", "create", "one")
    assert (done.returncode, done.stdout) == (0, f"{tmp_path}/jails/one/root\n"), done.stderr
    return tmp_path / "jails"


@pytest.fixture
def ordinary(tmp_path):
    """Return what makes ``jailman`` run as an ordinary user, and a state folder of his own with jail ``mine``."""
    for folder in (tmp_path, tmp_path.parent, tmp_path.parent.parent):
        os.chmod(folder, 0o755)
    folder = tmp_path / "his"
    folder.mkdir()
    os.chown(folder, 65534, 65534)
    as_user = {"user": 65534, "group": 65534, "extra_groups": []} if os.geteuid() == 0 else {}
    done = jailman(folder / "jails", "create", "mine", **as_user)
    assert done.returncode == 0, done.stderr
    return lambda *arguments: jailman(folder / "jails", *arguments, **as_user)


def test_enter_by_pivot_root_sees_own_mounts_and_processes_only(state):
    done = jailman(state, "enter", "one", "--", "sh", "-c", "echo $$; cat /proc/self/mountinfo; exit 3")
    assert done.returncode == 3, done.stderr
    pid, *mounts = done.stdout.splitlines()
    assert pid == "1"
    seen = {line.split()[4]: set(line.split()[5].split(",")) for line in mounts}
    assert list(seen) == ["/", "/proc", "/dev", "/dev/pts", "/dev/shm", "/sys", "/tmp"]
    assert {"nosuid", "nodev", "rw"} <= seen["/"]
    assert {"nosuid", "nodev", "noexec", "ro"} <= seen["/sys"]


LOOK = """
for name in null zero full random urandom tty; do test -c /dev/$name || echo no $name; done
echo gone > /dev/null; head -c 3 /dev/zero | wc -c; test -d /dev/pts/ -a -k /dev/shm || echo no folders
echo x 2>/dev/null > /sys/power/state && echo sys is writable; ls /proc/self/status; id -u
"""


@pytest.mark.lane("host", "guest")
@pytest.mark.parametrize("method", ["pivot_root", "chroot"])
def test_a_jail_has_its_devices_as_root_and_as_an_ordinary_user(state, ordinary, method):
    for run in (ordinary, lambda *arguments: jailman(state, "enter", "one", *arguments[2:])):
        done = run("enter", "mine", "--method", method, "--", "sh", "-c", LOOK)
        assert (done.returncode, done.stdout.split()) == (0, ["3", "/proc/self/status", "0"]), done


def test_an_ordinary_user_is_inside_whom_he_wishes_to_be(ordinary):
    for user, said in (("nobody", ["65534", "65534"]), ("1000:tty", ["1000", "5"])):
        done = ordinary(
            "enter", "mine", "--user", user, "--", "sh", "-c", "id -u; id -g; grep CapEff /proc/self/status"
        )
        assert (done.returncode, done.stdout.split()) == (0, [*said, "CapEff:", "0000000000000000"]), done


def test_enter_by_chroot_keeps_the_hosts_processes(state):
    done = jailman(state, "enter", "one", "--method", "chroot", "--", "sh", "-c", "echo $$; ls -d /proc/$PPID; ls /")
    pid, parent, *listed = done.stdout.split()
    assert pid != "1"
    assert parent.startswith("/proc/")
    assert "home" not in listed
    assert str(state) not in open("/proc/self/mountinfo").read()


def test_life_of_a_jail(state):
    (row,) = json.loads(jailman(state, "ls", "--json").stdout)
    assert (row["name"], row["source"], row["pids"], row["root"]) == ("one", "host", [], f"{state}/one/root")
    assert row["size"] > 100_000
    assert "pivot_root" in jailman(state, "enter", "one", "--dry-run").stdout
    assert "rename(2)" in jailman(state, "create", "two", "--dry-run").stdout
    assert "unlinkat(2)" in jailman(state, "rm", "one", "--dry-run").stdout
    assert jailman(state, "create", "two", "--from", str(state / "one/root")).returncode == 0
    assert digest(state / "one/root") == digest(state / "two/root")
    assert "two   " in jailman(state, "ls").stdout
    assert jailman(state, "rm", "two").returncode == 0
    for arguments in (
        ["create", "one"],
        ["create", "../x"],
        ["create", "new\nline"],
        ["create", "two words"],
        ["create", ".x"],
        ["rm", "two"],
        ["enter", "two"],
        ["inspect", "two"],
        ["create", "x", "--from", "/no"],
        ["create", "x", "--from", "/dev/null"],
        ["create", "x", "--from", str(state)],
        ["create", "x", "--from", str(state / "one/root"), "--with", "ls"],
        ["enter", "one", "--bind", "/etc", "--", "true"],
        ["enter", "one", "--bind", "/no/such:/x", "--", "true"],
        ["enter", "one", "--user", "nobody-knows", "--", "true"],
        ["enter", "one", "--user", "", "--", "true"],
    ):
        done = jailman(state, *arguments)
        assert done.returncode == 125, (arguments, done)
        assert done.stderr.startswith("jailman: error: "), done.stderr
        assert done.stderr.count("\n") == 1, done.stderr
        assert "Traceback" not in done.stderr, done.stderr
    assert os.listdir(state) == ["one"]
    assert oct(os.stat(state / "one").st_mode & 0o777) == "0o700"


def test_inspect_tells_who_needs_which_file(state):
    assert jailman(state, "create", "two", "--with", "bash", "--with", "ldd").returncode == 0
    facts = json.loads(jailman(state, "inspect", "two", "--json").stdout)
    libc = next(path for path in facts["needed_by"] if os.path.basename(path).startswith("libc.so"))
    assert any(path.endswith("/bash") for path in facts["needed_by"][libc])
    assert facts["programs"] == ["bash", "ldd"]
    assert [mount["destination"] for mount in facts["mounts"]["pivot_root"]][:2] == ["/proc", "/dev"]
    assert libc in jailman(state, "inspect", "two").stdout
    assert "shm" in jailman(state, "inspect", "one").stdout


def test_explain_tells_every_step_of_both_processes(state):
    done = jailman(state, "enter", "one", "--explain", "--", "true")
    lines = [line.split() for line in done.stderr.splitlines()]
    planned = jailman(state, "enter", "one", "--dry-run", "--", "true").stdout.splitlines()
    assert [line[:2] for line in lines] == [line.split()[:2] for line in planned]
    assert "execve(2)" in done.stderr


def test_a_command_that_is_not_there_is_127(state):
    done = jailman(state, "enter", "one", "--", "no-such-command")
    said = 'jailman: error: exec: "no-such-command": executable file not found in $PATH\n'
    assert (done.returncode, done.stderr) == (127, said)


@pytest.mark.parametrize("method", ["pivot_root", "chroot"])
@pytest.mark.parametrize("name", ["INT", "QUIT", "TERM"])
def test_a_signal_to_jailman_alone_reaches_the_command(state, name, method):
    script = f"trap 'echo got it; exit 3' {name}; echo ready; while :; do sleep 0.05; done"
    command = [sys.executable, "-c", "from section04_filesystem.cli import main; main()", "--state", str(state)]
    words = ["enter", "one", "--method", method, "--", "/bin/sh", "-c", script]
    with subprocess.Popen([*command, *words], stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout.readline() == "ready\n"
        running.send_signal(getattr(signal, f"SIG{name}"))
        assert (running.stdout.read(), running.wait()) == ("got it\n", 3)


def test_mounts_as_json_are_those_of_mountinfo(tmp_path):
    rows = json.loads(jailman(tmp_path, "mounts", str(os.getpid()), "--json").stdout)
    assert len(rows) == len(open("/proc/self/mountinfo").readlines())
    assert "/proc" in jailman(tmp_path, "mounts").stdout
