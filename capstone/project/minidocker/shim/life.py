"""One life of the container's process: starting it, its streams, what its end means.

What belongs here: what is made for each start and closed at each end. What does not: the steps (``container.py``), the
shim's own life around it (``main.py``).
"""

from __future__ import annotations

import os
from time import monotonic

from . import protocol as p
from .streams import Input, Output, Stdio, keep_slave

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from section01_processes import Child

    from .main import Shim
    from .status import Status


class Life:
    """One life of the container's process: the process, the shim's ends of its streams, what is held for it."""

    __slots__ = ("began", "child", "console", "ended", "held", "outputs", "slave", "stdin")

    def __init__(self, child: Child, stdin: Input, outputs: list[Output]) -> None:
        self.child = child
        self.stdin = stdin
        self.outputs = outputs
        self.console = self.slave = -1
        self.held: list[int] = []  # published ports
        self.began = monotonic()
        self.ended = False

    def close(self) -> None:
        """Close what is open; output that was not drained is lost."""
        self.stdin.close()
        for output in self.outputs:
            output.close()
        for fd in (self.console, self.slave, *self.held):
            if fd >= 0:
                os.close(fd)
        self.child.close()


def start_life(shim: Shim) -> Life:
    """Run the plan of one life and take over its streams. Raises what went wrong; nobody lives then."""
    from section08_oci import abandon, created

    from .container import make_options, plan_life

    config, terminal = shim.config, bool(shim.config.get("tty"))
    stdio = None if terminal else Stdio(open_stdin=bool(config.get("open_stdin")))
    options = make_options(
        shim.folder,
        config,
        stdio=stdio.theirs if stdio else (0, 1, 2),
        console_size=shim.size,
        close_first=(shim.lock,),
        record_fd=shim.record,
        crash=shim.crash,
    )
    slots: dict[str, Any] = {}
    try:
        plan = plan_life(shim.folder, shim.spec, options, shim.status)["shim"]
        plan.run(slots, shim.recorder(shim.prepared))
    except BaseException:
        abandon(slots)
        if stdio:
            stdio.close()
        for fd in held(slots):
            os.close(fd)
        raise
    made = created(slots)
    if made.netns >= 0:
        os.close(made.netns)  # an open descriptor would keep the network namespace alive
    if slots.get("address"):
        shim.status.address = slots["address"]
        shim.status.write(shim.folder)
    life = watch_terminal(shim, made.child, made.console) if terminal else watch_pipes(shim, made.child, stdio)
    life.held = held(slots)
    return life


def held(slots: dict[str, Any]) -> list[int]:
    """Return the descriptors that hold published ports; they stay open until the endpoint is released."""
    if "held0" not in slots:
        return []
    from section06_network import held_ports

    return held_ports(slots)


def watch_pipes(shim: Shim, child: Child, stdio: Stdio | None) -> Life:
    """Return the life of ``child`` whose streams are pipes."""
    assert stdio
    stdio.close_theirs()
    loop, tell = shim.loop, shim.door.tell
    outputs = [Output(fd, kind, loop, shim.log, tell) for fd, kind in ((stdio.out, p.OUT), (stdio.err, p.ERR))]
    return Life(child, Input(stdio.inp, loop, shim.door.resume), outputs)


def watch_terminal(shim: Shim, child: Child, console: int) -> Life:
    """Return the life of ``child`` that has a terminal, whose master is ``console``."""
    os.set_blocking(console, False)
    slave = keep_slave(console)
    life = Life(
        child,
        Input(os.dup(console), shim.loop, shim.door.resume),
        [Output(os.dup(console), p.OUT, shim.loop, shim.log, shim.door.tell)],
    )
    life.console, life.slave = console, slave
    return life


def has_own_pids(spec: dict[str, Any]) -> bool:
    """Tell whether the container has a pid namespace of its own: then nothing of it outlives its process 1."""
    return any(n["type"] == "pid" and not n.get("path") for n in spec.get("linux", {}).get("namespaces", ()))


def was_oom_killed(path: str) -> bool:
    """Tell whether the kernel killed a process of the container for want of memory."""
    from section03_cgroups import Cgroup, ControllerMissing, Hierarchy

    try:
        return Cgroup(Hierarchy.detect(), path).oom_kills() > 0
    except (ControllerMissing, OSError):
        return False


def decide(config: dict[str, Any], status: Status, uptime: float, last_delay: float | None) -> float | None:
    """Return after how many seconds the restart policy wants another start, or None."""
    text = config.get("restart") or "no"
    if text == "no":
        return None
    from section09_init import RestartPolicy

    policy = RestartPolicy.parse(text)
    return policy.decide(status.exit_code, status.restarts, status.stopped, uptime=uptime, last_delay=last_delay)
