"""The plain place: a child with limits. For the learner's own code: it keeps accidents away, not attacks.

What belongs here: folders, limits, the user, one cgroup for the number of processes. What does not: what a test asks.
``kill -1`` in here ends the processes of the user who runs it; the sandbox is the place for strangers' code.
"""

from __future__ import annotations

import fcntl
import os
import pwd
import resource
import select
import signal
import tempfile
import time
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from pathlib import Path

from courseware.holding import hold
from section01_processes import LcmError, change_directory, exec_program, set_death_signal, set_subreaper, spawn
from section03_cgroups import Cgroup, Hierarchy, Limits

from . import descendants
from .model import Exercise, ExerciseError
from .submission import read_submission, remove_folder, write_modules, write_submission
from .verdicts import killed

LOOK_EVERY = 0.05  # seconds between two counts of the processes


class PlainProcess:
    """A process in the plain place; see :class:`place.Process`."""

    def __init__(self, place: PlainPlace, pid: int, pidfd: int) -> None:
        self._place = place
        self.pid, self.pidfd = pid, pidfd
        self._status: int | None = None

    def wait(self, seconds: float) -> int | None:
        """Return the wait status, or None if it still runs after ``seconds``."""
        if self._status is None:
            poll = select.poll()
            poll.register(self.pidfd, select.POLLIN)
            if poll.poll(seconds * 1000):
                self._status = os.waitpid(self.pid, 0)[1]
        return self._status

    def broken(self) -> str:
        """Return KILLED(SIGKILL) if the place has seen too many processes."""
        return self._place.broken(now=self._status is not None)


class PlainPlace:
    """A folder below the machine's own /tmp, and children of the test process; see :class:`place.Place`."""

    def __init__(self, exercise: Exercise, submission: Path | str) -> None:
        files = read_submission(exercise, submission)
        set_subreaper()
        self.limits = exercise.limits
        self.user = calling_user()
        self._top = Path(tempfile.mkdtemp(prefix="lcm-ex-")).resolve()
        self._held = hold(self._top)
        self._strangers = frozenset(descendants.children_of(os.getpid()))
        self._launched: list[PlainProcess] = []
        self._broken, self._next_look = "", 0.0
        self.folder, self.inside = self._top / "scratch", f"{self._top}/scratch"
        self.submission, self.modules = f"{self._top}/submission", f"{self._top}/modules"
        self._cgroup: Cgroup | None = None
        try:
            self._top.chmod(0o755)
            self.folder.mkdir(mode=0o755)
            if self.user:
                os.chown(self.folder, self.user[0], self.user[1])
            write_submission(files, Path(self.submission))
            write_modules(exercise, Path(self.modules))
            self._cgroup = make_cgroup(self._top.name, self.limits.processes)
        except BaseException:
            self.close()
            raise

    def keepers(self) -> AbstractSet[int]:
        """Return no pid: the plain place has no process of its own."""
        return frozenset()

    def launch(
        self, argv: list[str], env: dict[str, str], stdin: int, stdout: int, stderr: int, *, keep: Sequence[int] = ()
    ) -> PlainProcess:
        """Start it as the calling user, in a session of its own, with limits; see :class:`place.Place`.

        ``keep``: further descriptors that it inherits, under the same numbers.
        """
        parent, tasks = os.getpid(), _tasks_of(self.user[0] if self.user else os.getuid())

        def run() -> None:
            if self._cgroup:
                self._cgroup.enter(0)
            os.setsid()
            for number, fd in enumerate([fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 3) for fd in (stdin, stdout, stderr)]):
                os.dup2(fd, number)
            self._limit(tasks)
            if self.user:
                become(*self.user)
            set_death_signal(signal.SIGKILL)
            if os.getppid() != parent:
                raise LcmError("the test process has ended")
            change_directory(self.inside)
            exec_program(argv, [f"{name}={value}" for name, value in env.items()], keep=keep)

        child = spawn(run, report=True)
        process = PlainProcess(self, child.pid, child.pidfd)
        self._launched.append(process)
        return process

    def _limit(self, tasks: int) -> None:
        """Set the limits of the process that calls this, and of all that it will fork. See setrlimit(2)."""
        limits = {
            resource.RLIMIT_AS: self.limits.memory,
            resource.RLIMIT_FSIZE: self.limits.file_size,
            resource.RLIMIT_CORE: 1,  # byte: nothing is written, and no handler is started either (fs/coredump.c)
            # Counts all tasks of the user and stops a bomb; that this submission has too many we see by counting.
            resource.RLIMIT_NPROC: tasks + 2 * self.limits.processes,
        }
        for kind, value in limits.items():
            hard = resource.getrlimit(kind)[1]
            value = value if hard == resource.RLIM_INFINITY else min(value, hard)
            resource.setrlimit(kind, (value, value))

    def broken(self, *, now: bool) -> str:
        """Return KILLED(SIGKILL) when there were more processes than the exercise allows, else "".

        ``now``: look again, even if the last look was a moment ago.
        """
        if not self._broken and (now or time.monotonic() >= self._next_look):
            self._next_look = time.monotonic() + LOOK_EVERY
            most = self.limits.processes
            if descendants.count_below(os.getpid(), self._strangers, most) > most or self._refused_forks():
                self._broken = killed(signal.SIGKILL)
        return self._broken

    def _refused_forks(self) -> bool:
        """Whether the kernel has refused a fork because the cgroup was full."""
        if self._cgroup is None:
            return False
        try:
            text = Path(self._cgroup.folder("pids"), "pids.events").read_text(encoding="ascii")
        except OSError:  # Linux without pids.events, or the group has gone
            return False
        return int(dict(line.split() for line in text.splitlines()).get("max", 0)) > 0

    def close(self) -> None:
        """Kill everything that was started here, wait for it, remove the folder and the cgroup. Idempotent."""
        if self._cgroup:
            self._cgroup.set(Limits(pids=0))  # no fork any more: a chain of forks cannot run away from us
        for process in self._launched:
            if process.wait(0) is None:
                signal.pidfd_send_signal(process.pidfd, signal.SIGKILL)
                process.wait(10)
            if process.pidfd >= 0:
                os.close(process.pidfd)
                process.pidfd = -1
        left = descendants.end_all(self._strangers)
        if self._cgroup:
            self._cgroup.remove()
            self._cgroup = None
        remove_folder(self._top)
        if self._held >= 0:
            os.close(self._held)
            self._held = -1
        if left:
            raise ExerciseError(f"processes {left} of the submission cannot be ended", hint="sudo ./course clean")


