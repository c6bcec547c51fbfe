"""nsman ls, tree, inspect, diff, find and watch, from outside."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from section02_namespaces import namespaces_of
from section02_namespaces.explore.rows import usual_columns
from section02_namespaces.explore.watching import Watcher

pytestmark = pytest.mark.lane("host", full="guest")
OURS = namespaces_of("self")


@pytest.fixture
def neighbour():
    """A process in uts, ipc, net and user namespaces of its own, with a name to fool a terminal."""
    rename = "printf 'a\\033b' > /proc/self/comm; echo; read stay"
    holder = subprocess.Popen(["unshare", "--user", "--map-root-user", "--uts", "--ipc", "--net", "bash", "-c", rename],
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE)  # fmt: skip
    holder.stdout.readline()
    yield holder.pid
    holder.communicate()


def loads(done, code=0):
    assert done.returncode == code, done.stderr
    return json.loads(done.stdout)


def test_ls_shows_a_namespace_in_a_line_and_chooses_kinds_and_columns(nsman, neighbour):
    theirs = namespaces_of(neighbour)
    lines = nsman("ls").stdout.splitlines()
    assert lines[0].split() == [name.upper() for name in usual_columns()]
    (line,) = [line for line in lines if line.startswith(str(theirs["net"]))]
    assert line.split() == [*map(str, (theirs["net"], "net", 1, neighbour, "root", theirs["user"])), "-", "-", "-",
                            "a\\x1bb"]  # fmt: skip
    shown = nsman("ls", "-t", "net", "--kind", "uts", "--columns", "kind,inode").stdout.split("\n")
    assert {line.split()[0] for line in shown[1:-1]} == {"net", "uts"}
    assert any(line.split() == ["uts", str(theirs["uts"])] for line in shown[1:-1])


def test_the_quick_lane_says_the_same_without_click(nsman, neighbour):
    wanted = tuple(map(str, set(namespaces_of(neighbour).values()) - set(OURS.values())))
    ways = [("ls",), ("ls", "--columns", "inode,kind,processes,pid,user,owner,parent,name,held,command")]
    quick, slow = (
        [line.split() for line in nsman(*way).stdout.splitlines() if line.split()[0] in wanted] for way in ways
    )
    assert quick == slow
    assert len(quick) == 4
    program = ("import sys; sys.argv = ['nsman', 'ls']; from section02_namespaces.cli import main\n"
               "try: main()\nexcept SystemExit as end: print(end.code, 'click' in sys.modules)")  # fmt: skip
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "0 False"


@pytest.mark.parametrize("words", [("ls",), ("tree",)])
def test_output_that_nobody_reads_is_no_traceback(nsman, words):
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(nsman.command(*words), stdout=writer, stderr=subprocess.PIPE, text=True, check=False)
    os.close(writer)
    assert done.returncode in (1, 141)  # click's own answer, or that of what it does not see
    assert "Traceback" not in done.stderr


@pytest.mark.needs("root")
def test_an_ordinary_user_has_a_partial_view_and_is_told(nsman, neighbour):
    done = nsman("ls", "--json", ordinary=True)
    shown = loads(done)
    many = shown["unreadable"]
    assert many > 1
    assert f"nsman: partial view: {many} processes could not be read; run as root" in done.stderr
    inodes = {row["inode"] for row in shown["namespaces"]}
    assert set(OURS.values()) <= inodes
    assert namespaces_of(neighbour)["uts"] not in inodes
    refused = nsman("inspect", neighbour, ordinary=True)
    assert refused.returncode == 125
    assert f"cannot look at process {neighbour}: it is not ours (run as root)" in refused.stderr
    assert nsman("ls", ordinary=True).stderr.startswith("nsman: partial view: ")


def test_tree_hangs_what_is_owned_below_its_owner(nsman, neighbour):
    theirs = namespaces_of(neighbour)
    shown = loads(nsman("tree", "--json"))
    (root,) = [node for node in shown["user"] if node["inode"] == OURS["user"]]
    (node,) = [child for child in root["children"] if child["inode"] == theirs["user"]]
    assert {child["inode"] for child in node["owned"]} == {theirs[kind] for kind in ("uts", "ipc", "net")}
    assert OURS["pid"] in [node["inode"] for node in shown["pid"]]
    text = nsman("tree", "--user", env={**os.environ, "PYTHONIOENCODING": "ascii"}).stdout
    below = text[text.index(f"user:[{theirs['user']}]") :].splitlines()
    assert "made by uid 0" in below[0]
    assert f"net:[{theirs['net']}]  1 process: {neighbour} a\\x1bb (root)" in "\n".join(below[1:4])
    assert text.isascii()
    assert "\npid:[" not in text
    assert "net:[" not in nsman("tree", "--no-owned").stdout
    assert list(loads(nsman("tree", "--pid", "--json"))) == ["unreadable", "pid"]


def test_inspect_a_process_a_file_and_itself(nsman, neighbour):
    theirs = namespaces_of(neighbour)
    shown = loads(nsman("inspect", neighbour, "--json"))
    rows = {row["kind"]: row for row in shown["namespaces"]}
    assert {kind: row["inode"] for kind, row in rows.items()} == theirs
    assert [kind for kind, row in rows.items() if not row["shared"]] == ["user", "ipc", "uts", "net"]
    assert rows["net"]["owner"] == theirs["user"]
    assert (shown["pid"], shown["uid_map"]) == (neighbour, [[0, 0, 1]])
    (one,) = loads(nsman("inspect", f"/proc/{neighbour}/ns/net", "--json"))["namespaces"]
    assert (one["inode"], one["pids"], one["kept_by"]) == (theirs["net"], [neighbour], ["process"])
    text = nsman("inspect", neighbour).stdout
    assert f"net  {theirs['net']} no" in " ".join(text.split()).replace(f"net {theirs['net']}", f"net  {theirs['net']}")
    assert "uid_map: 0 0 1\n" in text
    assert " yes " in nsman("inspect", "self").stdout


def test_diff_ends_as_diff_does(nsman, neighbour):
    same = nsman("diff", os.getpid(), os.getppid())
    assert same.returncode == (0 if namespaces_of(os.getppid()) == OURS else 1)
    shown = loads(nsman("diff", "--json", os.getpid(), neighbour), code=1)
    assert (shown["left"], shown["right"], shown["same"]) == (os.getpid(), neighbour, False)
    differ = {row["kind"]: (row["left"], row["right"]) for row in shown["namespaces"] if not row["same"]}
    theirs = namespaces_of(neighbour)
    assert differ == {kind: (OURS[kind], theirs[kind]) for kind in ("user", "ipc", "uts", "net")}
    text = nsman("diff", os.getpid(), neighbour).stdout
    assert ["net", "differs", str(OURS["net"]), str(theirs["net"])] in [line.split() for line in text.splitlines()]
    assert nsman("diff", "self", "999999999").returncode == 125


def test_find_says_everything_about_one(nsman, neighbour):
    theirs = namespaces_of(neighbour)
    shown = loads(nsman("find", theirs["user"], "--json"))
    assert (shown["kind"], shown["pids"], shown["parent"]) == ("user", [neighbour], OURS["user"])
    assert set(shown["owned"]) == {theirs[kind] for kind in ("uts", "ipc", "net")}
    lines = nsman("find", f"net:[{theirs['net']}]").stdout.splitlines()
    assert lines[0] == f"net:[{theirs['net']}]"
    assert ["owner", f"user:[{theirs['user']}]"] in [line.split() for line in lines]
    assert ["processes", str(neighbour), "a\\x1bb"] in [line.split() for line in lines]
    wrong = nsman("find", f"uts:[{theirs['net']}]")
    assert wrong.returncode == 125
    assert f"it is net:[{theirs['net']}]" in wrong.stderr


@pytest.mark.needs("root")
def test_names_are_of_pins_and_of_ip_netns(nsman, folder):
    """In a mount namespace where /run/netns is ours, with pins in a folder of ours."""
    program = f"""
