"""A helper of exec that is SIGKILLed: what it had forked is killed and reaped by the shim; nobody else is."""

from __future__ import annotations

import os

import pytest

from minidocker import shimclient
from minidocker.shim import protocol as p
from section01_processes import ProcessStat
from section03_cgroups import Cgroup, Hierarchy
from section08_oci import ExecOptions, Target
from section08_oci.enter import plan_exec

pytestmark = [pytest.mark.lane("host", full="guest"), pytest.mark.needs("root")]


def children(pid):
    """Return the pids of a process's children, zombies included."""
    found = set()
    for thread in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{thread}/children") as file:
            found.update(map(int, file.read().split()))
    return found


def members(one):
    return set(Cgroup(Hierarchy.detect(), one.config["cgroup"]).pids())


def begin_exec(one, *args, terminal=False):
    """Send an EXEC request without waiting for the answer; return the connection."""
    from section01_processes import format_json

    request = {"process": {"args": list(args), "terminal": terminal}, "detach": True}
    connection = shimclient.connect(one.folder)
    connection.send(p.EXEC, format_json(request).encode())
    return connection


def boundaries(one, terminal):
    """Return how many steps the helper has."""
    from section01_processes import parse_json

    spec = parse_json(one.read(p.CONFIG))
    process = {**spec["process"], "args": ["sleep", "77"], "terminal": terminal}
    pid = one.status["pid"]
    pidfd = os.pidfd_open(pid)
    try:
        target = Target(pidfd, pid, one.config["cgroup"], spec)
        return len(plan_exec(target, process, ExecOptions())["shim"].steps)
    finally:
        os.close(pidfd)


def started(box, **options):
    one = box(["sleep", "600"])
    with one.start(None, **options) as connection:
        shimclient.wait_started(connection)
    return one


@pytest.mark.parametrize("terminal", [False, True])
def test_a_helper_killed_at_each_of_its_boundaries_leaves_no_child(box, until, terminal):
    steps = boundaries(started(box), terminal)
    assert steps >= 7
    for number in range(steps):
        one = started(box, crash=f"helper:{number}")
        init = one.status["pid"]
        told = pytest.raises(shimclient.ShimError, match="helper that joins the container died")
        with begin_exec(one, "sleep", "77", terminal=terminal) as connection, told:
            connection.expect(p.STARTED)
        until(lambda: children(one.shim_pid) == {init} and members(one) == {init}, 30)  # noqa: B023 - called at once
        shimclient.signal_container(one.folder, 9, stop=True)
        os.close(one.lock(wait=True))  # process 1 could end: nobody of its namespace is unreaped
        assert one.status["state"] == "exited", number


@pytest.mark.lane("host", "guest")
def test_a_helper_killed_while_it_joins_a_frozen_container(box, until):
    """The child stands still in the cgroup, the helper is killed, another exec goes on; then everything thaws."""
    one = started(box)
    with begin_exec(one, "sleep", "600") as other:
        (innocent,) = p.STARTED_PAYLOAD.unpack(other.expect(p.STARTED)[0])
        init, shim = one.status["pid"], one.shim_pid
        known = {init, innocent}
        until(lambda: children(shim) == known, 30)
        cgroup = Cgroup(Hierarchy.detect(), one.config["cgroup"])
        cgroup.freeze()
        try:
            with begin_exec(one, "sleep", "77") as connection:
                until(lambda: len(members(one)) > len(known), 30)  # the helper's child has come, and stands
                (helper,) = children(shim) - known
                os.kill(helper, 9)
                cgroup.thaw()
                with pytest.raises(shimclient.ShimError, match="helper that joins the container died"):
                    connection.expect(p.STARTED)
        finally:
            cgroup.thaw()
        until(lambda: children(shim) == known and members(one) == known, 30)
        assert ProcessStat.of(innocent).state not in "ZX"
        with begin_exec(one, "true") as further:
            further.expect(p.STARTED)
            assert further.expect(p.EXIT)[0][0] == 0
        shimclient.signal_container(one.folder, 9, stop=True)
        assert other.expect(p.EXIT)[0][0] == 137
