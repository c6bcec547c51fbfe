"""A root shell in private namespaces: ``sudo ./course lab [--dry-run] [-- CMD]``.

A place to try what needs root. Sections 1, 2 and 4 make it: new mount, pid, uts, net, ipc and cgroup namespaces
(without root a user namespace as well), a /proc, a /sys and a /dev of its own, every disk read-only, /tmp and other
folders that are gone afterwards.

It keeps accidents inside (``rm -rf /`` finds nothing that it may remove). It is no prison: with sudo its root is the
machine's root, and who remounts a disk read-write on purpose can write to it.

What belongs here: the two plans and the two processes. What does not: the calls (the sections').
"""

from __future__ import annotations

import fcntl
import os
import signal
import socket
import struct
from typing import TYPE_CHECKING

from section01_processes import (
    LcmError,
    Plan,
    Step,
    action,
    describe_plan,
    exec_program,
    find_program,
    set_death_signal,
    spawn,
)
from section02_namespaces import IdMap, flags_of, plan_namespaces, sethostname, write_id_maps
from section04_filesystem import MountTable, bind, mount, plan_private_mounts
from section07_security import drop_bounding, last_cap, mask_of

if TYPE_CHECKING:
    from collections.abc import Sequence

HOST_NAME = "lcm-lab"
KINDS = ("mnt", "pid", "uts", "net", "ipc", "cgroup")
DEVICES = ("null", "zero", "full", "random", "urandom", "tty", "ptmx", "pts")
LINKS = {"fd": "/proc/self/fd", "stdin": "fd/0", "stdout": "fd/1", "stderr": "fd/2"}
#: Folders that are empty and writable inside, unless the clone lies in one of them.
THROW_AWAY = ("/tmp", "/var/tmp", "/mnt", "/run/lock", "/dev/shm")
#: What would reach the machine itself, past all namespaces.
MACHINE_CAPABILITIES = ("CAP_SYS_MODULE", "CAP_SYS_BOOT", "CAP_SYS_RAWIO", "CAP_SYS_TIME")

# <linux/mount.h>, for mount(2)
MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_REMOUNT, MS_BIND = 0x1, 0x2, 0x4, 0x8, 0x20, 0x1000
WORDS = {"nosuid": MS_NOSUID, "nodev": MS_NODEV, "noexec": MS_NOEXEC, "noatime": 0x400, "nodiratime": 0x800,
         "relatime": 1 << 21}  # fmt: skip
# For netdevice(7).
SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP = 0x8913, 0x8914, 0x1


# ---- actions --------------------------------------------------------------------------------------------------------


@action("prctl(2)")
def die_with_parent() -> None:
    """End when the process above ends, so that nothing of the lab is left."""
    set_death_signal(signal.SIGKILL)


@action("netdevice(7)")
def bring_up_loopback() -> None:
    """Set lo up: a new network namespace has it, down, and nothing else."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as ask:
        request = struct.pack("16sh22x", b"lo", 0)
        _, flags = struct.unpack("16sh22x", fcntl.ioctl(ask, SIOCGIFFLAGS, request))
        fcntl.ioctl(ask, SIOCSIFFLAGS, struct.pack("16sh22x", b"lo", flags | IFF_UP))


@action("mount(2)")
def mount_own_proc() -> None:
    """Mount a proc of this pid namespace; its sysctls are read-only, except those of the new network namespace."""
    mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC)
    network = os.open("/proc/sys/net", os.O_PATH | os.O_CLOEXEC)
    for path in ("/proc/sys", "/proc/sysrq-trigger"):
        if os.path.exists(path):
            bind(path, path)
            mount("", path, "", MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC)
    bind(f"/proc/self/fd/{network}", "/proc/sys/net")
    os.close(network)


@action("mount(2)")
def mount_own_sys() -> None:
    """Mount a sysfs that shows the devices of the new network namespace; the cgroup trees are bound into it."""
    trees = os.open("/sys/fs/cgroup", os.O_PATH | os.O_CLOEXEC) if os.path.isdir("/sys/fs/cgroup") else -1
    mount("sysfs", "/sys", "sysfs", MS_NOSUID | MS_NODEV | MS_NOEXEC)
    if trees >= 0:
        bind(f"/proc/self/fd/{trees}", "/sys/fs/cgroup")
        os.close(trees)


@action("mount(2)")
def mount_own_dev() -> None:
    """Mount a small /dev over the machine's: no disk, no memory; what is needed is bound from the old one."""
    old = {
        name: os.open(f"/dev/{name}", os.O_PATH | os.O_CLOEXEC) for name in DEVICES if os.path.exists(f"/dev/{name}")
    }
    mount("lcm-lab", "/dev", "tmpfs", MS_NOSUID | MS_NOEXEC, "mode=755,size=64k")
    for name, fd in old.items():
        path = f"/dev/{name}"
        if name == "pts":
            os.mkdir(path)
        else:
            os.close(os.open(path, os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, 0o600))
        bind(f"/proc/self/fd/{fd}", path)
        os.close(fd)
    for name, text in LINKS.items():
        os.symlink(text, f"/dev/{name}")
    os.mkdir("/dev/shm", 0o1777)


@action("mount(2)")
def make_disks_readonly(ours: Sequence[str]) -> None:
    """Make every mount read-only, here only, except ``ours`` and what is below; device files on them do not work."""
    for place in list(MountTable.of()):
        if any(place.target == path or place.target.startswith(path + "/") for path in ours):
            continue
        if MountTable.of().at(place.target) is None or not os.path.exists(place.target):
            continue  # covered by another mount: out of reach
        flags = MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NODEV
        flags |= sum(value for word, value in WORDS.items() if word in place.flags and word != "nodev")
        mount("", place.target, "", flags)


