"""The kernel itself: each test in cgroups of its own, with children of its own; nothing is left."""

import itertools
import os
import sys
import threading
import time

import pytest

from section03_cgroups import Cgroup, Hierarchy, Limits, default_device_rules, plan_cgroup, plan_enter_cgroup

M = 1 << 20
HERE = Hierarchy.detect()
V1 = {c: m for c, m in HERE.controllers.items() if m != HERE.unified}
#: This machine as it is; and, where version 1 is mounted, without the unified hierarchy: another freezer, other kill.
VIEWS = {HERE.mode: HERE} | ({"v1-only": Hierarchy("v1", V1, "")} if HERE.mode == "hybrid" else {})
counter = itertools.count()
#: Seconds to wait for what must happen: a slow machine may take long.
PATIENCE = 60


@pytest.fixture(params=VIEWS)
def view(request):
    return VIEWS[request.param]


@pytest.fixture
def make():
    """Make groups; kill and remove them in the end, and check that nothing is left."""
    made = []

    def maker(limits=None, hierarchy=HERE):
        cgroup = Cgroup(hierarchy, f"/lcm-test-{os.getpid()}-{next(counter)}")
        made.append(cgroup)
        for step in plan_cgroup(cgroup, limits or Limits()):
            step.apply({})
        return cgroup

    yield maker
    for cgroup in made:
        assert cgroup.kill(PATIENCE)
        reap()
        cgroup.remove(PATIENCE)
        assert not cgroup.exists()


def child(cgroup, run):
    """Fork a child that joins ``cgroup`` and runs ``run``; return its pid once it has joined."""
    joined, tell = os.pipe()
    pid = os.fork()
    if pid:
        os.close(tell)
        assert os.read(joined, 1), "the child could not join"
        os.close(joined)
        return pid
    try:
        for step in plan_enter_cgroup(cgroup):
            step.apply({})
        os.write(tell, b".")
        os.close(tell)
        os._exit(run() or 0)
    except BaseException as error:
        os.write(2, f"{error!r}\n".encode())
    os._exit(99)


def until(condition):
    """Wait until ``condition()`` holds."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)


def reap():
    """Collect children that have ended."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass


def spin():
    while True:
        pass


def sleep_forever():
    while True:
        time.sleep(100)


@pytest.mark.lane("host", "guest")
def test_hog_is_killed_at_its_limit_and_counted_and_its_sibling_lives(make):
    small, other = make(Limits(memory=32 * M, memory_swap=32 * M)), make(Limits(memory=256 * M))

    def hog():
        return len(bytearray(b"x") * (128 * M)) == 0

    sibling = child(other, sleep_forever)
    status = os.waitpid(child(small, hog), 0)[1]
    assert os.WTERMSIG(status) == 9
    assert small.oom_kills() == 1
    assert other.oom_kills() == 0
    assert small.stats().memory_limit == 32 * M
    assert 16 * M < small.stats().memory_peak <= 32 * M
    assert os.waitpid(sibling, os.WNOHANG) == (0, 0)


@pytest.mark.lane("host", "guest")
def test_one_process_more_than_the_limit_is_refused(make):
    cgroup = make(Limits(pids=5))

    def fork_five():
        for made in range(5):
            try:
                if os.fork() == 0:
                    sleep_forever()
            except BlockingIOError:  # EAGAIN
                return made
        return 50

    assert os.waitstatus_to_exitcode(os.waitpid(child(cgroup, fork_five), 0)[1]) == 4
    assert cgroup.stats().pids_limit == 5
    until(lambda: len(cgroup.pids()) == 4)


@pytest.mark.lane("host", "guest")
def test_half_a_cpu_is_half_a_cpu(make):
    """Never more; and half of one when the machine has it to give (the weight is the greatest: before neighbours)."""
    cgroup = make(Limits(cpu_quota=50_000, cpu_period=100_000, cpu_shares=262144))
    child(cgroup, spin)

    def reaches_half():
        least, most = share_used(cgroup)
        assert least <= 0.55
        return most >= 0.45

    until(reaches_half)
    assert cgroup.stats().cpu_throttled_periods > 0


