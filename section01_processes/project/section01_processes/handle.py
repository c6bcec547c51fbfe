"""Hold a process that is not our child: by pidfd, opened first and checked against its identity then.

What belongs here: opening, signalling a whole session or group, waiting for the end. What does not: our own children
(``core/spawn.py``), and what the user named (``manager/``).

The order matters: the pidfd is opened, *then* the start time is read. If it is the one we know, our process still had
its pid after the opening, so the pidfd is its; a pid that has been given to somebody else is never signalled.
"""

from __future__ import annotations

import os
import select

from .core.spawn import Child
from .core.stat import ProcessStat
from .core.tree import ProcessTree
from .errors import LcmError
from .identity import ProcessIdentity

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal as _signal
    from collections.abc import Callable
else:
    import _signal

ROUNDS = 20  # of looking for processes that were forked while we stopped or killed the others


class ProcessGone(LcmError):
    """The process that was meant has ended (exit code 1)."""

    exit_code = 1


def open_process(pid: int) -> Child:
    """Return a handle of the process that has ``pid`` now; it can be polled and signalled, not reaped.

    Raises ProcessGone.
    """
    try:
        return Child(pid, os.pidfd_open(pid))
    except ProcessLookupError as error:
        raise ProcessGone(f"no process {pid}") from error
    except OSError as error:  # EINVAL: a thread that is no group leader; ENOENT (6.15 on)
        raise LcmError(f"cannot open process {pid}: {error.strerror}", hint="the number of a thread?") from error


def open_identity(identity: ProcessIdentity) -> Child:
    """Return a handle of exactly this process. Raises ProcessGone when it has ended, whoever has its pid now."""
    child = open_process(identity.pid)
    try:
        now = ProcessIdentity.of(identity.pid)
    except ProcessLookupError:
        child.close()
        raise ProcessGone(f"no process {identity.pid}") from None
    if now != identity:
        child.close()
        raise ProcessGone(f"process {identity.pid} has ended; its pid belongs to another process now: not touched")
    return child


def wait_end(child: Child, seconds: float | None = None) -> bool:
    """Wait until the process has ended (a zombie has), at most ``seconds``; return whether it has. poll(2)."""
    waiter = select.poll()
    waiter.register(child.pidfd, select.POLLIN)
    return bool(waiter.poll(None if seconds is None else max(0, int(seconds * 1000 + 0.999))))


def end_process(child: Child, seconds: float) -> str:
    """End it: SIGTERM (and SIGCONT, should it be stopped), after ``seconds`` SIGKILL; return what was needed.

    ``""``: it had ended before. Raises LcmError when not even SIGKILL ended it, PermissionError.
    """
    if wait_end(child, 0):
        return ""
    child.signal(_signal.SIGTERM)
    if _stopped(child.pid):  # only then does it hear the first
        child.signal(_signal.SIGCONT)
    if wait_end(child, seconds):
        return "SIGTERM"
    kill(child)
    return "SIGKILL"


def _stopped(pid: int) -> bool:
    """Whether ``pid`` is stopped."""
    try:
        return ProcessStat.of(pid).state == "T"
    except ProcessLookupError:
        return False


def kill(child: Child) -> None:
    """Send SIGKILL and see it end. Raises LcmError when it does not, which a process in the kernel's hands may do."""
    child.signal(_signal.SIGKILL)
    if not wait_end(child, 10):
        raise LcmError(
            f"process {child.pid} has not ended 10 s after SIGKILL",
            hint="state D waits for a device, no signal reaches it: see procman status",
        )


def await_gone(pid: int, seconds: float = 5.0) -> None:
    """Wait until the process that has ``pid`` now has ended, at most ``seconds``."""
    try:
        with open_process(pid) as process:
            wait_end(process, seconds)
    except LcmError:
        return


def in_session(session: int) -> Callable[[ProcessStat], bool]:
    """Return the question whether a process is in ``session``."""
    return lambda stat: stat.session == session


def in_group(group: int) -> Callable[[ProcessStat], bool]:
    """Return the question whether a process is in process group ``group``."""
    return lambda stat: stat.pgrp == group


def signal_all(number: int, wanted: Callable[[ProcessStat], bool], leader: Child) -> list[int]:
    """Send ``number`` to every living process that is ``wanted``; return the pids, sorted.

    While ``leader`` is there, or a zombie, no other session or group can have its number; so what is found is its.
    Processes that fork meanwhile are found by looking again until nobody new is there. Raises PermissionError.
    """
    reached: set[int] = set()
    for _ in range(ROUNDS):
        found = [s.pid for s in ProcessTree.read().processes.values() if wanted(s) and s.state not in "ZX"]
        new = [pid for pid in found if pid not in reached and _signal_one(pid, number, wanted, leader)]
        if not new:
            break
        reached.update(new)
    return sorted(reached)


def _signal_one(pid: int, number: int, wanted: Callable[[ProcessStat], bool], leader: Child) -> bool:
    """Signal ``pid`` if it is still wanted once it is held, and the leader's number still the leader's."""
    try:
        with open_process(pid) as process:
            if not wanted(ProcessStat.of(pid)):
                return False
            return leader.signal(0) and process.signal(number)  # the leader: False once it has been reaped
    except (ProcessGone, ProcessLookupError):
        return False


def check_not_ourselves(wanted: Callable[[ProcessStat], bool], what: str) -> None:
    """Raise LcmError if this very process is one of those that are to be stopped."""
    if wanted(ProcessStat.of("self")):
        raise LcmError(f"this command itself is in {what}", hint="stop it from another terminal")
