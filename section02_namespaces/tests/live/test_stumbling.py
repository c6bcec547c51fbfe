"""The stumbling blocks of section 2: each test makes the mistake for real, sees it, applies the remedy, succeeds."""

import os
import subprocess
import sys
import textwrap

import pytest

from section01_processes import set_dumpable
from section02_namespaces import (
    CLONE_NEWNET,
    CLONE_NEWPID,
    CLONE_NEWUSER,
    CLONE_NEWUTS,
    IdMap,
    NamespaceError,
    fork_sibling,
    namespaces_of,
    unshare,
    write_id_maps,
)

pytestmark = [pytest.mark.lane("host"), pytest.mark.needs("root", "userns")]
ORDINARY = 65534


def shell(script, *before):
    """Run ``script`` with sh, after the words of ``before``; return what it wrote, standard error behind."""
    done = subprocess.run([*before, "sh", "-c", script], capture_output=True, text=True, check=False, timeout=60)
    return done.stdout + done.stderr


def become_ordinary():
    """Be an ordinary user, in a child made for that; /proc/self stays ours, as it is after an execve."""
    os.setgroups([])
    os.setresgid(ORDINARY, ORDINARY, ORDINARY)
    os.setresuid(ORDINARY, ORDINARY, ORDINARY)
    set_dumpable(1)


# ---- mounts, processes, threads -------------------------------------------------------------------------------------

SHARED = """
    mount -t tmpfs none {0} && mount --make-shared {0} && mkdir {0}/inside
    unshare --mount --propagation unchanged sh -c '{1}; mount -t tmpfs container {0}/inside'
    grep -c container /proc/self/mountinfo
"""


@pytest.mark.remedy("LCM-NS-01")
def test_mounts_travel_to_a_shared_mount_and_stay_where_all_is_private(tmp_path):
    alone = ("unshare", "--mount", "--propagation", "private")
    assert shell(SHARED.format(tmp_path, ":"), *alone) == "1\n"
    assert shell(SHARED.format(tmp_path, "mount --make-rprivate /"), *alone) == "0\n"


@pytest.mark.remedy("LCM-NS-02")
def test_the_second_fork_fails_unless_the_first_child_lives(in_child):
    def mistake():
        unshare(CLONE_NEWPID)
        if (first := os.fork()) == 0:
            os._exit(0)
        os.waitpid(first, 0)
        if fork_sibling() == 0:
            os._exit(0)

    with pytest.raises(in_child.error, match="Cannot allocate memory") as caught:
        in_child(mistake)
    assert caught.value.explain == "LCM-NS-02"
    twice = "/bin/true; /bin/true; echo done"
    assert "Cannot fork" in shell(twice, "unshare", "--pid")
    assert shell(twice, "unshare", "--pid", "--fork") == "done\n"


@pytest.mark.remedy("LCM-NS-03")
@pytest.mark.needs("program:ps")
def test_ps_shows_whose_proc_is_mounted(nsman):
    count = "ps -e | wc -l"
    assert int(nsman("run", "--pid", "--mount", "--", "sh", "-c", count).stdout) > 10
    said = nsman("run", "--pid", "--mount-proc", "--", "sh", "-c", count).stderr
    assert "(add --pid --mount) [see ./course explain LCM-NS-03]" in said
    assert int(nsman("run", "--pid", "--mount", "--mount-proc", "--", "sh", "-c", count).stdout) <= 4
    by_hand = ("unshare", "--pid", "--fork", "--mount")
    assert int(shell(f"mount -t proc proc /proc; {count}", *by_hand)) <= 4


THREADS = """
    import os, threading
    from section02_namespaces import CLONE_NEWUSER, unshare
    end = threading.Event()
    def work():
        end.wait()
    threading.Thread(target=work).start()
    try:
        {0}
    except OSError as error:
        print(error)
    end.set()
"""
IN_A_CHILD = """if (pid := os.fork()) == 0:
            unshare(CLONE_NEWUSER)
            os._exit(7)
        print(os.waitpid(pid, 0)[1] >> 8)"""


@pytest.mark.remedy("LCM-NS-04")
def test_a_process_with_threads_forks_first():
    def learn(code):
        words = [sys.executable, "-W", "ignore", "-c", textwrap.dedent(THREADS.format(code))]
        return subprocess.run(words, capture_output=True, text=True, check=True).stdout

    mistake = learn("unshare(CLONE_NEWUSER)")
    assert "Invalid argument (errno 22) (this process has 2 threads" in mistake
    assert "LCM-NS-04" in mistake
    assert learn(IN_A_CHILD) == "7\n"