def share_used(cgroup, seconds=2):
    """Return the bounds of the CPU share that it used for ``seconds``: we may be held up before and after each look."""
    early, before, began = time.monotonic(), cgroup.stats().cpu_usage, time.monotonic()
    time.sleep(seconds)
    ended, after, late = time.monotonic(), cgroup.stats().cpu_usage, time.monotonic()
    used = (after - before) / 1e6
    return used / (late - early), used / (ended - began)


@pytest.mark.lane("host", "guest")
def test_frozen_uses_no_cpu_and_thawed_goes_on(make, view):
    cgroup = make(hierarchy=view)
    child(cgroup, spin)
    until(lambda: cgroup.stats().cpu_usage > 20_000)
    cgroup.freeze(PATIENCE)
    before = cgroup.stats().cpu_usage
    time.sleep(0.3)
    frozen = cgroup.stats().cpu_usage
    assert frozen - before < 10_000  # of 300 000; the way into the kernel's freezer may still be counted
    cgroup.thaw(PATIENCE)
    until(lambda: cgroup.stats().cpu_usage > frozen + 20_000)


@pytest.mark.lane("host", "guest")
def test_kill_ends_a_fork_bomb_and_a_frozen_process(make, view):
    def bomb():
        while True:
            try:
                os.fork()
            except BlockingIOError:
                pass

    for run, members, freeze in ((bomb, 30, False), (sleep_forever, 1, True)):
        cgroup = make(Limits(pids=60), hierarchy=view)
        pid = child(cgroup, run)
        until(lambda c=cgroup, n=members: len(c.pids()) >= n)
        if freeze:
            cgroup.freeze(PATIENCE)
        assert cgroup.kill(PATIENCE)
        assert os.WTERMSIG(os.waitpid(pid, 0)[1]) == 9
        assert cgroup.pids() == []
        assert cgroup.wait_empty(0)


@pytest.mark.lane("host", "guest")
def test_wait_empty_returns_when_the_last_one_ends_and_not_before(make, view):
    cgroup = make(hierarchy=view)
    ended, end = os.pipe()
    child(cgroup, lambda: os.close(end) or len(os.read(ended, 1)))
    os.close(ended)
    assert not cgroup.wait_empty(0.05)
    later = threading.Timer(0.2, os.close, (end,))
    later.start()
    began = time.monotonic()
    assert cgroup.wait_empty(PATIENCE)
    assert time.monotonic() - began < PATIENCE / 2  # woken, not at the end of its patience
    later.join()


@pytest.mark.lane("host", "guest")
def test_set_raises_and_lowers_memory_on_a_living_group(make):
    cgroup = make(Limits(memory=64 * M, memory_swap=64 * M))
    for size in (128, 32, 96):
        cgroup.set(Limits(memory=size * M, memory_swap=size * M))
        assert cgroup.stats().memory_limit == size * M


@pytest.mark.lane("host", "guest")
def test_groups_made_inside_are_killed_and_removed_too(make):
    cgroup = make()
    inner = Cgroup(HERE, cgroup.path + "/inner/most")
    inner.create()
    pid = child(inner, sleep_forever)
    assert cgroup.pids() == [pid]
    assert cgroup.kill(PATIENCE)


@pytest.mark.lane("host", "guest")
@pytest.mark.parametrize("number", [15, 9])
def test_a_signal_reaches_every_member(make, number):
    cgroup = make()
    groups = [Cgroup(HERE, f"{cgroup.path}/{name}") for name in ("one", "two")]  # v2: no processes in between
    for group in groups:
        group.create()
    pids = [child(group, sleep_forever) for group in groups]
    cgroup.signal(number)
    assert [os.WTERMSIG(os.waitpid(pid, 0)[1]) for pid in pids] == [number] * 2


