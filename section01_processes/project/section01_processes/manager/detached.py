"""A detached process's start: the folder is made, its supervisor started, its answer awaited; all as a plan.

What belongs here: the actions and their order. What does not: the supervisor's life (``supervisor.py``).
"""

from __future__ import annotations

import os
import sys

from ..core.plan import Slot, Step, action
from ..errors import ChildFailed, LcmError
from ..files import parse_json
from ..interpreter import NULL, start_interpreter
from . import place

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .record import Spec

#: The supervisor's whole environment; the process's comes from its spec.
ENVIRONMENT = ("PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C.UTF-8")
LOCK, READY, PID = Slot("lock"), Slot("ready"), Slot("pid")


def plan_detached(state: str, name: str, spec: Spec, record: int = -1) -> list[Step]:
    """Return the steps of the command that starts a detached process; the slot ``pid`` has its pid then. Pure."""
    return [
        Step(claim_name, state, name, spec, about="0700; from here on the name is taken", out=LOCK),
        *plan_supervised(os.path.join(state, name), record),
    ]


def plan_supervised(folder: str, record: int = -1) -> list[Step]:
    """Return the steps that start the process of ``folder``, whose lock is in the slot ``lock``. Pure."""
    return [
        Step(start_supervisor, folder, LOCK, record, about="own session, nobody's child", out=READY),
        Step(await_start, READY, about="until the program has been executed", out=PID),
    ]


@action("mkdir(2), flock(2), rename(2)")
def claim_name(state: str, name: str, spec: Spec) -> int:
    """Make the folder of ``name`` with its lock held and its spec written; return the lock. Raises LcmError: taken.

    It gets its name by rename, when it is complete.
    """
    place.make_state_folder(state)
    folder = os.path.join(state, name)
    with place.StateLock(state):
        if os.path.lexists(folder):
            raise LcmError(f"the name {name!r} is taken", hint=f"procman status {name}; procman rm {name} frees it")
        new = os.path.join(state, f".{name}.new")
        _remove(new)  # of a command that was killed here
        os.mkdir(new, 0o700)
        lock = place.take_lock(os.path.join(new, place.LOCK))
        spec.write(os.path.join(new, place.SPEC))
        os.rename(new, folder)
    return lock


@action("flock(2)")
def take_folder(folder: str) -> int:
    """Take the lock of a process that nobody supervises; return it. Raises LcmError when somebody does."""
    lock = place.take_lock(os.path.join(folder, place.LOCK), 5)
    if lock < 0:
        raise LcmError(f"process {os.path.basename(folder)!r} has a supervisor", hint="it runs, or is being started")
    return lock


@action("fork(2), setsid(2), execve(2)")
def start_supervisor(folder: str, lock: int, record: int) -> int:
    """Start the supervisor of ``folder``, which inherits the lock; return the pipe that its answer comes from."""
    log = os.open(
        os.path.join(folder, place.SUPERVISOR_LOG),
        os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW,
        0o600,
    )
    ready, writer = os.pipe2(os.O_CLOEXEC)
    script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "__main__.py")
    name = os.path.basename(folder)
    try:
        supervisor = start_interpreter(
            [script, name, f"folder={folder}", f"lock={lock}", f"ready={writer}", f"record={record}"],
            readonly=False,  # nothing of it enters a container
            stdin=NULL,
            stdout=log,
            stderr=log,
            inherit=[fd for fd in (lock, writer, record) if fd >= 0],
            env=ENVIRONMENT,
            cwd="/",
            new_session=True,
            double_fork=True,
            executable=sys.executable,
        )
        supervisor.close()
    except BaseException:
        os.close(ready)
        raise
    finally:
        for fd in (log, writer, lock):
            os.close(fd)
    return ready


@action("pipe(7)")
def await_start(ready: int) -> int:
    """Wait for the supervisor's answer; return the process's pid. Raises ChildFailed with what it reported."""
    with open(ready, "rb") as pipe:
        data = pipe.read()
    if not data:
        raise LcmError("the supervisor died before it had started the process", hint="its supervisor.log says more")
    answer = parse_json(data)
    if answer["error"]:
        raise ChildFailed(answer["error"], exit_code=answer["exit_code"])
    pid: int = answer["pid"]
    return pid


@action("rename(2), unlink(2)")
def remove_folder(state: str, name: str) -> None:
    """Forget ``name``, its state and its log; the name is free at once. Idempotent."""
    gone = os.path.join(state, f".{name}.removed")
    with place.StateLock(state):
        _remove(gone)  # of a command that was killed here
        try:
            os.rename(os.path.join(state, name), gone)
        except FileNotFoundError:
            return
        _remove(gone)


def _remove(folder: str) -> None:
    """Remove a folder with all that is in it, if it is there."""
    import shutil

    if os.path.lexists(folder):
        shutil.rmtree(folder)
