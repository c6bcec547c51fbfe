"""The life of a container: create, start, kill, delete; one function each, a verb per step.

What belongs here: the operations of the runtime spec (runtime.md "Operations") on one container's state folder. What
does not: the steps of creating (``plans.py``), joining (``enter.py``).
"""

from __future__ import annotations

import os
from select import POLLIN, poll

from section01_processes import Child, LcmError, Plan, ProcessIdentity, Recorder, UsageError
from section03_cgroups import Cgroup, ControllerMissing, Hierarchy

from .bundle import Bundle
from .core import gate
from .core.family import PID
from .core.protocol import ERROR, INIT, Channel
from .core.state import CREATED, CREATING, RUNNING, STOPPED, State
from .core.state import FILE as STATE_FILE
from .errors import ContainerNotFound, IllegalTransition, InsideError, SpecError, unpack_error
from .hooks import run_hooks
from .plans import plan_container
from .record import StateLock

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .options import ExecOptions, Options

#: How long ``delete --force`` waits for what it has killed.
PATIENCE = 10.0


class Created:
    """A container that waits at its gate (or a process that was exec'd into one). The owner closes what it holds.

    child: the init, our own child. console: the terminal's master, or -1. netns: the network namespace, or -1.
    """

    __slots__ = ("child", "console", "netns")

    def __init__(self, child: Child, console: int, netns: int) -> None:
        self.child = child
        self.console = console
        self.netns = netns

    @property
    def pid(self) -> int:
        """The init's pid as the runtime sees it."""
        return self.child.pid


def create(bundle: Bundle, options: Options, slots: dict[str, Any] | None = None) -> Created:
    """Make the container of ``bundle`` up to its start gate.

    Raises what went wrong, wherever it did; then nobody lives any more, and what is left (cgroup, state folder) is for
    ``delete(state_dir, force=True)``.
    """
    plan = plan_container(bundle, options)[options.process]
    return run_plan(plan, options, {} if slots is None else slots)


def run_plan(plan: Plan, options: Options | ExecOptions, slots: dict[str, Any]) -> Created:
    """Run the runtime's own plan, recorded if somebody wants to know; return what it has made.

    Raises what went wrong, wherever it did; then all that had begun has been ended (``abandon``).
    """
    recorded = options.record_fd >= 0 or options.crash
    try:
        plan.run(slots, Recorder(options.record_fd, plan.process, options.crash) if recorded else None)
    except BaseException as error:
        inside = abandon(slots)
        if inside is not None:
            raise inside from error
        raise
    return created(slots)


def created(slots: dict[str, Any]) -> Created:
    """Return what a plan with ``plan_create``'s steps has made; the channel is closed, its work is done."""
    slots["channel"].close()
    slots["child"].close()
    return Created(slots["init"], slots.get("console", -1), slots.get("netns", -1))


def abandon(slots: dict[str, Any]) -> InsideError | None:
    """After an error: kill and reap child and init, close the descriptors. Idempotent; no step needs to have run.

    Returns the error that an ending child or init had sent, if nobody has read it: it is the cause of the caller's own
    (an init that died takes its network namespace along), and worth raising in its place.
    """
    channel = slots.get("channel")
    inside = None
    for name in ("init", "child"):
        process = slots.get(name)
        if process is not None and process.pidfd >= 0:
            process.signal(9)
            process.wait()
            process.close()
    known = _abandon_bare(slots)
    if channel is not None and channel.mine >= 0:
        inside = _last_words(channel, "init" in slots or known) if channel.theirs < 0 else None
        channel.close()
    for name in ("console", "netns"):
        fd = slots.pop(name, -1)
        if fd >= 0:
            os.close(fd)
    return inside


def _abandon_bare(slots: dict[str, Any]) -> bool:
    """End an init of which we have but the pid (no descriptor was left for its pidfd); tell whether there was one.

    It is our own child, and nobody has waited for it: the pid cannot mean another. Once: the slot is emptied.
    """
    pid, pidfd = slots.pop("pid", 0), slots.pop("pidfd", -1)
    if "init" in slots or not pid:
        return False
    from section01_processes import end_child

    if pidfd >= 0:
        os.close(pidfd)
    end_child(pid)
    return True


def _last_words(channel: Channel, init_known: bool) -> InsideError | None:
    """Read what the dead have sent: an error, or the pid of an init that we have not met, which then ends, too.

    Never waits: what the dead child sent is queued, and an init that it had forked without telling us may live and hold
    the other end. That one ends by itself when the channel is closed.
    """
    from section01_processes import end_child

    os.set_blocking(channel.mine, False)
    try:
        while True:
            payload, fds = channel.expect(INIT)
            channel.received += fds
            (pid,) = PID.unpack(payload)
            if not init_known:
                end_child(pid)
    except InsideError as error:
        return error
    except (LcmError, OSError):
        pass  # the end, or nothing more so far
    for data, _ in channel.early:
        if data[:1] == ERROR:
            return unpack_error(data[1:])
    return None


