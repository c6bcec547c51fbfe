"""The crash matrix: each process, killed at each boundary; then one ``delete --force``, and nothing may be left."""

import os
import select

import pytest

from section01_processes import LcmError
from section03_cgroups import Hierarchy
from section08_oci import Bundle, create, delete, plan_container, start

pytestmark = pytest.mark.lane("host", "guest")


def boundaries(box):
    plans = plan_container(Bundle(box.folder, box.spec), box.options())
    for fd in box.fds:
        os.close(fd)
    return {name: len(plan.steps) for name, plan in plans.items()}


def run_to_crash(box, crash):
    """Create and start in a process of its own, which is the runtime; return its wait status, or raise on a hang."""
    pid = os.fork()
    if pid == 0:
        try:
            create(Bundle(box.folder, box.spec), box.options(crash=crash))
            start(box.state_dir)
            os._exit(0)
        except LcmError:
            os._exit(1)
        except BaseException:
            os._exit(2)
    pidfd = os.pidfd_open(pid)
    assert select.select([pidfd], [], [], 60)[0], f"{crash}: the runtime hangs"
    os.close(pidfd)
    return os.waitpid(pid, 0)[1]


def processes_of(marker):
    """Return pids whose command line or environment bears ``marker``."""
    found = []
    for name in filter(str.isdecimal, os.listdir("/proc")):
        try:
            with open(f"/proc/{name}/environ", "rb") as file:
                if marker in file.read():
                    found.append(int(name))
        except OSError:
            continue
    return found


@pytest.mark.parametrize("process", ["shim", "child", "init"])
def test_killed_at_each_boundary_nothing_is_left(box, process, thin):
    marker = b"MARK=" + os.urandom(8).hex().encode()
    box.process["args"] = ["sleep", "100"]
    box.process["env"].append(marker.decode())
    count = boundaries(box)[process]
    mounts = Hierarchy.detect().mounts()
    for number in thin(range(count)):
        status = run_to_crash(box, f"{process}:{number}")
        assert status in ({9} if process == "shim" else {0, 0x100}), (process, number, status)
        delete(box.state_dir, force=True)
        assert not os.path.exists(box.state_dir), (process, number)
        assert not [m for m in mounts if os.path.exists(m + box.cgroup)], (process, number)
        assert processes_of(marker) == [], (process, number)
        os.mkdir(box.state_dir, 0o700)
    print(f"{process}: {count} boundaries")


@pytest.mark.parametrize("killed", [False, True], ids=["slow child", "slow child that dies"])
def test_an_init_that_speaks_before_its_child_hangs_nobody(box, killed, slow_child):
    if killed:
        slow_child(lambda: os.kill(os.getpid(), 9))
    box.process["args"] = ["true"]
    status = run_to_crash(box, "")
    delete(box.state_dir, force=True)
    assert os.waitstatus_to_exitcode(status) == (1 if killed else 0)
