"""nsman pin and unpin: namespaces without processes, on the real kernel, in a mount namespace of the test's own."""

import json
import os
import pathlib
import shutil
import signal
import stat
import subprocess
import sys
import tempfile

import pytest

TOOL = [sys.executable, "-c", "from section02_namespaces.cli import main; main()"]
pytestmark = [pytest.mark.lane("host", full="guest"), pytest.mark.needs("root")]
BOTH = pytest.mark.lane("host", "guest")  # what another kernel could do otherwise


class Room:
    """A mount namespace of its own, held by a shell that sleeps; commands run in it by nsenter(1)."""

    def __init__(self, state):
        self.state = pathlib.Path(state)
        self.holders = []
        self.pid = self.hold("--mount")

    def hold(self, *kinds):
        """Start a process in new namespaces; return its pid once it is there."""
        holder = subprocess.Popen(["unshare", *kinds, "--", "sh", "-c", "echo; exec sleep 600"], stdout=subprocess.PIPE)
        holder.stdout.readline()
        self.holders.append(holder)
        return holder.pid

    def end(self, pid):
        holder = next(holder for holder in self.holders if holder.pid == pid)
        holder.kill()
        holder.wait()
        holder.stdout.close()
        self.holders.remove(holder)

    def __call__(self, *words, check=True, **options):
        command = ["nsenter", f"--mount=/proc/{self.pid}/ns/mnt", "--", *map(str, words)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60, **options)
        assert "Traceback" not in done.stderr
        if check and done.returncode:
            pytest.fail(f"{words[-4:]} ended with {done.returncode}: {done.stderr}")
        return done

    def nsman(self, *words, check=True, **options):
        environment = {**os.environ, "NSMAN_STATE": str(self.state)}
        return self(*TOOL, *words, check=check, env=environment, **options)

    def mounts(self):
        lines = pathlib.Path(f"/proc/{self.pid}/mountinfo").read_text().splitlines()
        return [line.split()[3:5] for line in lines if str(self.state) in line]

    def inode(self, path):
        return int(self("stat", "-Lc", "%i", path).stdout)


@pytest.fixture
def room(tmp_path):
    cpus = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(cpus)})  # where a kernel numbers mount namespaces by CPU, "older" holds on each alone
    made = Room(tmp_path / "state")
    yield made
    for holder in list(made.holders):
        made.end(holder.pid)
    os.sched_setaffinity(0, cpus)
    assert [pid for pid in filter(str.isdigit, os.listdir("/proc")) if mentions(pid, str(made.state))] == []


def mentions(pid, folder):
    """Whether something is mounted below ``folder`` for process ``pid``."""
    try:
        return f" {folder}/" in pathlib.Path(f"/proc/{pid}/mountinfo").read_text()
    except OSError:  # gone, or a zombie
        return False


@BOTH
def test_several_kinds_outlive_the_process_and_go_with_the_last_unpin(room):
    pid = room.hold("--net", "--ipc", "--mount")
    inodes = {kind: os.stat(f"/proc/{pid}/ns/{kind}").st_ino for kind in ("net", "ipc", "mnt")}
    paths = room.nsman("pin", "blue", pid, "--net", "--ipc", "--mount").stdout.split()
    assert sorted(paths) == sorted(f"{room.state}/pins/blue/{kind}" for kind in inodes)
    room.end(pid)
    assert {kind: room.inode(f"{room.state}/pins/blue/{kind}") for kind in inodes} == inodes
    links = room("nsenter", f"--net={room.state}/pins/blue/net", "--", "ls", "/sys/class/net", check=False)
    assert links.returncode == 0
    room.nsman("unpin", "blue", "--ipc")
    assert [f"{kind}:[{inodes[kind]}]" for kind in ("mnt", "net")] == sorted(
        root for root, _ in room.mounts() if root != "/"
    )
    room.nsman("unpin", "blue")
    assert room.mounts() == []
    assert os.listdir(room.state) == []
    assert stat.S_IMODE(room.state.stat().st_mode) == 0o700


def test_pinned_names_tells_path_and_name(room):
    pid = room.hold("--uts")
    room.nsman("pin", "green", pid, "--uts")
    code = "import json, section02_namespaces as s; print(s.pinned_names())"
    told = room(sys.executable, "-c", code, env={**os.environ, "NSMAN_STATE": str(room.state)}).stdout
    assert told == repr({f"{room.state}/pins/green/uts": "green"}) + "\n"


def test_the_other_commands_know_it_by_its_name(room):
    pid = room.hold("--uts")
    inode = os.stat(f"/proc/{pid}/ns/uts").st_ino
    room("nsenter", f"--uts=/proc/{pid}/ns/uts", "hostname", "green-house")
    room.nsman("pin", "green", pid, "--uts")
    room.end(pid)
    assert room.nsman("enter", "green", "--", "hostname").stdout == "green-house\n"
    rows = json.loads(room.nsman("ls", "--kind", "uts", "--json").stdout)["namespaces"]
    assert [(row["name"], row["processes"]) for row in rows if row["inode"] == inode] == [("green", 0)]
    room.nsman("unpin", "green")


