"""No descriptor is left for the pidfd of an init, or of an exec's process: it is killed and reaped all the same."""

import os
import resource

import pytest

from section01_processes import spawn
from section08_oci import Bundle, ExecOptions, Target, abandon
from section08_oci.enter import plan_exec
from section08_oci.plans import plan_container

pytestmark = [pytest.mark.lane("host", "guest"), pytest.mark.needs("root")]


def children():
    with open(f"/proc/self/task/{os.getpid()}/children") as file:
        return [int(pid) for pid in file.read().split()]


def runs_out(plan):
    """Run ``plan`` in a process that has no descriptor left when it opens the pidfd; require EMFILE, and no child."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)

    def run():
        slots = {}
        for step in plan.steps:
            if step.act.__name__ == "open_pidfd":
                before = children()
                assert slots["pid"] in before
                free = os.dup(0)
                os.close(free)
                resource.setrlimit(resource.RLIMIT_NOFILE, (free, hard))
                with pytest.raises(OSError, match="Errno 24"):
                    step.apply(slots)
                break
            step.apply(slots)
        else:
            raise AssertionError("no step opens a pidfd")
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        for _ in range(2):  # it may be asked for twice
            abandon(slots)
            left = children()
            for pid in left:
                os.kill(pid, 9)
                os.waitpid(pid, 0)
            assert left == []
        return 0

    with spawn(run) as process:
        assert process.wait() == 0


def test_of_a_container_s_init(box):
    box.process["args"] = ["sleep", "100"]
    options = box.options()
    try:
        runs_out(plan_container(Bundle(box.folder, box.spec), options)[options.process])
    finally:
        for fd in box.fds:
            os.close(fd)


def test_of_a_process_of_exec(box):
    made = box.up("sleep", "100")
    options = box.options()
    process = {**box.process, "args": ["sleep", "77"]}
    target = Target(made.child.pidfd, made.pid, box.cgroup, box.spec)
    try:
        runs_out(plan_exec(target, process, ExecOptions(stdio=options.stdio))["shim"])
    finally:
        for fd in box.fds:
            os.close(fd)
    with open(f"/proc/{made.pid}/task/{made.pid}/children") as file:
        assert file.read() == ""