@action("mount(2)")
def mount_throw_away(path: str, kept: Sequence[str] = ()) -> None:
    """Mount an empty tmpfs over ``path``: what is written there is gone with the lab. ``kept``: folders shown in it."""
    held = {place: os.open(place, os.O_PATH | os.O_CLOEXEC) for place in kept}
    mount("lcm-lab", path, "tmpfs", MS_NOSUID | MS_NODEV, "mode=1777,size=25%")
    for place, fd in held.items():
        os.makedirs(place)
        bind(f"/proc/self/fd/{fd}", place)  # as read-only as the mount that it was on
        os.close(fd)
    if held:
        os.chdir(os.getcwd())  # by its path: through the new mounts


# ---- plans ----------------------------------------------------------------------------------------------------------


def plan_lab(clone: str) -> tuple[Plan, Plan]:
    """Return the plan of the child that makes the namespaces, and of its child, who is PID 1 in them."""
    root = os.geteuid() == 0
    outside = [Step(die_with_parent, about="nothing is left when the launcher ends")]
    outside += plan_namespaces(flags_of(KINDS if root else ("user", *KINDS)))
    if not root:
        uid, gid = os.geteuid(), os.getegid()
        step = Step(write_id_maps, 0, [IdMap(0, uid, 1)], [IdMap(0, gid, 1)], about=f"user {uid} is root inside")
        outside.insert(2, step)
    outside += plan_private_mounts("rprivate")
    folders = [path for path in THROW_AWAY if _may_be_covered(path, clone)]
    here = [os.path.realpath(clone), os.path.realpath(os.curdir)]
    here = [place for place in here if not any(place.startswith(f"{other}/") for other in here)]
    inside = [
        Step(die_with_parent, about="nothing is left when the launcher ends"),
        Step(sethostname, HOST_NAME, about=f"host name {HOST_NAME}"),
        Step(bring_up_loopback, about="lo, and no other link"),
        Step(mount_own_dev, about="a /dev without disks"),
        Step(make_disks_readonly, ("/dev",), about="every disk read-only, in here"),
        Step(mount_own_proc, about="ps shows only what is in here"),
        Step(mount_own_sys, about="/sys of the new network namespace"),
        *(
            Step(
                mount_throw_away,
                path,
                tuple(sorted({one for one in here if one.startswith(f"{path}/")})),
                about=f"{path}: empty, gone afterwards",
            )
            for path in folders
        ),
    ]
    if root:
        keep = (1 << last_cap() + 1) - 1 & ~mask_of(MACHINE_CAPABILITIES)
        inside.append(Step(drop_bounding, keep, about="no kernel modules, reboot, I/O ports, clock"))
    return Plan("child", outside), Plan("init", inside)


def _may_be_covered(path: str, clone: str) -> bool:
    """Whether ``path`` is a folder (or will be one, in /dev) that is neither the clone nor where the user stands."""
    if path.startswith("/dev/"):
        return True
    here = [os.path.realpath(clone), os.path.realpath(os.curdir)]
    return os.path.isdir(path) and os.path.realpath(path) == path and path not in here


def describe(clone: str, command: Sequence[str]) -> list[str]:
    """Return the steps as a dry run prints them."""
    outside, inside = plan_lab(clone)
    words = " ".join(command) or " ".join(shell()[0])
    return [*describe_plan(outside), *describe_plan(inside), f"then, as PID 1: {words}"]


# ---- running --------------------------------------------------------------------------------------------------------


def check_machine() -> None:
    """Raise LcmError with the id of the stumbling block that keeps this machine from making the lab."""
    from . import doctor

    finding = doctor.capabilities() if os.geteuid() == 0 else doctor.user_namespaces()
    if finding.state != doctor.OK:
        hint = finding.remedy or ("" if os.geteuid() == 0 else "or with root: sudo ./course lab")
        raise LcmError(f"this machine makes no lab: {finding.seen}", hint=hint, explain=finding.explain)


def shell() -> tuple[list[str], dict[str, str]]:
    """Return the shell of the lab, and the environment that gives it its prompt."""
    kind = "root" if os.geteuid() == 0 else "root by user namespace"
    if os.access("/bin/bash", os.X_OK):
        return ["/bin/bash", "--noprofile", "--norc", "-i"], {"PS1": f"[{HOST_NAME}, {kind}] \\w \\$ "}
    return ["/bin/sh", "-i"], {"PS1": f"[{HOST_NAME}, {kind}] # "}


def run(clone: str, command: Sequence[str]) -> int:
    """Run ``command``, or a shell, in the lab; return its exit code. Raises LcmError where there can be none."""
    check_machine()
    outside, inside = plan_lab(clone)
    argv, prompt = (list(command), {}) if command else shell()
    environment = {**os.environ, **prompt, "LCM_LAB": "1", "HISTFILE": ""}
    path = find_program(argv[0], environment.get("PATH", os.defpath), "")
    if not command:
        os.write(2, b"A lab of its own: disks are read-only, /tmp and /mnt are empty, all ends with `exit`.\n")

    def become_the_command() -> None:
        inside.run({})
        exec_program([path, *argv[1:]], [f"{k}={v}" for k, v in environment.items()], argv0=argv[0])

    def make_the_namespaces() -> int:
        outside.run({})
        with spawn(become_the_command) as child:
            return child.wait()

    for number in (signal.SIGINT, signal.SIGQUIT):  # Ctrl-C is for the program in the lab
        signal.signal(number, signal.SIG_IGN)
    with spawn(make_the_namespaces) as child:
        return child.wait()
