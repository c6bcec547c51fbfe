"""nsman run: what is new, who one is in there, and how it ends."""

import contextlib
import os
import pty
import select
import signal
import sys
import time

import pytest

from section01_processes import ChildFailed, LcmError, set_death_signal, set_subreaper
from section02_namespaces import namespaces_of
from section02_namespaces.core.kinds import CLONE_NEWPID, CLONE_NEWUSER, CLONE_NEWUTS
from section02_namespaces.family import launch
from section02_namespaces.launch import Wish, plan_run
from section02_namespaces.mapping import map_root

pytestmark = pytest.mark.lane("host")
ORDINARY = 65534
SUBIDS = f"{ORDINARY}:200000:65536\n"
LOOK = "stat -Lc %i /proc/self/ns/*; hostname; id -u; echo $$; cat /proc/uptime"


def inodes(text):
    """Return the namespaces that ``stat /proc/self/ns/*`` printed, by kind."""
    names = sorted(os.listdir("/proc/self/ns"))
    return {name: int(line) for name, line in zip(names, text.splitlines(), strict=False) if "_" not in name}


CLOCKS = ("--boottime", "86400.5", "--monotonic", "-1")


@pytest.mark.lane("host", "guest")
@pytest.mark.needs("root")
def test_all_kinds_as_root_with_a_name_and_clocks_of_its_own(nsman):
    own, up = namespaces_of("self"), time.clock_gettime(time.CLOCK_BOOTTIME)
    clocks = CLOCKS if "time" in own else ()  # the guest's kernel is a process, and has none
    options = ("--all", "--map-root", "--hostname", "box", "--mount-proc", *clocks)
    done = nsman("run", *options, "--", "sh", "-c", f"{LOOK}; cat /proc/self/timens_offsets; exit 7")
    assert done.returncode == 7
    inside = inodes(done.stdout)
    assert sorted(inside) == sorted(own)
    assert [kind for kind in own if own[kind] == inside[kind]] == []
    name, uid, pid, uptime, *offsets = done.stdout.splitlines()[len(os.listdir("/proc/self/ns")) :]
    assert (name, uid, pid) == ("box", "0", "1")
    assert (86400 if clocks else 0) <= float(uptime.split()[0]) - up < (86400 if clocks else 0) + 600
    assert [line.split() for line in offsets] == (
        [["monotonic", "-1", "0"], ["boottime", "86400", "500000000"]] if clocks else []
    )
    assert namespaces_of("self") == own


@pytest.mark.needs("root")
def test_this_kernel_has_all_eight_kinds():
    assert len(namespaces_of("self")) == 8


