"""The inside of a sandbox: its init builds the root and is PID 1; what is launched joins it. All this in children.

What belongs here: what happens between fork and the submission's first instruction. What does not: which files, mounts,
filter and limits a sandbox has, and its handle on the test's side (``sandbox.py``).

Three user namespaces, so that nobody holds more than he needs:

1. *ours*: an ordinary user makes one in which he is root; root stays where he is. Here the mount, pid and time
   namespaces are made and the root is built. Nothing of the submission ever runs in it.
2. *the sandbox's*, for everybody: it maps one id, to the caller's own or, for root, to one that nobody has (NOBODY).
   Its copy of the mount namespace has every mount of 1 locked: mount_namespaces(7), "less privileged". Even root of the
   sandbox cannot unmount one, make it writable, or look below it.
3. those that the submission makes, where the exercise is about them.

The init, and what is launched until it executes its program, still has the test process's memory. So both overwrite
their command line and are *undumpable*; and their memory belongs to the user namespace in which the test process was
executed, the host's. Nobody inside may trace them or read /proc/1/mem, root of the sandbox included; ptrace(2), "Ptrace
access mode checking". No signal from inside can end the init: it is PID 1 and handles none. Neither imports anything
once it sees the sandbox's files.

| message | from → to | payload | when |
|---|---|---|---|
| forked | init → test | + its pidfd | the child has exited: the init is the test process's own (CLONE_PARENT) |
| unshared | init → test | – | only for root: it is in user namespace 2, without a map |
| mapped | test → init | – | the test process, root in the parent namespace, has written the maps |
| ready | init → test | + scratch folder (O_PATH, on a mount of its own), all namespaces in the order of joining | |
| error … | child, init → test | what went wrong | instead of any other; the sender exits |
"""

from __future__ import annotations

import fcntl
import os
import resource
import signal
import socket
import sys
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

from section01_processes import Plan, last_mile, prepare_execve, send_message, set_death_signal, set_dumpable
from section02_namespaces import IdMap, flags_of, fork_sibling, sethostname, setns, unshare, write_id_maps
from section03_cgroups import Cgroup
from section04_filesystem import mount, plan_pivot, plan_private_mounts, plan_root_mounts, umount
from section07_security import drop_bounding, prepare_seccomp, set_ambient, set_capabilities, set_no_new_privileges

from .model import Exercise
from .submission import write_modules, write_submission

SCRATCH, VIEW, SUBMISSION, MODULES = "/scratch", "/tmp", "/submission", "/modules"
#: Where the root is put together: a folder that every machine has and that nobody needs meanwhile.
PLACE = "/sys"
PASSWD = "root:x:0:0::/:\nlearner:x:1000:1000::/scratch:\nnobody:x:65534:65534::/:\n"
ETC = {"passwd": PASSWD, "group": "root:x:0:\nlearner:x:1000:\n", "hosts": "127.0.0.1 localhost sandbox\n"}
#: The kinds of namespace that belong to user namespace 1 and to 2; the mount namespace is there twice.
OURS = ("mnt", "pid", *(["time"] if os.path.exists("/proc/self/ns/time_for_children") else ()))
THEIRS = ("mnt", "net", "ipc", "uts", "cgroup")
#: Memory of one process, files, core files, and tasks: of this user namespace (Linux 5.14), the place counts exactly.
RLIMITS = (resource.RLIMIT_AS, resource.RLIMIT_FSIZE, resource.RLIMIT_CORE, resource.RLIMIT_NPROC)
#: netdevice(7): struct ifreq { char name[16]; short flags; … }, IFF_UP.
SIOCSIFFLAGS, IFREQ_LO_UP = 0x8914, b"lo".ljust(16, b"\0") + (1).to_bytes(2, sys.byteorder) + bytes(22)


class Spec(NamedTuple):
    """What the inside has to know. ``root``: the caller is root; ``uid``: the submission's id inside.

    ``files``: the submission; ``mounts``, ``masked``: as in an OCI configuration; ``program``: the seccomp filter.
    """

    exercise: Exercise
    files: dict[str, bytes]
    mounts: list[dict[str, Any]]
    masked: list[str]
    program: bytes
    cgroup: Cgroup | None
    root: bool
    uid: int


def become_init(control: int, spec: Spec) -> None:
    """Be the child, then the init. Errors go through the socket ``control``."""
    try:
        last_mile()  # pytest's handlers too (faulthandler's for SIGSEGV): PID 1 must handle no signal
        forget_arguments()
        if spec.cgroup:
            spec.cgroup.enter()
        if not spec.root:
            unshare_user(0)
        unshare(flags_of(OURS))
        if fork_sibling():
            return
        send_message(control, b"forked", [os.pidfd_open(os.getpid())])
        doors = open_namespaces(OURS[1:] if spec.root else ("user", *OURS[1:]))
        view = build_root(spec)
        enter_user_namespace(control, spec)
        doors += open_namespaces(("user", *THEIRS))
        set_dumpable(0)
        set_death_signal(signal.SIGKILL)  # behind setresuid(2), which clears it
        send_message(control, b"ready", [view, *doors])  # EPIPE: the test process ended before it could take us along
        os.closerange(0, 1 << 30)
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernel buries the orphans
        while True:
            signal.pause()
    except Exception as error:
        send_message(control, "; ".join([f"error {error}", *getattr(error, "__notes__", ())]).encode(errors="replace"))


