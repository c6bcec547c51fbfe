"""``exec``: one more process in a container that runs.

    runtime ─fork─▶ child: cgroup, namespaces of the target ─clone(CLONE_PARENT)─▶ process: session, user, …, execve

The process is the runtime's own child, as the init is: it can be waited for, and no subreaper is needed. The order is
what keeps it safe: undumpable before it joins anything; all namespaces in one setns(2) on a pidfd (the mount namespace
changes root and cwd, so no directory of the host stays open); the pid namespace last, by the fork.

What belongs here: the plans of exec and the operation. What does not: what a process becomes (``core/become.py``).
"""

from __future__ import annotations

import os

from section01_processes import Plan, Slot, Step, action, become_undumpable, close_descriptors, lead_session, open_pidfd
from section02_namespaces import differing_kinds, plan_enter, setgroups_denied

from . import knobs
from .bundle import Bundle, check_process
from .console import await_console
from .core.become import plan_become, plan_bounding, plan_execute
from .core.family import Program, as_child, await_init, fork_child, fork_init, reap_child
from .core.protocol import Channel, open_channel, recv_end
from .core.state import RUNNING, State
from .inside import CHANNEL, plan_death, plan_join_cgroup, plan_stdio
from .life import Created, open_init, run_plan
from .options import capabilities_held

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .options import ExecOptions

PID: Any = Slot("pid", "the process's pid")
PIDFD: Any = Slot("pidfd", "its pidfd")
CHILD: Any = Slot("child", "the child")


class Target:
    """The container that is entered: its init's ``pidfd`` and ``pid``, its cgroup's path ("": none), its config."""

    __slots__ = ("cgroup_path", "pid", "pidfd", "spec")

    def __init__(self, pidfd: int, pid: int, cgroup_path: str, spec: dict[str, Any]) -> None:
        self.pidfd = pidfd
        self.pid = pid
        self.cgroup_path = cgroup_path
        self.spec = spec

    @classmethod
    def of(cls, folder: str) -> Target:
        """Return the running container of a state folder; the caller closes ``pidfd``. Raises IllegalTransition."""
        record = State.load(folder)
        record.require(RUNNING, to="exec in")
        spec = Bundle(record.values["bundle"]).spec
        return cls(open_init(record).pidfd, record.pid, record.values.get("cgroup", ""), spec)


def exec_process(target: Target | str, process: dict[str, Any], options: ExecOptions) -> Created:
    """Run ``process`` (as in config.json) in the container; return when it has exec'd. Raises what kept it from that.

    ``target`` may be a state folder. ``.child`` of the result is the process, our own child.
    """
    if isinstance(target, str):
        found = Target.of(target)
        try:
            return exec_process(found, process, options)
        finally:
            os.close(found.pidfd)
    return run_plan(plan_exec(target, process, options)[options.process], options, {})


def plan_exec(target: Target, process: dict[str, Any], options: ExecOptions) -> dict[str, Plan]:
    """Return the plans of the caller, the child and the process."""
    check_process(process)
    kinds = differing_kinds(target.pid)
    final = plan_process(target, process, options, kinds)
    child = _plan_child(target, process, options, kinds, Program(final, options.record_fd, options.crash))
    steps = [
        Step(open_channel, about="a socket pair for child and process", out=CHANNEL),
        Step(fork_child, CHANNEL, Program(child, options.record_fd, options.crash), about="the child", out=CHILD),
        Step(await_init, CHANNEL, CHILD, about="the child has joined and forked", out=PID),
        Step(open_pidfd, PID, about="a handle that never means another process", out=PIDFD),
        Step(as_child, PID, PIDFD, about="it is our own child", out=Slot("init", "the process")),
        Step(reap_child, CHILD, about="the child's work is done"),
    ]
    if process.get("terminal"):
        steps.append(Step(await_console, CHANNEL, about="the terminal's master", out=Slot("console", "pty master")))
    steps.append(Step(await_exec, CHANNEL, about="its end of the channel closes at execve"))
    return {options.process: Plan(options.process, steps), "child": child, "exec": final}


@action("execve(2)")
def await_exec(channel: Channel) -> None:
    """Wait until the other end is closed: by execve(2), or by an end whose exit status will tell."""
    recv_end(channel)


def _plan_child(
    target: Target, process: dict[str, Any], options: ExecOptions, kinds: tuple[str, ...], final: Program
) -> Plan:
    """Return the child's plan: cgroup first, so that nothing done inside is uncounted; then the namespaces."""
    path = options.cgroup_path or target.cgroup_path
    steps = [
        Step(close_descriptors, options.close_first, about="what is the caller's alone"),
        *plan_join_cgroup(options, options.cgroup(path) if path else None),
    ]
    if process.get("oomScoreAdj") is not None:
        score = process["oomScoreAdj"]
        steps.append(Step(knobs.adjust_oom_score, score, about=f"oom_score_adj {score}"))
    steps.append(Step(become_undumpable, about="before anything of the container can see us"))
    if "user" not in kinds:
        steps += plan_bounding(process)
    steps += plan_enter(target.pidfd, kinds)
    if "user" in kinds:
        steps.append(Step(knobs.become_root_inside, about="root of the container's user namespace"))
    steps.append(Step(fork_init, CHANNEL, final, about="the process, in the pid namespace, as the caller's child"))
    return Plan("child", steps)


def plan_process(target: Target, process: dict[str, Any], options: ExecOptions, kinds: tuple[str, ...]) -> Plan:
    """Return the plan of the process itself."""
    seccomp, flags = options.seccomp(target.spec)
    denied = options.in_userns and setgroups_denied()
    held = capabilities_held(process, "user" in kinds)
    early, late = knobs.plan_rlimits(process)
    return Plan(
        "exec",
        [
            Step(lead_session, about="a session of its own"),
            Step(knobs.new_keyring, about="a keyring of its own"),
            *early,
            *plan_stdio(process, options, console=False),
            *(plan_bounding(process) if "user" in kinds else []),  # joining a user namespace fills the set again
            *plan_become(process, seccomp, flags, not denied, held),
            *plan_death(options),
            *late,
            *plan_execute(process, seccomp),
        ],
    )