import os, subprocess, sys
from section02_namespaces import _syscalls, namespaces_of
_syscalls.mount(None, b"/", None, {1 << 18 | 0x4000}, None)
_syscalls.mount(b"none", b"/run", b"tmpfs", 0, None)
os.makedirs("/run/netns")
open("/run/netns/blue", "w").close()
holder = subprocess.Popen(["unshare", "--net", "cat"], stdin=subprocess.PIPE)
while namespaces_of(holder.pid)["net"] == namespaces_of("self")["net"]:
    pass
_syscalls.mount(f"/proc/{{holder.pid}}/ns/net".encode(), b"/run/netns/blue", None, 0x1000, None)
inode = namespaces_of(holder.pid)["net"]
holder.communicate()
print(inode, flush=True)
os.execv(sys.argv[1], sys.argv[1:])
"""

    def inside(*words):
        command = ["unshare", "--mount", sys.executable, "-c", program, *nsman.command(*words)]
        out = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        inode, _, rest = out.partition("\n")
        return int(inode), json.loads(rest)

    inode, shown = inside("ls", "--json")
    (row,) = [row for row in shown["namespaces"] if row["inode"] == inode]
    assert (row["name"], row["processes"], row["pid"], row["kept_by"]) == ("blue", 0, None, ["mount"])
    assert [mount["path"] for mount in row["mounts"]] == ["/run/netns/blue"]
    inode, shown = inside("inspect", "blue", "--json")
    assert [row["inode"] for row in shown["namespaces"]] == [inode]
    inode, shown = inside("inspect", "/run/netns/blue", "--json")
    assert [row["inode"] for row in shown["namespaces"]] == [inode]


@pytest.mark.needs("root")
def test_a_pin_has_its_name_and_is_found_by_it(nsman, neighbour, folder):
    state = {**os.environ, "NSMAN_STATE": str(folder / "state")}
    inode = namespaces_of(neighbour)["uts"]
    assert nsman("pin", "explored", str(neighbour), "--uts", env=state).returncode == 0
    try:
        rows = loads(nsman("ls", "--json", "-t", "uts", env=state))["namespaces"]
        assert [row["inode"] for row in rows if row["name"] == "explored"] == [inode]
        assert [row["inode"] for row in loads(nsman("inspect", "explored", "--json", env=state))["namespaces"]] == [
            inode
        ]
    finally:
        assert nsman("unpin", "explored", env=state).returncode == 0


class Watch:
    """A running ``nsman watch --json``."""

    def __init__(self, command):
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.said = []
        while not (self.said and self.said[-1].startswith("nsman: watching")):
            line = self.process.stderr.readline()
            assert line, self.said
            self.said.append(line)

    def until(self, event, **facts):
        """Read events until this one."""
        for line in self.process.stdout:
            told = json.loads(line)
            if told["event"] == event and facts.items() <= told.items():
                return told
        raise AssertionError("it ended before")

    def end(self):
        """End it as Ctrl-C does; return its exit code and what else it said."""
        self.process.send_signal(signal.SIGINT)
        _, said = self.process.communicate(timeout=60)
        return self.process.returncode, said


@pytest.mark.needs("root")
@pytest.mark.parametrize("polling", [False, True])
def test_watch_tells_of_what_appears_and_vanishes(nsman, polling):
    """In a net namespace of its own the kernel's connector is silent, so that it has to poll."""
    before = ["unshare", "--net"] if polling else []
    watch = Watch([*before, *nsman.command("watch", "--json", "--interval", "0.2", "-t", "cgroup")])
    if polling:
        assert any(line.startswith("nsman: polling each 0.2 s, no process events: ") for line in watch.said)
    holder = subprocess.Popen(["unshare", "--cgroup", "cat"], stdin=subprocess.PIPE)
    try:
        came = watch.until("appeared", kind="cgroup", pid=holder.pid)
        assert came["inode"] == namespaces_of(holder.pid)["cgroup"] != OURS["cgroup"]
        assert abs(came["time"] - time.time()) < 60
        holder.communicate()
        watch.until("vanished", kind="cgroup", pid=holder.pid, inode=came["inode"])
    finally:
        code, said = watch.end()
    assert (code, said) == (0, "")


