"""What commands do to a process, by name or by pid: signal, stop, pause, wait, each planned first.

What belongs here: plans and their actions. What does not: starting (``detached.py``), printing.
"""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

from .. import handle
from ..core.plan import Slot, Step, action
from ..core.spawn import Child
from ..core.stat import ProcessStat
from ..core.tree import ProcessTree
from ..errors import LcmError
from ..files import read_json
from ..identity import ProcessIdentity
from ..messages import connect_unix, recv_message, send_message
from ..signals import default_action, signal_number
from . import door, place
from .detached import remove_folder, take_folder
from .managed import Managed

if TYPE_CHECKING:
    from typing import Any

PROCESS, ENDED, REACHED, LOCK = Slot("process"), Slot("ended"), Slot("reached"), Slot("lock")
PATIENCE = 15.0  # seconds for a supervisor to record an end


def plan_signal(target: Managed | int, name: str) -> list[Step]:
    """Return the steps that send signal ``name`` to one process."""
    return [
        _hold(target),
        Step(send_signal, PROCESS, name, about=f"its default action: {default_action(signal_number(name))}"),
    ]


def plan_stop(target: Managed | int, timeout: float) -> list[Step]:
    """Return the steps that end a process, SIGTERM first; slot ``ended`` says which signal was needed."""
    if isinstance(target, int):
        return [_hold(target), Step(end_process, PROCESS, timeout, about="SIGKILL after the grace", out=ENDED)]
    folder = target.folder
    if target.supervised:
        return [
            Step(forbid_restart, folder, about="asked at its supervisor's door"),
            Step(end_named, folder, timeout, about="SIGKILL after the grace", out=ENDED),
            Step(await_supervisor, folder, PATIENCE, about="it records the exit status"),
        ]
    return [
        Step(take_folder, folder, about="nobody supervises it", out=LOCK),
        Step(end_orphan, folder, timeout, about="checked by boot id, pid and start time", out=ENDED),
        Step(record_end, folder, LOCK, about="nobody can tell its exit status"),
    ]


def plan_pause(target: Managed | int, name: str) -> list[Step]:
    """Return the steps that send SIGSTOP or SIGCONT to all processes of its session, or of the group that it leads."""
    if isinstance(target, Managed):
        return [_hold(target), Step(signal_session, PROCESS, name, about="its whole session", out=REACHED)]
    if not _leads_group(target):
        return [_hold(target), Step(send_signal, PROCESS, name, about="it leads no group: it alone")]
    return [_hold(target), Step(signal_group, PROCESS, name, about="every process of the group it leads", out=REACHED)]


def plan_remove(state: str, name: str, *, force: bool, running: bool) -> list[Step]:
    """Return the steps that forget a name; with ``force`` the process is killed first."""
    folder = os.path.join(state, name)
    steps = []
    if running and force:
        steps.append(Step(kill_named, folder, about="SIGKILL"))
    steps.append(Step(take_folder, folder, about="nobody may supervise it", out=LOCK))
    steps.append(Step(remove_folder, state, name))
    return steps


def _leads_group(pid: int) -> bool:
    """Whether ``pid`` is the number of its own process group."""
    try:
        return ProcessStat.of(pid).pgrp == pid
    except ProcessLookupError:
        return False


def _hold(target: Managed | int) -> Step:
    """Return the step that opens the pidfd."""
    if isinstance(target, int):
        return Step(hold, target, out=PROCESS)
    return Step(hold_named, target.folder, about="checked by boot id, pid and start time", out=PROCESS)


@action("pidfd_open(2)")
def hold(pid: int) -> Child:
    """Open the process that has ``pid`` now."""
    return handle.open_process(pid)


@action("pidfd_open(2), proc_pid_stat(5)")
def hold_named(folder: str) -> Child:
    """Open the named process, if this very process lives. Raises ProcessGone."""
    return read(folder).open()


@action("pidfd_send_signal(2)")
def send_signal(process: Child, name: str) -> None:
    """Send one signal to one process. Raises ProcessGone, PermissionError."""
    try:
        if not process.signal(signal_number(name)):
            raise handle.ProcessGone(f"no process {process.pid}")
    except PermissionError as error:
        raise _foreign(process) from error


def _foreign(process: Child) -> LcmError:
    """Return the error that says why ``process`` cannot be signalled; see kill(2) for who may."""
    return LcmError(f"cannot signal process {process.pid}: it belongs to another user", hint="root may: sudo")


@action("pidfd_send_signal(2)")
def signal_session(process: Child, name: str) -> list[int]:
    """Send a signal to every process of the session that ``process`` leads; return their pids."""
    wanted = handle.in_session(process.pid)
    handle.check_not_ourselves(wanted, f"session {process.pid}")
    return handle.signal_all(signal_number(name), wanted, process)