def calling_user() -> tuple[int, int, list[int]] | None:
    """Return uid, gid and groups of the user who called sudo; None when we are no root or sudo was not used."""
    uid, gid = os.environ.get("SUDO_UID", ""), os.environ.get("SUDO_GID", "")
    if os.geteuid() != 0 or not uid.isdigit() or not gid.isdigit() or uid == "0":
        return None
    try:
        groups = os.getgrouplist(pwd.getpwuid(int(uid)).pw_name, int(gid))
    except KeyError:
        groups = [int(gid)]
    return int(uid), int(gid), groups


def become(uid: int, gid: int, groups: list[int]) -> None:
    """Become that user for good: groups first, the uid last."""
    os.setgroups(groups)
    os.setresgid(gid, gid, gid)
    os.setresuid(uid, uid, uid)


def make_cgroup(name: str, processes: int) -> Cgroup | None:
    """Return a new cgroup that holds at most ``processes`` processes, or None where we may not make one.

    Root is not bound by RLIMIT_NPROC; this is what stops root's fork bomb.
    """
    if os.geteuid() != 0:
        return None
    try:
        here = Hierarchy.detect()
        mount, version = here.find("pids")
        if not version:
            return None
        only = Hierarchy(here.mode, {"pids": mount}, mount if version == 2 else "")
        cgroup = Cgroup(only, f"/{name}")
        cgroup.create()
    except (LcmError, OSError):
        return None
    try:
        cgroup.set(Limits(pids=processes))
    except (LcmError, OSError):
        cgroup.remove()
        return None
    return cgroup


def _tasks_of(uid: int) -> int:
    """Return how many tasks ``uid`` has now: what RLIMIT_NPROC counts."""
    count = 0
    for name in os.listdir("/proc"):
        try:
            if name.isdigit() and os.stat(f"/proc/{name}").st_uid == uid:
                count += len(os.listdir(f"/proc/{name}/task"))
        except OSError:
            continue
    return count
