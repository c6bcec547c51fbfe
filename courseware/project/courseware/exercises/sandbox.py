"""The sandbox: a place for code that nobody trusts. See :class:`place.Place`; strangers' code runs nowhere else.

What belongs here: what a sandbox consists of, and its handle on the test's side. What does not: what happens in the
children that build it and that become the submission (``sandbox_init.py``).

One sandbox per test: namespaces of all kinds that the kernel has; a read-only root with the interpreter, its standard
library and extension modules, the submission, ``provides`` and ``programs``, and the libraries of all these; ``/proc``
of its own; a few devices; tmpfs with a size for ``/scratch``, ``/tmp``, ``/dev/shm``; the loopback device alone;
seccomp; no privileges to gain; rlimits, and a cgroup where we may have one. Works as root and as an ordinary user.
In it the submission is user 1000 without capabilities; root of the sandbox, if the exercise ``needs`` root.

**The scratch folder** is reached through a descriptor of this process, ``/proc/PID/fd/N``, and not by
``/proc/INIT/root``, for two reasons. Permission holds by itself: the descriptor is ours, and the folder's owner is our
own user, or we are root. And the mount behind it follows no symbolic link (mount(2), MS_NOSYMFOLLOW): a submission that
puts a link to ``/etc/shadow`` in the place of its answer gets ELOOP from the kernel, not root's help.
"""

from __future__ import annotations

import glob
import os
import secrets
import signal
import sysconfig
from functools import cache
from pathlib import Path
from typing import Any, cast

import section03_cgroups as cgroups
from courseware.holding import hold, temporary_folder
from section01_processes import LcmError, find_program, pid_of, recv_message, send_message, socket_pair, spawn
from section02_namespaces import IdMap, write_id_maps
from section04_filesystem import HostRoot
from section07_security import SeccompProfile, docker_seccomp_profile, masked_paths, seccomp_program

from . import descendants
from .model import Exercise, Limits
from .place import PROGRAM_FOLDERS, interpreter
from .plain import PlainProcess
from .sandbox_init import MODULES, PLACE, SCRATCH, SUBMISSION, VIEW, Spec, become_init, become_program, join
from .submission import read_submission
from .verdicts import OOM, killed

#: What of the cgroup's limits is not the submission's: bytes of the init; the init, and whoever launches.
OUR_MEMORY, OUR_TASKS = 32 * 1024**2, 2
#: The host's id of what root runs in a sandbox: above all that useradd and systemd-nspawn give out.
NOBODY = 1_879_048_192
#: What an exercise about namespaces needs beyond Docker's profile. Each takes a capability, and the submission has one
#: over namespaces only that it made itself. clone3 stays ENOSYS, as there: its flags are out of a filter's sight.
NAMESPACE_CALLS = (
    *("unshare", "setns", "clone", "mount", "umount2", "pivot_root", "chroot", "sethostname", "setdomainname"),
    *("fsopen", "fsconfig", "fsmount", "fspick", "open_tree", "move_mount", "mount_setattr"),
)