def test_watch_ends_by_itself(nsman):
    done = nsman("watch", "--seconds", "0.2")
    assert done.returncode == 0
    assert "nsman: watching, " in done.stderr


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("find 1", "no namespace 1 is to be found"),
        ("find web", "is no namespace's inode"),
        ("find 5]", "is no namespace's inode"),
        ("find nt:[5]", "no kind of namespace is called 'nt'"),
        ("inspect 999999999", "no process 999999999"),
        ("inspect /etc/passwd", "/etc/passwd is not a namespace file"),
        ("inspect /nowhere", "cannot open /nowhere"),
        ("inspect nobody-is-called-so", "not the name of a running container"),
        ("diff self nobody-is-called-so", "not the name of a running container"),
        ("ls --columns x", "there is no column 'x'"),
        ("ls -t x", "no kind of namespace is called 'x'"),
        ("watch -t x --seconds 0", "no kind of namespace is called 'x'"),
    ],
)
def test_what_cannot_be_is_one_clear_line(nsman, line, why):
    done = nsman(*line.split())
    assert done.returncode == 125
    (complaint,) = [said for said in done.stderr.splitlines() if not said.startswith("nsman: partial view")]
    assert complaint.startswith("nsman: error: ")
    assert why in complaint


def test_no_name_is_nobodys_name(nsman):
    """Most namespaces have none, and are not what is asked for."""
    done = nsman("inspect", "")
    assert (done.returncode, done.stdout) == (125, "")


