"""Three processes: how runtime, child and init are born, and how an error gets out of them.

    runtime ──fork──▶ child ──clone(CLONE_PARENT)──▶ init        (init's parent is the *runtime*)
       │                └── exits                      │
       └──────────── waits through a pidfd ◀───────────┘

Why three: unshare(CLONE_NEWPID) and setns(2) into a pid namespace move only the *next* process that is forked, so
somebody must enter the namespaces and fork once more. Why CLONE_PARENT: the init then is the runtime's own child, which
alone can wait for its exit status, and the middle process can go. Nobody executes a second interpreter: all modules
are loaded before the first fork, all plans are made before it, and the forks just run them.

What belongs here: forking and reporting. What does not: the steps (``become.py``, ``plans.py``).
"""

from __future__ import annotations

import gc
import os
from _struct import Struct
from select import POLLHUP, poll

from section01_processes import Child, Plan, Recorder, action, set_death_signal, spawn
from section02_namespaces import fork_sibling

from ..errors import PeerDied, exit_code_of, pack_error
from .protocol import ERROR, INIT, Channel

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NoReturn

PID = Struct("=I")


class Program:
    """What a forked process will run: its plan, and where its records go."""

    __slots__ = ("crash", "plan", "record_fd")

    def __init__(self, plan: Plan, record_fd: int = -1, crash: str = "") -> None:
        self.plan, self.record_fd, self.crash = plan, record_fd, crash

    def __repr__(self) -> str:
        return f"<the plan of {self.plan.process}: {len(self.plan.steps)} steps>"

    def run(self, channel: Channel, fifo: int = -1) -> NoReturn:
        """Run the plan as the process that was just forked; report an error; never return."""
        gc.disable()  # no collection, hence no surprise, between the seccomp filter and execve
        slots: dict[str, Any] = {"channel": channel, "fifo": fifo}
        code = 0
        try:
            channel.settle(inside=True)
            wanted = self.record_fd >= 0 or self.crash
            self.plan.run(slots, Recorder(self.record_fd, self.plan.process, self.crash) if wanted else None)
        except BaseException as error:
            code = exit_code_of(error)
            _report(error, self.plan.process, slots)
        finally:
            os._exit(code)


def _report(error: BaseException, process: str, slots: dict[str, Any]) -> None:
    """Send ``error`` to whoever listens: the starter behind the gate, or before it the runtime."""
    payload = pack_error(error, process)
    try:
        if "gate" in slots:
            os.write(slots["gate"], payload)
        else:
            slots["channel"].send(ERROR, payload)
    except (OSError, PeerDied):
        pass  # nobody is there any more; the exit code remains


@action("fork(2)")
def fork_child(channel: Channel, program: Program) -> Child:
    """Fork the child, which runs ``program``; from now on the runtime holds its own end of the channel only."""
    child = spawn(lambda: program.run(channel))
    channel.settle(inside=False)
    return child


@action("clone(2)")
def fork_init(channel: Channel, program: Program, fifo: int = -1, netns: int = -1) -> None:
    """In the child: fork the init as the runtime's child (CLONE_PARENT); send its pid and its network namespace."""
    if (pid := fork_sibling()) == 0:
        program.run(channel, fifo)
    channel.send(INIT, PID.pack(pid), () if netns < 0 else (netns,))


@action("unix(7)")
def await_init(channel: Channel, child: Child) -> int:
    """Wait for the init's pid. It is our own child and nobody has waited for it: the pid cannot mean another."""
    payload, channel.received = channel.expect(INIT, child.pidfd)
    return int(PID.unpack(payload)[0])


@action("waitpid(2)")
def reap_child(child: Child) -> None:
    """Wait for the child, whose work is done."""
    if code := child.wait():
        raise PeerDied(f"the child ended with status {code} after it had forked the init")


@action("unix(7)")
def take_namespace(channel: Channel) -> int:
    """Return the descriptor that came with the init's pid."""
    return channel.received.pop()


@action("pidfd_open(2)")
def as_child(pid: int, pidfd: int) -> Child:
    """Return the init as a Child: something to wait for and to signal."""
    return Child(pid, pidfd)


@action("PR_SET_PDEATHSIG(2const)")
def die_with(channel: Channel, signal: int) -> None:
    """Get ``signal`` when the runtime dies; then verify that it has not died already (its end would be closed)."""
    set_death_signal(signal)
    waiter = poll()
    waiter.register(channel.mine, POLLHUP)
    if waiter.poll(0):
        raise PeerDied("the runtime died while the container was made")