@pytest.mark.remedy("LCM-NS-07")
def test_who_may_join(nsman, started, first_child):
    roots = started("run", "--uts", "--", "sh", "-c", "echo ready; exec sleep 1000")
    said = nsman("enter", first_child(roots.pid), "true", ordinary=True).stderr
    assert "it belongs to user 0 (needs root" in said
    assert "LCM-NS-07" in said
    assert nsman("enter", first_child(roots.pid), "true").returncode == 0
    own = first_child(started("run", "--uts", "--map-root", "--", "sh", "-c", "echo ready; exec sleep 1000",
                              ordinary=True).pid)  # fmt: skip
    without = nsman("enter", own, "--uts", "true", ordinary=True).stderr
    assert "Operation not permitted" in without
    assert "LCM-NS-07" in without
    assert nsman("enter", own, "--uts", "--user", "true", ordinary=True).returncode == 0


# ---- user namespaces ------------------------------------------------------------------------------------------------


@pytest.fixture
def unmapped():
    """Return the pid of a process of the ordinary user in a user namespace without maps."""
    become = ["setpriv", f"--reuid={ORDINARY}", f"--regid={ORDINARY}", "--clear-groups"]
    running = subprocess.Popen([*become, "unshare", "--user", "sh", "-c", "echo ready; exec sleep 1000"],
                               stdout=subprocess.PIPE)  # fmt: skip
    assert running.stdout.readline() == b"ready\n"
    yield running.pid
    running.kill()
    running.wait()
    running.stdout.close()


@pytest.mark.remedy("LCM-US-01")
def test_an_ordinary_user_denies_setgroups_and_then_maps_his_own_group(unmapped, in_child):
    ordinary = ("setpriv", f"--reuid={ORDINARY}", f"--regid={ORDINARY}", "--clear-groups")
    line = f"echo '0 {ORDINARY} 1' > /proc/{unmapped}/gid_map"
    assert "Operation not permitted" in shell(line, *ordinary) or "I/O error" in shell(line, *ordinary)

    def not_his_own():
        become_ordinary()
        unshare(CLONE_NEWUSER)
        write_id_maps(0, [IdMap(0, 1, 1)], [IdMap(0, 1, 1)])

    with pytest.raises(in_child.error) as caught:
        in_child(not_his_own)
    assert caught.value.explain == "LCM-US-01"
    assert shell(f"echo deny > /proc/{unmapped}/setgroups; {line}", *ordinary) == ""
    with open(f"/proc/{unmapped}/gid_map") as file:
        assert file.read().split() == ["0", str(ORDINARY), "1"]


@pytest.mark.remedy("LCM-US-03")
def test_no_space_left_is_a_limit_of_namespaces_which_can_be_raised(in_child):
    def limited(limit):
        unshare(CLONE_NEWUSER)
        write_id_maps(0, [IdMap(0, 0, 1)], [IdMap(0, 0, 1)])
        knob = "/proc/sys/user/max_uts_namespaces"
        for value in ("0", limit):
            with open(knob, "w") as file:
                file.write(value)
        unshare(CLONE_NEWUTS)

    with pytest.raises(in_child.error, match=r"No space left.*user\.max_uts_namespaces is 0") as caught:
        in_child(lambda: limited("0"))
    assert caught.value.explain == "LCM-US-03"
    assert in_child(lambda: limited("1")) is None


@pytest.mark.remedy("LCM-US-03")
def test_no_space_left_is_also_the_depth_of_nesting(in_child):
    def nested(depth):
        before = namespaces_of("self")["user"]
        for _ in range(depth):
            unshare(CLONE_NEWUSER)
            write_id_maps(0, [IdMap(0, 0, 1)], [IdMap(0, 0, 1)])
        return namespaces_of("self")["user"] != before

    with pytest.raises(in_child.error, match=r"No space left.*32 levels of nesting") as caught:
        in_child(lambda: nested(40))
    assert caught.value.explain == "LCM-US-03"
    assert in_child(lambda: nested(30))


@pytest.mark.remedy("LCM-US-04")
@pytest.mark.needs("program:newuidmap")
def test_an_id_that_is_not_mapped_needs_a_line_in_subuid(nsman, folder):
    script = f": > {folder}/file && chown 1000 {folder}/file && stat -c %u {folder}/file"
    assert "Invalid argument" in nsman("run", "--map-root", "--", "sh", "-c", script, ordinary=True).stderr
    said = nsman("run", "--map-auto", "--", "sh", "-c", script, ordinary=True, subids="").stderr
    assert "a line like nobody:100000:65536 in /etc/subuid" in said
    assert "LCM-US-04" in said
    right = nsman("run", "--map-auto", "--", "sh", "-c", script, ordinary=True, subids="nobody:100000:65536\n")
    assert (right.stdout, right.stderr) == ("1000\n", "")
    assert (folder / "file").stat().st_uid == 100999