def open_namespaces(kinds: tuple[str, ...]) -> list[int]:
    """Return descriptors of our own namespaces of ``kinds``."""
    return [os.open(f"/proc/self/ns/{kind}", os.O_RDONLY | os.O_CLOEXEC) for kind in kinds]


def unshare_user(inside: int) -> None:
    """Enter a new user namespace that maps ``inside`` to our present ids."""
    uid, gid = os.geteuid(), os.getegid()
    unshare(flags_of(["user"]))
    write_id_maps(0, [IdMap(inside, uid, 1)], [IdMap(inside, gid, 1)])


def build_root(spec: Spec) -> int:
    """Build the root, and change to it. Return the test's way to the scratch folder.

    That is a descriptor on a mount in no namespace that follows no symbolic link: no name in there leads elsewhere.
    """
    Plan("init", plan_private_mounts("rprivate")).run({})
    mount("tmpfs", PLACE, "tmpfs", 0, "mode=755,size=64m")
    write_submission(spec.files, Path(PLACE + SUBMISSION))
    write_modules(spec.exercise, Path(PLACE + MODULES))
    Path(PLACE, "etc").mkdir()
    for name, text in ETC.items():
        Path(PLACE, "etc", name).write_text(text, encoding="ascii")
    for link in ("bin", "sbin", "lib", "lib64"):
        os.symlink(f"usr/{link}", f"{PLACE}/{link}")
    slots = Plan("init", plan_root_mounts(PLACE, spec.mounts, masked_paths=spec.masked, userns=True)).run({})
    view = os.open(PLACE + VIEW, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    umount(PLACE + VIEW)
    sys.path.clear()  # from here on an import would run what lies in the sandbox
    Plan("init", plan_pivot(readonly=True)).run(slots)
    return view


def enter_user_namespace(control: int, spec: Spec) -> None:
    """Enter the sandbox's own user namespace, and with it namespaces of all kinds that are left."""
    if spec.root:
        unshare(flags_of(["user"]))
        send_message(control, b"unshared")
        os.read(control, 16)
        become_user(spec.uid)
    else:
        unshare_user(spec.uid)
    unshare(flags_of(THEIRS))
    sethostname("sandbox")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as anything:
        fcntl.ioctl(anything, SIOCSIFFLAGS, IFREQ_LO_UP)


def become_user(uid: int) -> None:
    """Take the one id that the sandbox has, for good."""
    os.setgroups([])
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)


def forget_arguments() -> None:
    """Overwrite the test process's command line, which everybody may read and which tells paths and the seed."""
    fields = Path("/proc/self/stat").read_text(encoding="utf-8").rpartition(")")[2].split()  # from the third on
    start, end = map(int, fields[45:47])  # arg_start, arg_end; proc_pid_stat(5)
    with open("/proc/self/mem", "r+b", buffering=0) as memory:
        os.pwrite(memory.fileno(), b"init".ljust(end - start, b"\0"), start)


def join(doors: list[int], spec: Spec, told: int) -> bool:
    """Enter the namespaces that ``doors`` are open on, in this order; return True in the process that is in them.

    To be in the pid namespace takes one more fork. The pid, as the host counts, goes into the pipe ``told``.
    """
    if spec.cgroup:
        spec.cgroup.enter()
    sys.path.clear()
    forget_arguments()
    set_dumpable(0)
    for door in doors:
        setns(door, 0)
    if spec.root:
        become_user(spec.uid)
    if pid := fork_sibling():
        os.write(told, b"%d" % pid)
    return not pid


def become_program(spec: Spec, argv: list[str], env: dict[str, str], stdio: tuple[int, ...]) -> NoReturn:
    """Give up what is left, set the limits, and execute ``argv``. Raises LcmError if that fails."""
    words, pairs = [os.fsencode(word) for word in argv], [os.fsencode(f"{name}={value}") for name, value in env.items()]
    execute, load_filter = prepare_execve(words[0], words, pairs), prepare_seccomp(spec.program)
    os.setsid()
    for number, fd in enumerate([fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 3) for fd in stdio]):
        os.dup2(fd, number)
    os.chdir(SCRATCH)
    limits = spec.exercise.limits
    for kind, value in zip(RLIMITS, (limits.memory, limits.file_size, 1, limits.processes + 16), strict=True):
        hard = resource.getrlimit(kind)[1]
        resource.setrlimit(kind, (value, value) if hard < 0 else (min(value, hard), min(value, hard)))
    if spec.uid:
        drop_bounding(0)
        set_ambient(0)
        set_capabilities(0, 0, 0)
    set_no_new_privileges()
    last_mile()
    load_filter()
    raise OSError(error := execute(), os.strerror(error), argv[0])