def test_of_many_at_once_one_gets_the_name(room):
    script = 'for i in 1 2 3 4 5 6; do "$@" pin race self --uts & done; wait'
    done = room("sh", "-c", script, "sh", *TOOL, env={**os.environ, "NSMAN_STATE": str(room.state)})
    assert done.stdout == f"{room.state}/pins/race/uts\n"
    assert done.stderr.count("a uts namespace is pinned as 'race' already") == 5
    room.nsman("unpin", "race")
    assert room.mounts() == []


def test_where_root_keeps_pins_by_default(room):
    room("mount", "-t", "tmpfs", "run", "/run")  # of this mount namespace
    environment = {name: value for name, value in os.environ.items() if name != "NSMAN_STATE"}
    assert room(*TOOL, "pin", "blue", "self", env=environment).stdout == "/run/lcm/nsman/pins/blue/net\n"
    room(*TOOL, "unpin", "blue", env=environment)
    assert room("ls", "-A", "/run/lcm/nsman").stdout == ""


@BOTH
def test_unpin_takes_the_copies_of_later_mount_namespaces_away(room):
    """A mount namespace made meanwhile has a private copy of every pin: it must not keep the namespace."""
    pid = room.hold("--net")
    room.nsman("pin", "blue", pid)
    later = subprocess.Popen(
        ["nsenter", f"--mount=/proc/{room.pid}/ns/mnt", "--", "unshare", "--mount", "sh", "-c", "echo; exec sleep 600"],
        stdout=subprocess.PIPE,
    )  # fmt: skip
    try:
        later.stdout.readline()
        mounts = pathlib.Path(f"/proc/{later.pid}/mountinfo")
        assert f"{room.state}/pins/blue/net" in mounts.read_text()
        room.nsman("unpin", "blue")
        assert str(room.state) not in mounts.read_text()
    finally:
        later.kill()
        later.wait()
        later.stdout.close()


def test_below_a_shared_root_as_systemd_makes_it(room):
    """The place is private though its parent is shared: a mount namespace can be pinned, and no pin travels."""
    room.state = room.state.parent / "a place\nwith an odd name"
    room("mount", "--make-rshared", "/")
    peer = subprocess.Popen(
        ["nsenter", f"--mount=/proc/{room.pid}/ns/mnt", "--", "unshare", "--mount", "--propagation", "unchanged",
         "sh", "-c", "echo; exec sleep 600"], stdout=subprocess.PIPE,
    )  # fmt: skip
    try:
        peer.stdout.readline()
        room.nsman("pin", "blue", room.hold("--net", "--mount"), "--net", "--mount")
        mounts = pathlib.Path(f"/proc/{peer.pid}/mountinfo")
        assert mounts.read_text().count("odd") == 1  # the place itself, and nothing in it
        room.nsman("unpin", "blue")
        assert "odd" not in mounts.read_text()
    finally:
        peer.kill()
        peer.wait()
        peer.stdout.close()


def test_twice_is_refused_and_another_kind_is_added(room):
    pid = room.hold("--net", "--uts")
    room.nsman("pin", "blue", pid)
    again = room.nsman("pin", "blue", pid, "--uts", "--net", check=False)
    assert again.returncode == 125
    assert "a net namespace is pinned as 'blue' already" in again.stderr
    assert len(room.mounts()) == 2  # the place, and net: nothing of the refused call
    room.nsman("pin", "blue", pid, "--uts")
    assert len(room.mounts()) == 3
    room.nsman("unpin", "blue")


def test_a_pin_that_has_lost_its_mount_is_said_and_removed(room):
    pid = room.hold("--net", "--uts")
    room.nsman("pin", "blue", pid, "--net", "--uts")
    room("umount", f"{room.state}/pins/blue/net")
    done = room.nsman("unpin", "blue")
    assert f"{room.state}/pins/blue/net had no namespace behind it" in done.stderr
    assert "uts had" not in done.stderr
    assert room.mounts() == []


@pytest.mark.parametrize("boundary", range(7))
def test_killed_at_each_boundary_the_next_pin_and_unpin_cope(room, boundary):
    pid = room.hold("--net", "--uts")
    code = (
        "import sys\n"
        "from section01_processes import Recorder\n"
        "from section02_namespaces import pins, place\n"
        "state, pid, boundary = sys.argv[1], int(sys.argv[2]), sys.argv[3]\n"
        "with place.StateLock(state):\n"
        "    pins.plan_pin(state, 'blue', pid, ['net', 'uts']).run({}, Recorder(-1, 'cli', 'cli:' + boundary))\n"
    )
    done = room(sys.executable, "-c", code, room.state, pid, boundary, check=False)
    # nsenter execs, so that its status is the killed process's own
    assert done.returncode == -signal.SIGKILL
    mounts = [0, 0, 0, 1, 1, 2, 3][boundary]  # step 3 mounts the place, 4 makes a folder, 5 and 6 pin
    assert len(room.mounts()) == mounts
    if boundary < 5:
        room.nsman("pin", "blue", pid, "--net", "--uts")
    room.nsman("unpin", "blue")
    assert room.mounts() == []
    assert os.listdir(room.state) == []