@pytest.mark.lane("host", "guest")
@pytest.mark.needs("root", "userns")
def test_an_ordinary_user_needs_nothing_but_all(nsman, folder):
    own = namespaces_of("self")
    place = folder / "made"
    done = nsman("run", "--all", "--mount-proc", "--", "sh", "-c", f"{LOOK}; : > {place}", ordinary=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[-3:-1] == ["0", "1"]
    assert [kind for kind, inode in inodes(done.stdout).items() if own[kind] == inode] == []
    assert (place.stat().st_uid, place.stat().st_gid) == (ORDINARY, ORDINARY)


@pytest.mark.needs("root", "userns")
def test_all_is_without_a_user_namespace_for_root(nsman):
    own = namespaces_of("self")
    inside = inodes(nsman("run", "--all", "sh", "-c", LOOK).stdout)
    assert [kind for kind in own if own[kind] == inside[kind]] == ["user"]


@pytest.mark.lane("host", "guest")
@pytest.mark.needs("root", "userns", "program:newuidmap")
def test_subordinate_ids_are_those_from_1_on(nsman, folder):
    script = f"cat /proc/self/uid_map /proc/self/setgroups; : > {folder}/a; : > {folder}/b; chown 1000:1000 {folder}/b"
    done = nsman("run", "--map-auto", "--", "sh", "-ec", script, ordinary=True, subids=SUBIDS)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.split() == [*f"0 {ORDINARY} 1 1 200000 65536".split(), "allow"]
    owners = [(s.st_uid, s.st_gid) for s in map(os.stat, (folder / "a", folder / "b"))]
    assert owners == [(ORDINARY, ORDINARY), (200999, 200999)]


@pytest.mark.needs("root", "userns", "program:newuidmap")
def test_who_is_not_mapped_becomes_root_of_those_who_are(nsman):
    done = nsman("run", "--map", "0:200000:65536", "--", "sh", "-c", "id -u; id -g; id -G; cat /proc/self/uid_map",
                 ordinary=True, subids=SUBIDS)  # fmt: skip
    assert (done.stdout.split(), done.stderr) == (["0", "0", "0", "0", "200000", "65536"], "")


@pytest.mark.needs("root", "userns", "program:newuidmap")
def test_what_newuidmap_refuses_is_said_with_its_words_and_ours(nsman):
    done = nsman("run", "--map", f"0:{ORDINARY}:1", "--map", "1:5000:10", "true", ordinary=True, subids=SUBIDS)
    assert done.returncode == 125
    assert "newgidmap: gid range [1-11) -> [5000-5010) not allowed" in done.stderr
    assert "ids 5000 to 5009 are not all yours; /etc/subgid gives user nobody: 200000 to 265535" in done.stderr
    assert "LCM-US-04" in done.stderr


@pytest.mark.needs("root", "userns")
def test_kept_capabilities_outlive_execve_of_who_is_not_root(nsman):
    show = ("sh", "-c", "id -u; grep CapEff /proc/self/status; hostname mine && hostname")
    mapped = ("run", "--uts", "--map", f"1000:{ORDINARY}:1")
    without = nsman(*mapped, "--", *show, ordinary=True).stdout.split()
    assert (without[0], int(without[2], 16)) == ("1000", 0)
    kept = nsman(*mapped, "--keep-caps", "--", *show, ordinary=True).stdout.split()
    assert (kept[0], kept[3]) == ("1000", "mine")
    assert int(kept[2], 16) == (1 << int(open("/proc/sys/kernel/cap_last_cap").read()) + 1) - 1


LINES = [word for n in range(341) for word in ("--map", f"{n}:{n}:1")]


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ("--map 0:0:10 --map 5:100:1 true", 125, "two lines of the id map overlap inside the namespace at id 5"),
        ("--map 0:0:10 --map 10:9:1 true", 125, "overlap outside the namespace at id 9"),
        ([*LINES, "true"], 125, "an id map has 1 to 340 lines, this one has 341"),
        ("--map 0:4294967295:2 true", 125, "outside of 0 to 4294967295"),
        ("--map 0:0 true", 2, "cannot read the id map '0:0' (three numbers"),
        ("--map 0:-1:1 true", 2, "cannot read the id map '0:-1:1'"),
        ("--map-users 0:0:1 true", 125, "a map of users needs one of groups"),
        ("--map-root --map-auto true", 2, "--map-root, --map-auto and --map exclude each other"),
        ("--hostname x true", 125, "a host name of its own needs a uts namespace (add --uts)"),
        (["--uts", "--hostname", "", "true"], 125, "'' is no host name (letters, digits, - and . are"),
        (["--uts", "--hostname", "a\nb", "true"], 125, "'a\\nb' is no host name"),
        (f"--uts --hostname {'x' * 65} true", 125, "a host name has at most 64 bytes, this one has 65"),
        ("--mount-proc true", 125, "a proc of its own needs pid and mount namespaces (add --pid --mount)"),
        ("--boottime 1 true", 125, "clocks of their own need a time namespace (add --time)"),
        ("--keep-caps true", 125, "there are capabilities to keep only in a new user namespace"),
        ("--time --boottime 1h true", 2, "cannot read --boottime '1h' (seconds"),
        ("--time --boottime -9000000000 true", 125, "the offset would set boottime before its zero: the clock stands"),
        (
            "--time --monotonic 9000000000 true",
            125,
            "would set monotonic beyond 4611686018 seconds",
        ),
        ("--time --monotonic 9223372037 true", 125, "the offset of monotonic is beyond 9223372036 seconds"),
        ("--uts --typo true", 2, "No such option"),
        ("--uts nosuch", 127, 'exec: "nosuch": executable file not found in $PATH'),
        ("--all /nosuch", 127, 'exec: "/nosuch": stat /nosuch: no such file or directory'),
        ("--all /etc/passwd", 126, 'exec: "/etc/passwd": permission denied'),
    ],
)
@pytest.mark.needs("root")
def test_what_cannot_be_is_said(nsman, words, code, said):
    done = nsman("run", *(words.split() if isinstance(words, str) else words))
    assert (done.returncode, done.stdout) == (code, "")
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1 or code == 2