def start(folder: str) -> None:
    """Open the gate of the container in ``folder``; return when its program runs. Raises what kept it from that."""
    with StateLock(folder):
        record = State.load(folder)
        record.require(CREATED, to="start")
        with open_init(record) as init:
            gate.open_gate(folder, init.pidfd)
        os.unlink(f"{folder}/{gate.FILE}")
        record.move(RUNNING)
    run_late_hooks(record, "poststart")


def state(folder: str) -> dict[str, Any]:
    """Return the container's OCI state. Raises ContainerNotFound."""
    return State.load(folder).oci()


def kill(folder: str, signal: int, all: bool = False) -> None:  # noqa: A002 - runc's word for it
    """Send ``signal`` to the init, or to ``all`` processes of the container's cgroup. Raises IllegalTransition."""
    record = State.load(folder)
    cgroup = cgroup_of(record) if all else None
    if cgroup is not None and cgroup.exists():
        cgroup.signal(signal)
        return
    record.require(CREATED, RUNNING, to="signal")
    with open_init(record) as init:
        init.signal(signal)


def delete(folder: str, force: bool = False) -> None:
    """Remove what is left of a container: processes, cgroup, gate, state. With ``force`` it tolerates everything.

    Without ``force`` a running container is refused (IllegalTransition); a created one is killed, as runc does.
    """
    try:
        with StateLock(folder):
            record = _load_anyhow(folder, force)
            if not force:
                record.require(STOPPED, CREATED, to="delete")
            end(record)
            for name in (gate.FILE, STATE_FILE):
                _unlink(f"{folder}/{name}")
            try:
                os.rmdir(folder)
            except OSError:
                pass  # a caller keeps more than ours in it
    except ContainerNotFound:
        if force:
            return
        raise
    run_late_hooks(record, "poststop")


def _load_anyhow(folder: str, force: bool) -> State:
    """Load the state; with ``force`` a folder whose state was never written is a container in creation."""
    try:
        return State.load(folder)
    except (ContainerNotFound, UsageError):
        if not force:
            raise
        return State(folder, {"id": os.path.basename(folder), "status": CREATING})


def end(record: State) -> None:
    """Kill what lives of the container, wait until it is gone, remove its cgroup. Idempotent."""
    if record.pid and record.alive():
        _end_init(record)
    cgroup = cgroup_of(record)
    if cgroup is not None and cgroup.exists():
        cgroup.kill(PATIENCE)
        cgroup.remove()
        _remove_own_parent(cgroup)


def _end_init(record: State) -> None:
    """Kill the init and wait until it is gone; it may go by itself at any moment."""
    try:
        init = open_init(record)
    except IllegalTransition:
        return
    with init:
        init.signal(9)
        waiter = poll()
        waiter.register(init, POLLIN)
        waiter.poll(int(PATIENCE * 1000))


def _remove_own_parent(cgroup: Cgroup) -> None:
    """Remove ``/ociman`` if that was its last child; section 3 makes it again for whoever is just making one."""
    if not cgroup.path.startswith("/ociman/"):
        return
    for mount in cgroup.hierarchy.mounts():
        try:
            os.rmdir(f"{mount}/ociman")
        except OSError:
            continue


def cgroup_of(record: State) -> Cgroup | None:
    """Return the container's cgroup, or None if it never had one."""
    path = record.values.get("cgroup")
    try:
        return Cgroup(Hierarchy.detect(), path) if path else None
    except ControllerMissing:
        return None


def open_init(record: State) -> Child:
    """Return a handle of the init. Raises IllegalTransition if that process is gone, whoever has its number now."""
    try:
        return ProcessIdentity.parse(record.values["identity"]).open()
    except (ProcessLookupError, UsageError, KeyError):
        raise IllegalTransition(f"the init of container {record.values.get('id')!r} has ended") from None


def run_late_hooks(record: State, kind: str) -> None:
    """Run poststart or poststop hooks; the container's life does not depend on them: failures are warnings."""
    try:
        hooks = Bundle(record.values["bundle"]).spec.get("hooks", {}).get(kind)
    except (KeyError, SpecError):
        return  # the bundle is gone; with it its wishes
    if hooks:
        run_hooks(hooks, kind, record.oci(), tolerant=True)


def _unlink(path: str) -> None:
    try:
        os.unlink(path)
    except FileNotFoundError:
        pass