@pytest.mark.lane("host", "guest")
def test_concurrent_makers_and_removers_of_one_parent_do_not_disturb_each_other():
    parent = f"/lcm-test-{os.getpid()}-race/minidocker"
    pids = []
    for worker in range(4):
        pid = os.fork()
        if not pid:
            try:
                for n in range(15):
                    cgroup = Cgroup(HERE, f"{parent}/{worker}-{n}")
                    cgroup.create()
                    for folder in cgroup.folders():
                        assert os.path.isdir(folder)
                    cgroup.remove()
                os._exit(0)
            except BaseException as error:
                os.write(2, f"{error!r}\n".encode())
            os._exit(1)
        pids.append(pid)
    assert [os.waitpid(pid, 0)[1] for pid in pids] == [0] * 4
    assert not Cgroup(HERE, parent).exists()
    Cgroup(HERE, parent.rpartition("/")[0]).remove(PATIENCE)


def opens_devices(cgroup):
    """Return what a member may open: a standard device, the kernel's log; and whether it may make a node."""

    def attempt():
        result = 0
        for bit, path in enumerate(("/dev/null", "/dev/kmsg")):
            try:
                os.close(os.open(path, os.O_RDONLY))
                result |= 1 << bit
            except PermissionError:
                pass
        return result

    return os.waitstatus_to_exitcode(os.waitpid(child(cgroup, attempt), 0)[1])


@pytest.mark.lane("host", "guest")
@pytest.mark.parametrize("version", [1] * ("devices" in V1) + [2] * bool(HERE.unified))
def test_default_device_rules_by_files_and_by_program(make, version):
    controllers = {c: m for c, m in HERE.controllers.items() if version == 1 or c != "devices"}
    cgroup = make(Limits(devices=default_device_rules()), Hierarchy(HERE.mode, controllers, HERE.unified))
    assert opens_devices(cgroup) == 1
    cgroup.set(Limits(devices=[{"allow": False}, {"allow": True, "type": "c", "major": 1, "minor": 11}]))
    assert opens_devices(cgroup) == 2


@pytest.mark.lane("host", "guest")
def test_number_of_opened_files_is_pinned():
    """Creating, limiting and entering cost one open per file; on the way of every container's start."""
    cgroup = Cgroup(HERE, f"/lcm-test-{os.getpid()}-opens")
    limits = Limits(memory=64 * M, cpu_quota=50_000, pids=10)
    pid = os.fork()
    if not pid:
        opened = []
        sys.addaudithook(lambda event, args: opened.append(args[0]) if event == "open" else None)
        steps = plan_cgroup(cgroup, limits) + plan_enter_cgroup(cgroup)
        for step in steps:
            step.apply({})
        settings = len(steps) - 2
        cpuset = 4 if HERE.find("cpuset")[1] == 1 else 0
        control = 0
        if HERE.mode == "v2":  # one read of the root's cgroup.subtree_control, and its writes when it is the first
            control = sum(1 for path in opened if str(path).endswith("subtree_control"))
        os._exit(0 if len(opened) == settings + cpuset + control + len(HERE.mounts()) else len(opened))
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    cgroup.remove(PATIENCE)


@pytest.mark.lane("host", "guest")
def test_warming_up_moves_nobody():
    def own():
        with open("/proc/self/cgroup") as file:
            return file.read()

    before = own()
    HERE.warm_up()
    assert own() == before


@pytest.mark.lane("host", "guest")
def test_user_who_may_make_no_group_is_told_so():
    def attempt():
        os.setresuid(65534, 65534, 65534)
        try:
            Cgroup(HERE, f"/lcm-test-{os.getpid()}-user").create()
        except PermissionError:
            return 1
        except OSError as error:
            return error.errno
        return 0

    pid = os.fork()
    if not pid:
        os._exit(attempt())
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 13


@pytest.mark.lane("host", "guest")
def test_group_that_a_killed_maker_left_half_made_is_completed():
    path = f"/lcm-test-{os.getpid()}-half"
    os.mkdir(V1.get("cpuset", HERE.unified) + path)  # version 1: a cpuset without CPUs takes no process
    cgroup = Cgroup(HERE, path)
    cgroup.create()
    assert os.waitstatus_to_exitcode(os.waitpid(child(cgroup, lambda: 7), 0)[1]) == 7
    cgroup.remove(PATIENCE)
