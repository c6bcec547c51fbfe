"""``course lab``: what is inside is private, what is outside stays as it was."""

import os
import pathlib
import pty
import subprocess
import sys

import pytest

from courseware import leaks
from courseware.exercises.leftover import lasting

CLONE = pathlib.Path(__file__).parents[3]
CODE = "import sys; from courseware.cli import main; sys.argv[0] = 'course'; main()"


@pytest.fixture
def nothing_left():
    """Compare the machine before and after; others work on it, so only what lasts counts, and no cgroups of theirs."""
    kinds = ("mounts", "host name", "links", "sysctls", "children", "descriptors")
    before = leaks.snapshot()
    yield

    def look():
        return {line for line in leaks.difference(before, leaks.snapshot()) if line.split(": ")[1] in kinds}

    assert lasting(look, 15) == []
    assert [p for p in filter(str.isdigit, os.listdir("/proc")) if b"LCM_LAB=1" in environment(p)] == []


def environment(pid):
    try:
        return pathlib.Path("/proc", pid, "environ").read_bytes()
    except OSError:
        return b""


def lab(*words, user=None, **options):
    command = [sys.executable, "-c", CODE, "lab", *words]
    if user:
        command = ["setpriv", "--reuid", str(user), "--regid", str(user), "--clear-groups", *command]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60, cwd=CLONE, **options)


def sh(script, user=None):
    done = lab("--", "sh", "-c", script, user=user)
    assert done.returncode == 0, done.stderr
    return done.stdout.split("\n")


USERS = [
    pytest.param(None, marks=pytest.mark.needs("root")),
    pytest.param(65534, marks=pytest.mark.needs("root", "userns")),
]


@pytest.mark.parametrize("user", USERS)
def test_everything_is_private(user, nothing_left):
    kinds = ("mnt", "pid", "uts", "net", "ipc", "cgroup")
    script = "hostname; echo $$; id -u; ls /proc | grep -c '^[0-9]'; ls /sys/class/net; cat /sys/class/net/lo/flags;"
    script += "".join(f"readlink /proc/self/ns/{kind};" for kind in kinds)
    name, pid, uid, processes, links, flags, *namespaces = sh(script, user)
    assert (name, pid, uid, links) == ("lcm-lab", "1", "0", "lo")
    assert int(processes) <= 3
    assert int(flags, 16) & 1, "lo is down"
    outside = [os.readlink(f"/proc/self/ns/{kind}") for kind in kinds]
    assert [a for a, b in zip(namespaces, outside, strict=False) if a == b] == []


@pytest.mark.parametrize("user", USERS)
def test_nothing_outside_can_be_reached_by_accident(user, nothing_left, tmp_path):
    tmp_path.chmod(0o777)
    before = pathlib.Path("/proc/sys/kernel/panic").read_text()
    script = f"""
        for path in / {CLONE} /etc /usr /sys/fs/cgroup; do touch $path/lcm-lab-test && echo wrote $path; done
        echo 77 > /proc/sys/kernel/panic && echo sysctl
        rm -rf {CLONE}/README.md && echo removed
        ls /dev | grep -E '^(sd|vd|nvme|mem|kmsg|loop)' && echo disks
        mknod /tmp/disk b 8 0 && cat /tmp/disk && echo read
        hostname other; echo hello > /tmp/lcm-lab-note; cat /tmp/lcm-lab-note; cat < /dev/zero | head -c 3 | wc -c"""
    assert sh(script, user)[:2] == ["hello", "3"]
    assert (CLONE / "README.md").exists()
    assert not os.path.exists("/tmp/lcm-lab-note")
    assert os.uname().nodename != "other"
    assert pathlib.Path("/proc/sys/kernel/panic").read_text() == before


@pytest.mark.parametrize("user", USERS)
def test_what_one_tries_in_there_works(user, nothing_left):
    script = """
        mkdir /mnt/root && mount -t tmpfs x /mnt/root && touch /mnt/root/f && ls /mnt/root
        ip link add lcm0 type veth peer name lcm1 && ip link set lcm0 up && ls /sys/class/net | tr '\\n' ' '
        echo 1 > /proc/sys/net/ipv4/ip_forward && cat /proc/sys/net/ipv4/ip_forward
        unshare --uts sh -c 'hostname inner; hostname'; hostname"""
    before = pathlib.Path("/proc/sys/net/ipv4/ip_forward").read_text()
    assert sh(script, user)[:4] == ["f", "lcm0 lcm1 lo 1", "inner", "lcm-lab"]
    assert pathlib.Path("/proc/sys/net/ipv4/ip_forward").read_text() == before


@pytest.mark.needs("root")
@pytest.mark.parametrize(("script", "code"), [("exit 7", 7), ("kill -9 $$; exit 3", 3), ("sh -c 'kill -9 $$'", 137)])
def test_it_ends_as_the_command(script, code):
    # PID 1 of a pid namespace has no default action for signals that it sends itself: it goes on and exits with 3.
    assert lab("--", "sh", "-c", script).returncode == code


def test_a_dry_run_does_nothing_and_names_every_step(nothing_left):
    done = lab("--dry-run", "--", "ls", "-l")
    assert done.returncode == 0
    for words in ("CLONE_NEWPID", "set_propagation('/', 'rprivate')", "sethostname('lcm-lab')", "mount_own_proc()",
                  "then, as PID 1: ls -l"):  # fmt: skip
        assert words in done.stdout


@pytest.mark.needs("root")
def test_a_command_that_is_not_there_ends_with_127():
    done = lab("--", "no-such-command")
    assert done.returncode == 127
    assert "Traceback" not in done.stderr


@pytest.mark.needs("root")
def test_a_machine_that_cannot_names_the_stumbling_block():
    command = ["setpriv", "--bounding-set", "-sys_admin", "--inh-caps=-all", sys.executable, "-c", CODE, "lab"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60, cwd=CLONE)
    assert done.returncode == 125
    assert "no CAP_SYS_ADMIN" in done.stderr
    assert "LCM-ENV-06" in done.stderr


@pytest.mark.needs("root")
def test_the_shell_says_where_one_is_and_has_job_control(nothing_left):
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(CLONE)
        os.execve(sys.executable, [sys.executable, "-c", CODE, "lab"], {**os.environ, "TERM": "dumb"})
    with open(terminal, "r+b", buffering=0) as tty:  # closing it hangs up, which ends the lab after a failure
        seen = expect(tty, b"# ")
        assert b"[lcm-lab, root]" in seen
        assert b"no job control" not in seen
        tty.write(b"sh -c 'echo sta''rted; exec sleep 500'\n")
        expect(tty, b"started")
        tty.write(b"\x03")
        expect(tty, b"# ")
        tty.write(b"echo $? $$ end\n")
        assert b"130 1 end" in expect(tty, b"1 end")
        tty.write(b"exit 4\n")
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 4


def expect(tty, words):
    """Read until ``words`` have come; the test's own limit is the deadline."""
    seen = b""
    while words not in seen:
        seen += tty.read(1024)
    return seen
