"""Entering a jail: the plans of the two processes that take part, and running them.

``jailman enter`` (cli) starts *child*, which makes the namespaces; child starts *init*, which builds the mounts,
changes the root and becomes the command: with pivot_root as PID 1. Signals are passed down, the exit code comes up, and
each dies with its parent.

The two methods differ in the change of the root alone: both have mounts of their own. With pivot_root the old root is
gone, and with a pid namespace the host's processes are out of sight. With chroot a privileged process finds both again.

What belongs here: what a jail gets at enter, and the order. What does not: how mounts are made (``rootfs.py``).
"""

from __future__ import annotations

import fcntl
import os
import select
import signal
from typing import TYPE_CHECKING, Any

from section01_processes import (
    ChildFailed,
    LcmError,
    Plan,
    Recorder,
    Slot,
    Step,
    UsageError,
    action,
    become_undumpable,
    become_user,
    forbid_imports,
    set_death_signal,
    spawn,
)
from section02_namespaces import (
    CLONE_NEWNS,
    CLONE_NEWPID,
    CLONE_NEWUSER,
    PASSED_ON,
    IdMap,
    plan_namespaces,
    wait_passing_on,
    write_id_maps,
)

from .binds import change_mount
from .core.flags import MOUNT_ATTR_NODEV, MOUNT_ATTR_NOSUID, MOUNT_ATTR_RDONLY
from .errors import FilesystemError
from .executable import execute
from .jaillock import lock
from .rootfs import ROOT, plan_pivot, plan_root_mounts
from .users import User, find_user

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from .jails import Jail

METHODS = ("pivot_root", "chroot")
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
PARENT = Slot("parent", "the parent's pidfd")
_LONGEST_TROUBLE = 4096  # PIPE_BUF: written and read at once
_SAFE = ["nosuid", "nodev", "noexec"]


class Wish:
    """How to enter a jail: ``argv``, ``method``, ``user``, ``read_only``, ``binds`` (``SRC:DST[:ro]``)."""

    __slots__ = ("argv", "binds", "method", "read_only", "user")

    def __init__(
        self, argv: Sequence[str] = ("/bin/sh",), *, method: str = "pivot_root", user: str | None = None
    ) -> None:
        self.argv = tuple(argv)
        self.method = method
        self.user = user
        self.read_only = False
        self.binds: tuple[str, ...] = ()