def test_killed_between_the_file_and_its_mount(room):
    pid = room.hold("--net")
    room.nsman("pin", "other", pid)
    room("mkdir", "-m", "700", f"{room.state}/pins/blue")
    room("touch", f"{room.state}/pins/blue/net")
    done = room.nsman("pin", "blue", pid)
    assert "without a namespace behind it; it has been replaced" in done.stderr
    room.nsman("unpin", "blue")
    room("mkdir", f"{room.state}/pins/blue")
    assert "nothing is pinned as 'blue'" in room.nsman("unpin", "blue", check=False).stderr
    room.nsman("unpin", "other")
    assert room.mounts() == []


def test_release_unpins_all_and_may_come_twice(room):
    pid = room.hold("--net", "--uts")
    room.nsman("pin", "blue", pid, "--net", "--uts")
    room.nsman("pin", "green", pid, "--net")
    room("umount", f"{room.state}/pins/green/net")
    room("mkdir", f"{room.state}/pins/empty")
    code = "import sys, json, section02_namespaces as ns; print(json.dumps(ns.release_pins(sys.argv[1])))"
    was = json.loads(room(sys.executable, "-c", code, room.state).stdout)
    place = f"{room.state}/pins"
    assert was == {f"{place}/blue/net": True, f"{place}/blue/uts": True, f"{place}/green/net": False}
    assert room.mounts() == []
    assert os.listdir(room.state) == []
    assert room(sys.executable, "-c", code, room.state).stdout == "{}\n"
    assert room(sys.executable, "-c", code, f"{room.state}/nowhere").stdout == "{}\n"


@BOTH
def test_the_callers_own_mount_namespace_cannot_be_pinned(room):
    done = room.nsman("pin", "blue", "self", "--net", "--mount", check=False)
    assert done.returncode == 125
    assert "LCM-NS-01" in done.stderr
    assert room.mounts() == []
    assert os.listdir(room.state) == []


NOBODY = {"user": 65534, "group": 65534, "extra_groups": []}


@pytest.fixture
def nobodys():
    """A folder that the ordinary user 65534 may write to and reach."""
    folder = tempfile.mkdtemp(prefix="lcm-", dir="/tmp")
    os.chown(folder, NOBODY["user"], NOBODY["group"])
    yield folder
    shutil.rmtree(folder)


def as_nobody(folder, *words):
    """Run a command as that user, with the state in ``folder``."""
    environment = {**os.environ, "NSMAN_STATE": f"{folder}/mine"}
    return subprocess.run(words, env=environment, capture_output=True, text=True, check=False, cwd="/", **NOBODY)


def test_an_ordinary_user_is_told_what_it_needs(nobodys):
    for command in (["pin", "blue"], ["unpin", "blue"]):
        done = as_nobody(nobodys, *TOOL, *command)
        assert done.returncode == 125
        assert "needs root, or a user namespace and a mount namespace" in done.stderr


@pytest.mark.needs("userns")
def test_without_root_in_a_user_and_mount_namespace(nobodys):
    script = '"$@" pin blue self --net && "$@" unpin blue && echo done'
    mine = ["unshare", "--user", "--map-root-user"]
    done = as_nobody(nobodys, *mine, "--mount", "--net", "--", "sh", "-c", script, "sh", *TOOL)
    assert done.stdout.split() == [f"{nobodys}/mine/pins/blue/net", "done"], done.stderr
    only_user = as_nobody(nobodys, *mine, "--", *TOOL, "pin", "blue")
    assert only_user.returncode == 125
    assert "a mount namespace of one's own" in only_user.stderr
    assert os.listdir(f"{nobodys}/mine") == []


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["pin", "12", "self"], "invalid name '12'"),
        (["pin", "a/b", "self"], "invalid name 'a/b'"),
        (["pin", "blue", "999999999"], "no process 999999999"),
        (["unpin", "blue"], "nothing is pinned as 'blue'"),
    ],
)
def test_wrong_words(room, words, said):
    done = room.nsman(*words, check=False)
    assert done.returncode in (2, 125)
    assert said in done.stderr
    assert room.mounts() == []


def test_dry_run_does_nothing(room):
    assert "pin(" in room.nsman("pin", "blue", "--net", "--dry-run").stdout
    assert not room.state.exists()


def test_a_state_folder_that_takes_no_folder_is_told_with_what_to_try(room):
    done = room.nsman("pin", "blue", "self", "--state", "/proc", check=False)
    assert done.returncode == 125
    assert "cannot make the folder /proc/pins: No such file or directory (--state or NSMAN_STATE" in done.stderr
