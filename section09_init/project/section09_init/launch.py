"""The launcher behind ``initman run``: an init in a pid namespace of its own, or as a subreaper where we are.

What belongs here: the plans and the two processes. What does not: the init itself (``core/init.py``).
"""

from __future__ import annotations

import os
import signal

from section01_processes import Plan, Step, action, find_program, set_death_signal, set_subreaper, spawn
from section02_namespaces import CLONE_NEWNS, CLONE_NEWPID, plan_namespaces
from section04_filesystem import mount, plan_private_mounts

from .core.init import FAULTS, run_init

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import NoReturn

MS_NOSUID, MS_NODEV, MS_NOEXEC = 2, 4, 8


@action("prctl(2)")
def become_subreaper() -> None:
    """Let the orphans among our descendants become our children, as they become PID 1's. PR_SET_CHILD_SUBREAPER."""
    set_subreaper()


@action("prctl(2)")
def die_with_parent(number: int) -> None:
    """Ask for signal ``number`` when the launcher dies."""
    set_death_signal(number)


@action("fork(2), sigwait(3), waitpid(2)")
def become_init(path: str, argv: Sequence[str], env: Sequence[str]) -> NoReturn:
    """Fork the program, pass signals on, reap, and exit as it exits."""
    run_init(path, [os.fsencode(word) for word in argv], [os.fsencode(pair) for pair in env])


def plan_run(argv: Sequence[str], environment: dict[str, str], *, new_pid_namespace: bool) -> tuple[Plan, Plan]:
    """Return the launcher's plan and the init's. Raises ProgramNotFound, ProgramNotExecutable."""
    path = find_program(argv[0], environment.get("PATH", ""), "")
    pairs = tuple(f"{name}={value}" for name, value in environment.items())
    last = Step(become_init, path, tuple(argv), pairs, about="the program becomes our child, not us")
    if not new_pid_namespace:
        return Plan("child", []), Plan("init", [Step(become_subreaper, about="orphans come to us"), last])
    outside = [*plan_namespaces(CLONE_NEWPID | CLONE_NEWNS), *plan_private_mounts("rprivate")]
    inside = [
        Step(die_with_parent, int(signal.SIGKILL), about="no init without its launcher"),
        Step(mount, "proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, about="only what is in here"),
        last,
    ]
    return Plan("child", outside), Plan("init", inside)


def run(outside: Plan, inside: Plan) -> int:
    """Run the init; return the program's exit code. Changes the calling process: a tool's own, nobody else's.

    Without a step for the launcher the caller *is* the init, and this does not return.
    """
    if not outside.steps:
        inside.run({})
    outside.run({})

    def be_the_init() -> None:
        inside.run({})

    passed_on = signal.valid_signals() - FAULTS - {signal.SIGCHLD, signal.SIGKILL, signal.SIGSTOP, signal.SIGTSTP}
    signal.pthread_sigmask(signal.SIG_BLOCK, passed_on)  # until there is somebody to pass them on to
    with spawn(be_the_init) as init:
        for number in passed_on:
            signal.signal(number, lambda number, _: init.signal(number) and None)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, passed_on)
        return init.wait()