class SandboxPlace:
    """A sandbox for one test of ``exercise``; see :class:`place.Place`. Raises LcmError, ExerciseError, OSError."""

    inside, submission, modules = SCRATCH, SUBMISSION, MODULES

    def __init__(self, exercise: Exercise, submission: Path | str) -> None:
        needs, stdlib = exercise.needs, sysconfig.get_path("stdlib")
        # Root of the whole machine, who has all ids; a container's root is treated as the ordinary user that he is.
        root = os.geteuid() == 0 and Path("/proc/self/uid_map").read_text(encoding="ascii").split()[2] == "4294967295"
        nested = "userns" in needs or "root" in needs
        self._limits, self._strangers = exercise.limits, frozenset(descendants.children_of(os.getpid()))
        self._broken, self._init, self._open, self._launched = "", -1, list[int](), list[PlainProcess]()
        mounts = make_mounts(stdlib, host_files(exercise.programs), self._limits, NOBODY if root else 0)
        # A nested procfs can be mounted only where nothing of the visible one is masked (LCM-NS-05).
        masked = [f"{stdlib}/site-packages", f"{stdlib}/dist-packages", *([] if nested else masked_paths())]
        answer, program = read_submission(exercise, submission), filter_program(nested)
        what = (exercise, answer, mounts, masked, program, make_cgroup(self._limits))
        self._spec = Spec(*what, root, 0 if "root" in needs else 1000)
        self._start()
        self.init, self.folder = pid_of(self._init), Path(f"/proc/{os.getpid()}/fd/{self._view}")

    def _start(self) -> None:
        """Fork the init; return when the sandbox is finished."""
        control, theirs = socket_pair()
        try:
            if self._spec.cgroup:
                self._open.append(hold(self._spec.cgroup.folder("pids")))
            try:
                child = spawn(lambda: become_init(theirs, self._spec))
            finally:
                os.close(theirs)
            with child:
                child.wait()
            self._open += receive(control, b"forked")
            self._init = self._open[-1]
            if self._spec.root:
                receive(control, b"unshared")
                write_id_maps(pid_of(self._init), ids := [IdMap(self._spec.uid, NOBODY, 1)], ids)
                send_message(control, b"mapped")
            self._view, *self._doors = fds = receive(control, b"ready")
            self._open += fds
        except BaseException:
            self.close()
            raise
        finally:
            os.close(control)

    def keepers(self) -> frozenset[int]:
        """Return the init's pid."""
        return frozenset([self.init])

    def launch(self, argv: list[str], env: dict[str, str], stdin: int, stdout: int, stderr: int) -> PlainProcess:
        """Start it; see :class:`place.Place`. Raises ChildFailed: why it could not be started."""
        reader, writer = os.pipe()

        def run() -> None:
            if join(self._doors, self._spec, writer):
                become_program(self._spec, argv, env, (stdin, stdout, stderr))

        failed: Exception | None = None
        try:
            with spawn(run, report=True) as child:
                child.wait()
        except (LcmError, OSError) as error:
            failed = error
        os.close(writer)
        with open(reader, "rb") as told:
            pid = int(told.read() or 0)
        if failed:
            if pid:
                os.waitpid(pid, 0)
            raise failed
        # A child is a child: the plain place's handle serves, it asks the place for nothing but broken().
        self._launched.append(process := PlainProcess(cast("Any", self), pid, os.pidfd_open(pid)))
        return process

    def broken(self, **_: object) -> str:
        """Return OOM or KILLED(SIGKILL) if memory or the number of processes has been too small, else ""."""
        if self._init >= 0 and not self._broken:
            if cgroup := self._spec.cgroup:
                events = Path(cgroup.folder("pids"), "pids.events").read_text(encoding="ascii")
                memory, tasks = cgroup.oom_kills() > 0, not events.startswith("max 0")
            else:  # by counting; up to 8 MiB of each process are files that it shares
                inside = [s for s in descendants.below([os.getpid()], self._strangers) if s.pid != self.init]
                private = sum(stat.rss * os.sysconf("SC_PAGESIZE") - 8 * 1024**2 for stat in inside)
                memory, tasks = private > self._limits.memory, len(inside) > self._limits.processes
            self._broken = OOM if memory else killed(signal.SIGKILL) if tasks else ""
        return self._broken

    def close(self) -> None:
        """Kill the init, and with it everybody inside; wait until all have gone; remove the cgroup. Idempotent."""
        if self._init >= 0:
            signal.pidfd_send_signal(self._init, signal.SIGKILL)
            for process in self._launched:  # the init's end waits for the end of all others, and these wait for us
                process.wait(10)
                os.close(process.pidfd)
                process.pidfd = -1
            os.waitid(os.P_PIDFD, self._init, os.WEXITED)
            self._init = -1
        if self._spec.cgroup:
            self._spec.cgroup.kill()
            self._spec.cgroup.remove()
        while self._open:
            os.close(self._open.pop())