def jail_mounts(method: str, binds: Sequence[str] = (), *, userns: bool = False) -> list[Mapping[str, Any]]:
    """Return the mounts that a jail gets, as the OCI runtime spec writes them. Raises UsageError for a wrong bind.

    In a user namespace sysfs would need a network namespace of its own, and proc a pid namespace (LCM-NS-05): the
    host's, bound read-only, is what remains. Pure.
    """
    proc = ("/proc", "proc", "proc", _SAFE)
    sys = ("/sys", "sysfs", "sysfs", [*_SAFE, "ro"])
    if userns and method == "chroot":
        proc = ("/proc", "bind", "/proc", ["rbind"])
    if userns:
        sys = ("/sys", "bind", "/sys", ["rbind", "rro"])
    table = [
        proc,
        ("/dev", "tmpfs", "tmpfs", ["nosuid", "noexec", "mode=755", "size=64k"]),
        ("/dev/pts", "devpts", "devpts", ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"]),
        ("/dev/shm", "tmpfs", "shm", [*_SAFE, "mode=1777", "size=64m"]),
        sys,
        ("/tmp", "tmpfs", "tmpfs", ["nosuid", "nodev", "mode=1777"]),
        *(_bind(text) for text in binds),
    ]
    return [{"destination": at, "type": kind, "source": source, "options": words} for at, kind, source, words in table]


def _bind(text: str) -> tuple[str, str, str, list[str]]:
    """Return the mount that ``SRC:DST[:ro]`` asks for."""
    words = text.split(":")
    mode = words.pop() if len(words) == 3 else "rw"
    if len(words) != 2 or mode not in ("ro", "rw") or not words[0] or not words[1].startswith("/"):
        raise UsageError(f"cannot read the bind {text!r}", hint="SRC:DST or SRC:DST:ro; DST begins with /")
    return words[1], "bind", os.path.abspath(words[0]), ["rbind", "nosuid", "nodev", *(["rro"] if mode == "ro" else [])]


def plan_enter(jail: Jail, wish: Wish) -> tuple[Plan, Plan]:
    """Return the plans of child and init. Looks at the jail's passwd for the user, else pure.

    An ordinary user gets a user namespace, in which he is root, or the user that he wishes to be: one id is all that he
    may map. Raises UsageError, FilesystemError.
    """
    userns = os.geteuid() != 0
    user = find_user(jail.root, wish.user) if wish.user is not None else User(0, 0, [], "/root")
    mounts = jail_mounts(wish.method, wish.binds, userns=userns)
    steps = plan_root_mounts(jail.root, mounts, propagation="rprivate", userns=userns)
    attributes = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | (MOUNT_ATTR_RDONLY if wish.read_only else 0)
    about = "the root: no setuid, no devices" + (", read-only" if wish.read_only else "")
    steps.append(Step(change_mount, ROOT, "/", attributes, about=about))
    steps.append(Step(forbid_imports, about="a module found in there would be the jail's"))
    if wish.method == "pivot_root":
        steps += plan_pivot(propagation="rprivate")
    else:
        steps.append(Step(change_root, ROOT, about=f"/ now means {jail.root}"))
    if wish.user is not None and not userns:
        steps.append(Step(become_user, user.uid, user.gid, user.groups, about=f"user {wish.user} of the jail"))
    steps.append(Step(die_with_parent, PARENT, about="no orphan stays inside"))
    env = {"PATH": PATH, "HOME": user.home, "TERM": os.environ.get("TERM", "linux"), "PS1": f"{jail.name}# "}
    pairs = tuple(f"{key}={value}" for key, value in env.items())
    steps.append(Step(execute, wish.argv, pairs, PATH, about="the command"))
    return Plan("child", _plan_outside(wish.method, user, userns)), Plan("init", steps)


def _plan_outside(method: str, user: User, userns: bool) -> list[Step]:
    """Return the steps of the first child: its namespaces."""
    kinds = CLONE_NEWNS | (CLONE_NEWPID if method == "pivot_root" else 0) | (CLONE_NEWUSER if userns else 0)
    steps = plan_namespaces(kinds)
    if userns:
        maps = ([IdMap(user.uid, os.geteuid(), 1)], [IdMap(user.gid, os.getegid(), 1)])
        about = f"outside's user and group are {user.uid} and {user.gid} inside"
        steps.insert(1, Step(write_id_maps, 0, *maps, about=about))
    steps.append(Step(become_undumpable, about="us and init: closed to who is root in the jail"))
    return [*steps, Step(die_with_parent, PARENT, about="who is killed takes us along")]


@action("chroot(2)")
def change_root(root_fd: int) -> None:
    """Change the root with chroot(2) alone; closes the descriptor, which would lead out again."""
    try:
        os.fchdir(root_fd)
        os.chroot(".")
    finally:
        os.close(root_fd)


@action("PR_SET_PDEATHSIG(2const)")
def die_with_parent(parent: int) -> None:
    """Be killed when the parent dies; if it has died already (its pidfd is readable), end now.

    After the namespaces and the user: a change of credentials takes the wish away.
    """
    set_death_signal(signal.SIGKILL)
    if select.select([parent], [], [], 0)[0]:
        os._exit(137)


def enter(
    jail: Jail, wish: Wish, *, crash: str = "", told: Callable[[tuple[Plan, Plan], Iterator[Any]], None] | None = None
) -> int:
    """Run ``wish.argv`` in the jail; return its exit code (128 + n when signal n killed it).

    The caller's interpreter must be one that the jail cannot write to (``protect_interpreter``). The jail stays locked
    as long as it runs. ``told`` gets the plans and the descriptor's records, to explain them; ``crash``: as for section
    1's Recorder. Raises FilesystemError: the jail is being removed; ChildFailed: the command was not executed.
    """
    plans = plan_enter(jail, wish)
    try:
        held = lock(jail.folder, fcntl.LOCK_SH)
    except (FileNotFoundError, BlockingIOError):
        raise FilesystemError(f"jail {jail.name} is being removed") from None
    reader, writer = os.pipe2(os.O_CLOEXEC) if told else (-1, -1)
    troubles, report = os.pipe2(os.O_CLOEXEC)
    me = os.pidfd_open(os.getpid())
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)  # whoever ignores it cannot wait for anybody
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {*PASSED_ON, signal.SIGCHLD})
    try:
        with spawn(lambda: _be_child(plans, me, writer, report, crash)) as child:
            os.close(report)
            if told:
                os.close(writer)
                told(plans, _records(plans[1], reader))
                os.close(reader)
            code = wait_passing_on(child)
        if text := os.read(troubles, _LONGEST_TROUBLE):
            raise ChildFailed(os.fsdecode(text), exit_code=code)
        return code
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        for fd in (me, held, troubles):
            os.close(fd)


def _be_child(plans: tuple[Plan, Plan], parent: int, writer: int, report: int, crash: str) -> int:
    """Make the namespaces, start init in them, wait for it; write to ``report`` what went wrong, also with init."""
    outside, inside = plans

    def be_init() -> None:
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        _run(inside, me, Recorder(writer, "init", crash))

    try:
        _run(outside, parent, Recorder(writer, "child", crash))
        me = os.pidfd_open(os.getpid())
        init = spawn(be_init, report=True)
    except LcmError as error:
        os.write(report, os.fsencode(str(error))[:_LONGEST_TROUBLE])
        return error.exit_code
    with init:
        if writer >= 0:
            os.close(writer)
        return wait_passing_on(init)


def _run(plan: Plan, parent: int, record: Recorder) -> None:
    """Run ``plan`` in a child. Raises LcmError."""
    try:
        plan.run({PARENT.name: parent}, record)
    except OSError as error:
        if isinstance(error, LcmError):
            raise
        raise FilesystemError(f"cannot enter: {error.strerror}: {error.filename or ''}".rstrip(": ")) from error


def _records(inside: Plan, reader: int) -> Iterator[tuple[int, ...]]:
    """Yield the records from the pipe; in the end that of init's execve, which nobody can write (see execve(2))."""
    from section01_processes import PROCESSES, read_records

    last: tuple[int, ...] = ()
    for record in read_records(reader):
        yield record
        last = record if record[0] == PROCESSES.index("init") else last
    if last and last[1:3] == (len(inside.steps) - 2, 0):
        yield last[0], len(inside.steps) - 1, 0, last[3] + last[4], 0