@pytest.mark.needs("root")
def test_of_a_long_id_map_the_beginning_is_told(nsman):
    words = [word for n in range(7) for word in ("--map", f"{n}:{n}:1")]
    done = nsman("run", "--dry-run", *words, "--", "true")
    assert "users 0=0, 1=1, 2=2, 3=3, 4=4, … and 2 more; groups 0=0" in done.stdout


@pytest.mark.needs("root", "userns")
def test_without_rights_and_without_a_map_the_error_says_what_to_add(nsman):
    done = nsman("run", "--uts", "--net", "true", ordinary=True)
    assert done.returncode == 125
    assert "new namespaces uts, net: unshare(" in done.stderr
    assert "a new user namespace as well: nsman run --map-root" in done.stderr
    assert nsman("run", "--uts", "--map-root", "true", ordinary=True).returncode == 0
    refused = nsman("run", "--map-auto", "true", ordinary=True, subids="")
    assert "/etc/subuid gives no subordinate ids to user nobody" in refused.stderr
    assert "LCM-US-04" in refused.stderr


@pytest.mark.needs("root")
def test_a_dry_run_shows_the_steps_of_three_processes_and_makes_none(nsman):
    done = nsman("run", "--all", "--map", "1000:0:1", "--boottime", "-2", "--dry-run", "--", "nosuch")
    assert done.returncode == 0
    lines = done.stdout.splitlines()
    assert [line.split()[2].partition("(")[0] for line in lines if line.startswith("child")] == [
        "unshare", "tell", "await_message", "unshare", "write_time_offsets", "keep_mounts_here", "fork_init",
    ]  # fmt: skip
    assert any("users 1000=0; groups 1000=0" in line for line in lines)
    assert lines[-1].startswith("init")
    assert "execute(('nosuch'))" in lines[-1]


@pytest.mark.needs("root")
def test_explain_tells_each_step_of_what_was_done(nsman):
    done = nsman("run", "--all", "--map-root", "--explain", "--", "echo", "out")
    assert (done.returncode, done.stdout) == (0, "out\n")
    told = [tuple(line.split()[:2]) for line in done.stderr.splitlines()]
    planned = nsman("run", "--all", "--map-root", "--dry-run", "--", "echo", "out").stdout.splitlines()
    assert sorted(told) == sorted(tuple(line.split()[:2]) for line in planned)
    assert told[-1] == ("init", "4")
    failed = nsman("run", "--uts", "--explain", "nosuch")
    assert failed.returncode == 127
    assert any("execute" in line and line.endswith("!! failed") for line in failed.stderr.splitlines())


# ---- the end --------------------------------------------------------------------------------------------------------


@pytest.mark.needs("root")
def test_the_end_of_the_command_is_ours(nsman):
    assert nsman("run", "--pid", "--", "sh", "-c", "exit 200").returncode == 200
    assert nsman("run", "--uts", "--", "sh", "-c", "kill -TERM $$").returncode == 143


TRAPPING = "trap 'echo got it; exit 3' {}; echo ready; while :; do sleep 0.05; done"