def test_a_fifo_is_no_namespace_and_nobody_waits_for_its_other_end(nsman, folder):
    os.mkfifo(folder / "fifo")
    done = nsman("inspect", folder / "fifo")
    assert (done.returncode, "fifo is not a namespace file" in done.stderr) == (125, True)


def test_who_has_ended_and_is_not_waited_for_is_called_so(nsman):
    zombie = os.fork()
    if zombie == 0:
        os._exit(0)
    os.waitid(os.P_PID, zombie, os.WEXITED | os.WNOWAIT)
    try:
        inspected = nsman("inspect", zombie)
        assert inspected.returncode == 0
        assert f"nsman: process {zombie}: it has ended and was not waited for (a zombie)" in inspected.stderr
        compared = nsman("diff", "self", zombie)
        assert (compared.returncode, compared.stdout) == (125, "")
        said = f"cannot compare process {zombie}: it has ended and was not waited for (a zombie), and has left all but"
        assert said in compared.stderr
    finally:
        os.waitpid(zombie, 0)


@pytest.mark.parametrize("words", ["--seconds nan", "--seconds inf", "--interval inf", "--interval nan"])
def test_what_is_no_time_is_refused_before_watching(nsman, words):
    done = nsman("watch", *words.split())
    assert (done.returncode, done.stdout) == (2, "")
    assert f"Invalid value for '{words.split()[0]}'" in done.stderr


@pytest.mark.parametrize(("columns", "last"), [("120", "ISOLATES"), ("80", "HELD")])
def test_a_terminal_of_eighty_columns_has_no_broken_lines(nsman, columns, last):
    done = nsman("inspect", "self", env={**os.environ, "COLUMNS": columns})
    lines = done.stdout.splitlines()
    assert lines[0].split()[-1] == last
    assert max(map(len, lines[:9])) <= int(columns)


@pytest.mark.needs("root")
@pytest.mark.parametrize("words", ["inspect self", "diff self 2"])
def test_without_proc_nobody_has_ended(nsman, words):
    without = ["unshare", "--mount", "--propagation", "private", "sh", "-c", 'umount -l /proc; exec "$@"', "-"]
    done = subprocess.run([*without, *nsman.command(*words.split())], capture_output=True, text=True, check=False)
    assert (done.returncode, "no proc file system is at /proc" in done.stderr) == (125, True), done


def test_a_full_disk_is_no_traceback(nsman):
    with open("/dev/full", "w") as full:
        done = subprocess.run(nsman.command("ls"), stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode
    assert "nsman: error: No space left on device" in done.stderr
    assert "Traceback" not in done.stderr


def test_watch_does_not_wake_itself(monkeypatch):
    """A look that made a child would be woken by that child's end, look again, and so on for ever."""
    monkeypatch.setattr(os, "fork", lambda: pytest.fail("it forked"))
    with Watcher() as watcher:
        changes = list(watcher.follow(0.1, time.monotonic() + 0.3))
        assert len(watcher) >= len(set(OURS.values()))
    assert not [change for change in changes if change.inode in OURS.values()]