def map_child(pid):
    """Map the ordinary user to root of the child's namespace."""
    own = [IdMap(0, ORDINARY, 1)]
    write_id_maps(pid, own, own)


def run_mapped(*, parent_waits, child_waits):
    """Make a child with a user namespace; return its id and capabilities when it has executed a program.

    Who does not wait is made to lose the race: the child holds until the parent is done, or the other way round.
    """
    (unshared, tell_unshared), (mapped, tell_mapped), (out, say) = os.pipe(), os.pipe(), os.pipe()
    if (pid := os.fork()) == 0:
        if not parent_waits:
            os.read(mapped, 1)  # slow: the parent is through before we begin
        unshare(CLONE_NEWUSER)
        os.write(tell_unshared, b"!")
        if parent_waits and child_waits:
            os.read(mapped, 1)
        os.dup2(say, 1)
        os.execvp("sh", ["sh", "-c", "id -u; grep CapEff /proc/self/status"])
    os.close(say)
    try:
        if parent_waits:
            os.read(unshared, 1)
        if not child_waits:
            shown = os.fdopen(out).read()  # slow: the child's program is through before we begin
        else:
            map_child(pid)
            os.write(tell_mapped, b"!")
            shown = os.fdopen(out).read()
    finally:
        os.close(tell_mapped)
        os.kill(pid, 9)
        os.waitpid(pid, 0)
    uid, _, capabilities = shown.split()
    return uid, int(capabilities, 16) != 0


@pytest.mark.remedy("LCM-US-05")
def test_parent_and_child_wait_for_each_other(in_child):
    def learn(**waits):
        become_ordinary()
        return run_mapped(**waits)

    with pytest.raises(in_child.error, match="still is in our own user namespace") as caught:
        in_child(lambda: learn(parent_waits=False, child_waits=True))
    assert caught.value.explain == "LCM-US-05"
    assert in_child(lambda: learn(parent_waits=True, child_waits=False)) == ("65534", False)
    assert in_child(lambda: learn(parent_waits=True, child_waits=True)) == ("0", True)


@pytest.mark.remedy("LCM-US-06")
def test_the_parent_stays_outside_and_maps_more_than_one_id(in_child):
    lines = [IdMap(0, 0, 1), IdMap(1, 100000, 10)]

    def mistake():
        unshare(CLONE_NEWUSER)
        write_id_maps(0, lines, lines)

    def right():
        (unshared, tell), (waits, end) = os.pipe(), os.pipe()
        if (pid := os.fork()) == 0:
            os.close(end)
            unshare(CLONE_NEWUSER)
            os.write(tell, b"!")
            os.read(waits, 1)
            os._exit(0)
        os.read(unshared, 1)
        write_id_maps(pid, lines, lines)
        with open(f"/proc/{pid}/uid_map") as file:
            words = file.read().split()
        os.close(end)
        os.waitpid(pid, 0)
        return words, namespaces_of("self")["user"] == namespaces_of(os.getppid())["user"]

    with pytest.raises(in_child.error, match="only one id can be mapped") as caught:
        in_child(mistake)
    assert caught.value.explain == "LCM-US-06"
    assert in_child(right) == (["0", "0", "1", "1", "100000", "10"], True)


# ---- a kernel without a kind ----------------------------------------------------------------------------------------


@pytest.mark.lane("guest")
@pytest.mark.remedy("LCM-NS-06")
def test_a_kernel_without_time_namespaces_does_all_the_others(nsman):
    """The guest's kernel is a process of the host, and can be built without clocks of one's own only."""
    if "time" in namespaces_of("self"):  # a guest with another kernel: nothing to remedy
        assert nsman("run", "--time", "--boottime", "1", "true").returncode == 0
        return
    said = nsman("run", "--time", "--boottime", "1", "true")
    assert (said.returncode, "this kernel has no time namespaces" in said.stderr) == (125, True)
    assert "LCM-NS-06" in said.stderr
    assert nsman("run", "--uts", "--pid", "true").returncode == 0
    assert nsman("run", "--all", "--map-root", "true").returncode == 0


def test_a_kernel_without_a_kind_is_said_to_lack_it(tmp_path):
    from section02_namespaces.core.kinds import CLONE_NEWTIME
    from section02_namespaces.launch import require_kinds

    for name in os.listdir("/proc/self/ns"):
        if not name.startswith("time"):
            (tmp_path / name).touch()
    require_kinds(CLONE_NEWNET | CLONE_NEWUSER, str(tmp_path))
    with pytest.raises(NamespaceError, match="this kernel has no time namespaces") as caught:
        require_kinds(CLONE_NEWNET | CLONE_NEWTIME, str(tmp_path))
    assert caught.value.explain == "LCM-NS-06"
    require_kinds(CLONE_NEWTIME)
