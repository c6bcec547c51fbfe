"""Named pins: ``nsman pin blue 4711 --net``, and ``nsman unpin blue``.

What belongs here: the plan, and undoing what a failure or a kill left half done. What does not: the mount itself
(``pinning.py``), where things lie (``place.py``).
"""

from __future__ import annotations

import os

from section01_processes import Plan, Slot, Step, action

from .core.kinds import KINDS, kind_named
from .errors import NamespaceError
from .pinning import make_place, may_not_mount, pin, remove_place, unpin
from .place import StateLock, check_name, files_of, is_pin, pin_path, pins_folder, state_folder

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_CAP_SYS_ADMIN = 21


@action("proc_pid_ns(5)")
def open_namespaces_of(pid: int) -> int:
    """Open /proc/PID/ns: whatever is looked up in it later is this process's, or nobody's. Raises NamespaceError."""
    try:
        return os.open(f"/proc/{pid}/ns", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise NamespaceError(f"cannot look at the namespaces of process {pid}: {error.strerror}") from error


@action("proc_pid_ns(5)")
def open_kind(folder: int, kind: str) -> int:
    """Open the namespace of ``kind`` in ``folder``, an open /proc/PID/ns. Raises NamespaceError."""
    try:
        return os.open(kind, os.O_RDONLY | os.O_CLOEXEC, dir_fd=folder)
    except FileNotFoundError:
        raise NamespaceError(f"the process has ended, or this kernel has no {kind} namespaces") from None
    except OSError as error:
        hint = "it is another user's process, or has more rights than we" if error.errno in (1, 13) else ""
        raise NamespaceError(f"cannot open its {kind} namespace: {error.strerror}", hint=hint) from error


@action("mkdir(2)")
def make_folder(path: str) -> None:
    """Make the folder of a name, 0700, unless it is there."""
    try:
        os.mkdir(path, 0o700)
    except FileExistsError:
        pass


def plan_pin(state: str, name: str, pid: int, kinds: Iterable[str]) -> Plan:
    """Return the plan that pins the namespaces of ``kinds`` that process ``pid`` is in as ``name``, below ``state``.

    All files are opened before anything is pinned: either all are that one process's, or nothing happens. Raises
    UsageError, NamespaceError.
    """
    wanted = {kind_named(kind).name for kind in kinds}
    order = [kind.name for kind in KINDS if kind.name in wanted]
    check_name(name)
    folder = Slot("folder", f"/proc/{pid}/ns")
    slots = {kind: Slot(kind, f"/proc/{pid}/ns/{kind}") for kind in order}
    steps = [Step(open_namespaces_of, pid, about=f"find the namespaces of process {pid}", out=folder)]
    steps += [Step(open_kind, folder, kind, about=f"hold its {kind} namespace", out=slots[kind]) for kind in order]
    about = "a private place, where also a mount namespace can be pinned"
    steps.append(Step(make_place, pins_folder(state), about=about))
    steps.append(Step(make_folder, pins_folder(state, name), about=f"the folder of {name}"))
    steps += [Step(pin, slots[kind], pin_path(state, name, kind), about=f"pin its {kind} namespace") for kind in order]
    return Plan("cli", steps)


def plan_unpin(state: str, name: str, kinds: Sequence[str] = ()) -> Plan:
    """Return the plan that removes the pins of ``name`` (all that are there, or those of ``kinds``).

    Raises NamespaceError when there is none of that name (and kind), UsageError.
    """
    there = files_of(state, check_name(name))
    wanted = {kind_named(kind).name for kind in kinds} or set(there)
    missing = sorted(wanted - set(there))
    if missing or not there:
        what = f"no {missing[0]} namespace is" if missing else "nothing is"
        hint = f"pinned under it: {', '.join(there)}" if there else "`nsman ls` shows what is pinned"
        raise NamespaceError(f"{what} pinned as {name!r} in {state}", hint=hint)
    steps = [Step(unpin, there[kind], about=f"let go of its {kind} namespace") for kind in there if kind in wanted]
    return Plan("release", steps)


def pin_process(state: str, name: str, pid: int, kinds: Sequence[str]) -> dict[str, bool]:
    """Do :func:`plan_pin`; return path → whether a file without a namespace was there and has been replaced.

    ``state`` "" is the default. A failure leaves nothing of it; a kill in between leaves a file without a mount at the
    most, which the next call replaces. Raises NamespaceError (the name is taken, no such process, no right to mount),
    UsageError, SyscallError.
    """
    state = _state_of_who_may_mount(state)
    plan = plan_pin(state, name, pid, kinds)
    with StateLock(state):
        stale = _make_room(state, name, kinds)
        slots: dict[str, int] = {}
        try:
            plan.run(slots)
        except BaseException as error:
            _undo(state, name, kinds, error)
            raise
        finally:
            for fd in slots.values():
                os.close(fd)
    return {pin_path(state, name, kind_named(kind).name): kind_named(kind).name in stale for kind in kinds}


def unpin_name(state: str, name: str, kinds: Sequence[str] = ()) -> dict[str, bool]:
    """Do :func:`plan_unpin`; return path → whether a namespace was behind it: False for what had lost its mount.

    The namespace ends with the last process, descriptor and child namespace that still hold it. Raises NamespaceError,
    UsageError, SyscallError.
    """
    state = _state_of_who_may_mount(state)
    with StateLock(state):
        plan = plan_unpin(state, name, kinds)
        was = {str(step.args[0]): is_pin(str(step.args[0])) for step in plan.steps}
        plan.run({})
        _tidy(state)
    return was


def release_pins(state: str) -> dict[str, bool]:
    """Unpin all that is pinned below ``state``, and remove what kills have left there; fine when nothing is there.

    Return path → whether a namespace was behind it. What is no pin stays, and so do the folders above it. It needs the
    right to mount only where something is mounted. Raises NamespaceError, SyscallError, OSError.
    """
    if not os.path.isdir(state):
        return {}
    was: dict[str, bool] = {}
    with StateLock(state):
        place = pins_folder(state)
        for name in os.listdir(place) if os.path.isdir(place) else ():
            for path in files_of(state, name).values():
                was[path] = is_pin(path)
                unpin(path) if was[path] else os.unlink(path)
        _tidy(state)
    return was


def _state_of_who_may_mount(state: str) -> str:
    """Return the state folder, after a look at our rights. Raises NamespaceError, UsageError."""
    if not may_mount():
        raise may_not_mount()
    return state_folder(state)


def may_mount() -> bool:
    """Whether the caller has CAP_SYS_ADMIN in its user namespace; the mount itself tells whether that is enough."""
    with open("/proc/self/status", encoding="utf-8", errors="replace") as file:
        effective = next(int(line.split()[1], 16) for line in file if line.startswith("CapEff"))
    return bool(effective >> _CAP_SYS_ADMIN & 1)


def _make_room(state: str, name: str, kinds: Sequence[str]) -> list[str]:
    """Remove files that have lost their mount; return their kinds. Raises NamespaceError when a kind is pinned."""
    there = files_of(state, name)
    wanted = [kind for kind in there if kind in {kind_named(given).name for given in kinds}]
    taken = [kind for kind in wanted if is_pin(there[kind])]
    if taken:
        hint = f"`nsman unpin {name}` first, or another name"
        raise NamespaceError(f"a {taken[0]} namespace is pinned as {name!r} already", hint=hint)
    for kind in wanted:
        unpin(there[kind])
    return wanted


def _undo(state: str, name: str, kinds: Sequence[str], error: BaseException) -> None:
    """Remove what a failed plan has pinned; what goes wrong here is a note of the first ``error``."""
    try:
        for kind, path in files_of(state, name).items():
            if kind in {kind_named(given).name for given in kinds}:
                unpin(path)
        _tidy(state)
    except OSError as another:
        error.add_note(f"while cleaning up: {another}")


def _tidy(state: str) -> None:
    """Remove the folders of names that have no pins, and the place when none is left."""
    place = pins_folder(state)
    for name in os.listdir(place) if os.path.isdir(place) else ():
        try:
            os.rmdir(os.path.join(place, name))
        except OSError:
            pass  # something is pinned in it
    remove_place(place)