def receive(control: int, word: bytes) -> list[int]:
    """Wait for the message ``word``; return its descriptors. Raises LcmError for any other message."""
    data, fds = recv_message(control, maxfds=16)
    if data == word:
        return fds
    raise LcmError(f"no sandbox here: {data.decode().removeprefix('error ') or 'its init was killed'}",
                   hint="./course doctor shows what is missing")  # fmt: skip


def make_mounts(stdlib: str, files: tuple[str, ...], limits: Limits, owner: int) -> list[dict[str, Any]]:
    """Return the sandbox's mounts as an OCI configuration writes them; pure. ``owner`` owns the scratch folder."""
    size = ("nodev", f"size={4 * limits.file_size}", "nr_inodes=16384")
    table = [
        *((path, "bind", path, "nodev", "ro") for path in (stdlib, *files)),
        ("/proc", "proc", "proc", "nodev", "noexec"),
        ("/dev", "tmpfs", "tmpfs", "mode=755", "size=64k", "ro"),
        ("/dev/pts", "devpts", "devpts", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"),
        ("/dev/shm", "tmpfs", "tmpfs", "mode=1777", *size),
        ("/tmp", "tmpfs", "tmpfs", "mode=1777", *size),
        (SCRATCH, "tmpfs", "tmpfs", "mode=755", f"uid={owner}", f"gid={owner}", *size),
        (VIEW, "bind", PLACE + SCRATCH, "nodev", "noexec", "nosymfollow"),
    ]
    return [{"destination": at, "type": kind, "source": source, "options": ["nosuid", *options]}
            for at, kind, source, *options in table]  # fmt: skip


@cache
def host_files(programs: tuple[str, ...]) -> tuple[str, ...]:
    """Return the paths of the interpreter, its extension modules, ``programs``, and what all of them need to run."""
    stdlib = sysconfig.get_path("stdlib")
    host = HostRoot()
    with temporary_folder("lcm-ex-") as host.target:  # a root made from the host; only its list of files stays
        found = [find_program(name, PROGRAM_FOLDERS) for name in programs]
        for path in [interpreter(), *glob.glob(f"{stdlib}/lib-dynload/*.so"), *found]:
            host.add(path)
    return tuple(sorted(path for path in host.files if not path.startswith(f"{stdlib}/")))


@cache
def filter_program(nested: bool) -> bytes:
    """Return the seccomp filter: Docker's, for no capabilities; ``nested``: and what namespaces need."""
    profile = docker_seccomp_profile()
    if nested:
        profile["syscalls"].append({"names": list(NAMESPACE_CALLS), "action": "SCMP_ACT_ALLOW"})
    return seccomp_program(SeccompProfile.parse(profile).resolve(()))


def make_cgroup(limits: Limits) -> cgroups.Cgroup | None:
    """Return a new cgroup with ``limits``, or None where we may make none: rlimits and counting remain.

    Root's lies at the top; an ordinary user's beside his own, if that part of the tree was delegated to him.
    """
    cgroup = None
    try:
        here, own = cgroups.Hierarchy.detect(), Path("/proc/self/cgroup").read_text(encoding="utf-8")
        parent = "" if os.geteuid() == 0 else os.path.dirname(own.rpartition("0::")[2].strip()).rstrip("/")
        found = {name: mount for name in ("memory", "pids") if (mount := here.find(name)[0])}
        cgroup = cgroups.Cgroup(
            cgroups.Hierarchy(here.mode, found, here.unified), f"{parent}/lcm-ex-{os.getpid()}-{secrets.token_hex(4)}"
        )
        cgroup.create()
        swap = any(glob.glob(f"{cgroup.folder('memory')}/memory.{name}*") for name in ("swap.max", "memsw.limit"))
        memory, tasks = limits.memory + OUR_MEMORY, limits.processes + OUR_TASKS
        cgroup.set(cgroups.Limits(memory=memory, memory_swap=memory if swap else None, pids=tasks))
    except (LcmError, OSError):
        if cgroup:
            cgroup.remove()
        return None
    return cgroup