@pytest.mark.needs("root")
@pytest.mark.parametrize("name", ["TERM", "INT", "HUP", "USR1"])
def test_a_signal_to_nsman_reaches_the_command(started, name):
    running = started("run", "--pid", "--mount", "--mount-proc", "--", "sh", "-c", TRAPPING.format(name))
    running.send_signal(getattr(signal, f"SIG{name}"))
    assert (running.stdout.read(), running.wait()) == ("got it\n", 3)


#: It counts by its exit code: a terminal that sends a signal forgets what was written to it in that moment (n_tty).
COUNTING = """
import signal, sys
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
print("ready", flush=True)
count = 0
while signal.sigtimedwait({signal.SIGINT}, 0.3 if count else 60):
    count += 1
sys.exit(count)
"""


@pytest.mark.needs("root")
def test_control_c_at_the_terminal_is_one_signal(nsman):
    command = nsman.command("run", "--uts", "--", sys.executable, "-c", COUNTING)
    pid, terminal = pty.fork()
    if pid == 0:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        os.execv(command[0], command)
    shown = b""
    while b"ready" not in shown:
        shown += os.read(terminal, 1000)
    os.write(terminal, b"\x03")
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 1
    os.close(terminal)


@pytest.mark.lane("host", "guest")
@pytest.mark.needs("root", "userns")
@pytest.mark.parametrize("ordinary", [False, True])
def test_a_killed_nsman_takes_the_inside_with_it(started, first_child, ordinary):
    running = started("run", "--all", "--map-root", "--", "sh", "-c", "sleep 1000 & echo ready; wait",
                      ordinary=ordinary)  # fmt: skip
    init = first_child(running.pid)
    inside = [init, first_child(init)]
    assert namespaces_of(init)["pid"] != namespaces_of("self")["pid"]
    pidfds = [os.pidfd_open(pid) for pid in inside]
    running.kill()
    for pidfd in pidfds:
        waiter = select.poll()
        waiter.register(pidfd, select.POLLIN)
        assert waiter.poll(60_000), "it is gone, with the kernel's help alone"
        os.close(pidfd)


@pytest.mark.needs("root", "userns")
def test_nsman_as_pid_1_of_nsman(nsman):
    inner = nsman.command("run", "--all", "--mount-proc", "--", "sh", "-c", "echo $$; exit 5")
    done = nsman("run", "--all", "--map-root", "--mount-proc", "--", *inner)
    assert (done.stdout, done.returncode, done.stderr) == ("1\n", 5, "")


WISH = Wish(CLONE_NEWPID | CLONE_NEWUTS | CLONE_NEWUSER, maps=map_root(), hostname="box")
BOUNDARIES = [
    f"{name}:{number}"
    for name, plan in plan_run(WISH, ["sleep", "1000"]).items()
    for number in range(len(plan.steps) - (name == "init"))
]


@pytest.mark.needs("root")
@pytest.mark.parametrize("crash", BOUNDARIES)
def test_killed_at_any_boundary_nobody_is_left(crash, in_child):
    done = crash == f"child:{len(plan_run(WISH, ['true'])['child'].steps) - 1}"  # its work: nobody misses it
    command = ["true"] if done else ["sleep", "1000"]

    def run():
        set_subreaper()  # whoever is left becomes our child
        signal.alarm(10)
        starter = os.fork()
        if starter == 0:
            set_death_signal(9)
            code = 0
            try:
                code = launch(plan_run(WISH, command), crash=crash).wait()
            except (ChildFailed, LcmError):
                code = 99
            os._exit(code)
        ends = {}
        with contextlib.suppress(ChildProcessError):
            while True:
                pid, status = os.wait()
                ends[pid] = os.waitstatus_to_exitcode(status)
        return ends[starter]

    by_name = {"cli": (-9, 137), "child": (0,) if done else (99,), "init": (137, 99)}
    assert in_child(run) in by_name[crash.partition(":")[0]]