@action("pidfd_send_signal(2)")
def signal_group(process: Child, name: str) -> list[int]:
    """Send a signal to every process of the group that ``process`` leads; return their pids."""
    wanted = handle.in_group(process.pid)
    handle.check_not_ourselves(wanted, f"process group {process.pid}")
    return handle.signal_all(signal_number(name), wanted, process)


@action("pidfd_send_signal(2), poll(2)")
def end_process(process: Child, timeout: float) -> str:
    """SIGTERM, then SIGKILL once ``timeout`` seconds have passed; return the signal that was needed."""
    try:
        return handle.end_process(process, timeout)
    except PermissionError as error:
        raise _foreign(process) from error


@action("pidfd_open(2), pidfd_send_signal(2), poll(2)")
def end_named(folder: str, timeout: float) -> str:
    """End the process of ``folder`` as ``end_process`` does; "" when there was none any more."""
    try:
        with hold_named(folder) as process:
            return handle.end_process(process, timeout)
    except handle.ProcessGone:
        return ""


@action("pidfd_open(2), pidfd_send_signal(2), poll(2)")
def end_orphan(folder: str, timeout: float) -> str:
    """End an orphan as ``end_process`` does, then kill the rest of its session, as its supervisor would have done."""
    try:
        with hold_named(folder) as process:
            rest = _others(process)
            ended = handle.end_process(process, timeout)
            for child in rest:
                child.signal(9)
                child.close()
            return ended
    except handle.ProcessGone:
        return ""


def _others(leader: Child) -> list[Child]:
    """Return handles of the other processes of the session that ``leader`` leads, opened while it lives."""
    found = []
    for stat in ProcessTree.read().processes.values():
        if stat.session == leader.pid != stat.pid:
            try:
                child = handle.open_process(stat.pid)
            except LcmError:
                continue
            if leader.signal(0) and _session(child.pid) == leader.pid:
                found.append(child)
            else:
                child.close()
    return found


def _session(pid: int) -> int:
    """Return the session of ``pid``; 0 when it is gone."""
    try:
        return ProcessStat.of(pid).session
    except ProcessLookupError:
        return 0


@action("flock(2), rename(2)")
def record_end(folder: str, lock: int) -> None:
    """Record that a process without a supervisor has ended; give its lock back."""
    status = read(folder).status
    status.state, status.stopped, status.changed = "exited", True, time.time()
    status.exit_code, status.error = None, "its supervisor was killed; nobody knows how it ended"
    status.write(os.path.join(folder, place.STATE))
    os.close(lock)


@action("unix(7)")
def forbid_restart(folder: str, number: int = 0) -> None:
    """Tell the supervisor that the user wants the process to end (and to send it signal ``number``)."""
    try:
        sock = connect_unix(os.path.join(folder, place.SOCKET))
    except OSError:
        return  # it has ended meanwhile
    try:
        send_message(sock, door.STOP + bytes([number]))
        recv_message(sock)
    except OSError:
        pass
    finally:
        os.close(sock)


@action("poll(2)")
def await_supervisor(folder: str, timeout: float | None) -> None:
    """Wait until nobody supervises ``folder`` any more. Raises LcmError after ``timeout`` seconds."""
    deadline = None if timeout is None else time.monotonic() + timeout
    while place.supervised(folder):
        left = None if deadline is None else deadline - time.monotonic()
        if left is not None and left <= 0:
            raise TimeoutError(f"process {os.path.basename(folder)!r} is supervised still, after {timeout:g} s")
        supervisor = _supervisor(folder)
        if supervisor is None:  # it has not recorded itself yet, or its lock is held by a command
            time.sleep(0.02)
            continue
        with supervisor:
            handle.wait_end(supervisor, left)


def _supervisor(folder: str) -> Child | None:
    """Return a handle of the supervisor, if one has recorded itself and lives."""
    try:
        text = read_json(os.path.join(folder, place.STATE))["supervisor"]
        return handle.open_identity(ProcessIdentity.parse(text))
    except (OSError, LcmError, TypeError, KeyError):
        return None


@action("unix(7), pidfd_send_signal(2)")
def kill_named(folder: str) -> None:
    """Kill the process and wait for its supervisor's end; needs no readable state where a supervisor lives."""
    if place.supervised(folder):
        forbid_restart(folder, 9)
        await_supervisor(folder, PATIENCE)
    else:
        end_orphan(folder, 0)


def read(folder: str) -> Managed:
    """Return the named process of ``folder``. Raises NoSuchName, DamagedState."""
    return Managed.read(os.path.dirname(folder), os.path.basename(folder))


def close(slots: dict[str, Any]) -> None:
    """Close what a plan has opened."""
    process = slots.pop("process", None)
    if process is not None:
        process.close()
