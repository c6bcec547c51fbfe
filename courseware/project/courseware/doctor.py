"""Say what this machine can do for the course: per feature ok, missing or blocked, with the stumbling block's id.

Needs no root, installs nothing, leaves nothing changed, ends within seconds. Runs before anything is set up, on the
standard library and sections 1, 2 and 4 alone:  python3 -I -S doctor.py [--json]

What belongs here: looking, in files of /proc, /sys and /etc and at programs on PATH. What does not: trying things out
by doing them; the exceptions are forked children: one unshares a user namespace, one mounts an overlay in namespaces of
its own, over a folder that is made for it and removed. Whether that works, no file tells.
"""

from __future__ import annotations

import errno
import json
import os
import platform
import shutil
import sys
import tempfile

OK, MISSING, BLOCKED = "ok", "missing", "blocked"
#: What an ordinary user may do where his own folder is no place for an overlay.
WITH_SUDO = "containers of your own do not start there; with sudo they do, if /var/lib is another file system"
MARKS = {OK: "ok     ", MISSING: "missing", BLOCKED: "blocked"}


class Finding:
    """One feature of the machine: its state, what was seen, and what to do about it."""

    __slots__ = ("explain", "feature", "remedy", "seen", "state")

    def __init__(self, feature: str, state: str, seen: str, remedy: str = "", explain: str = "") -> None:
        self.feature = feature
        self.state = state
        self.seen = seen
        self.remedy = remedy
        self.explain = explain

    def as_dict(self) -> dict[str, str]:
        """Return the finding for ``--json``."""
        return {name: getattr(self, name) for name in ("feature", "state", "seen", "remedy", "explain")}


def read(path: str) -> str:
    """Return the stripped text of ``path``, or an empty string where it cannot be read."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read().strip()
    except OSError:
        return ""


def which(program: str) -> str:
    """Return the path of ``program``, looked up in PATH and in the administrators' folders, or an empty string."""
    for folder in [*os.environ.get("PATH", "").split(":"), "/usr/sbin", "/sbin", "/usr/bin", "/bin"]:
        path = os.path.join(folder or ".", program)
        if os.access(path, os.X_OK) and os.path.isfile(path):
            return path
    return ""


# ---- one function per feature ---------------------------------------------------------------------------------------


def kernel() -> Finding:
    """Linux 6.1 or newer."""
    release = platform.release()
    numbers = tuple(int("".join(c for c in part if c.isdigit()) or 0) for part in release.split(".")[:2])
    if numbers >= (6, 1):
        return Finding("kernel", OK, release)
    return Finding("kernel", MISSING, f"{release}, older than 6.1", "use a newer kernel or a virtual machine")


def architecture() -> Finding:
    """x86_64 or aarch64."""
    machine = platform.machine()
    if machine in ("x86_64", "aarch64"):
        return Finding("architecture", OK, machine)
    return Finding("architecture", MISSING, machine, "x86_64 and aarch64 are supported", "LCM-ENV-07")


def python() -> Finding:
    """Python 3.11 or newer, with the venv module."""
    version = platform.python_version()
    if sys.version_info < (3, 11):  # noqa: UP036 - this file also runs on what is too old
        return Finding("python", MISSING, version, "apt-get install python3.11 python3.11-venv", "LCM-ENV-04")
    try:
        import ensurepip  # noqa: F401
    except ImportError:
        return Finding("python", MISSING, f"{version} without venv", "sudo apt-get install python3-venv", "LCM-ENV-03")
    return Finding("python", OK, version)


def user() -> Finding:
    """Root, or an ordinary user who may have sudo."""
    if os.geteuid() == 0:
        return Finding("user", OK, "root")
    if which("sudo"):
        return Finding("user", OK, f"uid {os.geteuid()}, sudo is installed")
    return Finding("user", OK, f"uid {os.geteuid()}, no sudo", "what needs root will not run")


def capabilities() -> Finding:
    """The capabilities that a container's start asks for, in the bounding set."""
    line = next((x for x in read("/proc/self/status").splitlines() if x.startswith("CapBnd")), "CapBnd: 0")
    bounding = int(line.split()[1], 16)
    if not bounding >> 21 & 1:
        return Finding("capabilities", BLOCKED, "no CAP_SYS_ADMIN in the bounding set", "", "LCM-ENV-06")
    if not bounding >> 24 & 1:
        return Finding("capabilities", OK, "no CAP_SYS_RESOURCE: rlimits cannot be raised (a warning, no failure)")
    return Finding("capabilities", OK, "the bounding set has all that containers need")


def user_namespaces() -> Finding:
    """A child unshares a user namespace; Ubuntu's AppArmor knob is read from its sysctl, not guessed from errno."""
    if read("/proc/sys/kernel/apparmor_restrict_unprivileged_userns") == "1" and os.geteuid() != 0:
        return Finding("user namespaces", BLOCKED, "kernel.apparmor_restrict_unprivileged_userns = 1",
                       "an AppArmor profile for the tool, or the guest", "LCM-US-02")  # fmt: skip
    if read("/proc/sys/user/max_user_namespaces") == "0":
        return Finding("user namespaces", BLOCKED, "user.max_user_namespaces = 0", "", "LCM-US-03")
    from section02_namespaces import CLONE_NEWUSER, unshare

    pid = os.fork()
    if pid == 0:
        try:
            unshare(CLONE_NEWUSER)
        except OSError:
            os._exit(1)
        os._exit(0)
    if os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0:
        return Finding("user namespaces", OK, "unshare(CLONE_NEWUSER) works")
    return Finding("user namespaces", BLOCKED, "unshare(CLONE_NEWUSER) was refused", "", "LCM-ENV-06")


def id_ranges() -> Finding:
    """Newuidmap and a range in /etc/subuid, for rootless containers with more than one id."""
    if not which("newuidmap"):
        return Finding("newuidmap", MISSING, "not installed", "sudo apt-get install uidmap", "LCM-US-04")
    name = user_name()
    if any(line.split(":")[0] in (name, str(os.geteuid())) for line in read("/etc/subuid").splitlines()):
        return Finding("newuidmap", OK, f"a range for {name} in /etc/subuid")
    return Finding("newuidmap", OK, f"installed; no range for {name} in /etc/subuid: one id is mapped")


def user_name() -> str:
    """Return the name of the user who asks: under sudo, of the one who called it."""
    import pwd

    uid = int(os.environ.get("SUDO_UID") or os.geteuid())
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def namespace_limits() -> Finding:
    """The limits user.max_*_namespaces."""
    zero = [n for n in ("pid", "mnt", "net", "uts", "ipc", "cgroup", "time")
            if read(f"/proc/sys/user/max_{n}_namespaces") == "0"]  # fmt: skip
    if zero:
        return Finding("namespaces", BLOCKED, f"user.max_…_namespaces is 0 for {', '.join(zero)}", "", "LCM-US-03")
    kinds = sorted(n for n in os.listdir("/proc/self/ns") if not n.endswith("_for_children"))
    return Finding("namespaces", OK, " ".join(kinds))


def control_groups() -> Finding:
    """The cgroup mode, and where each controller is."""
    mounts = [line.split(" - ", 1) for line in read("/proc/self/mountinfo").splitlines()]
    v1, v2 = [], ""
    for left, right in mounts:
        kind = right.split()[0]
        if kind == "cgroup":
            v1.append(os.path.basename(left.split()[4]))
        elif kind == "cgroup2":
            v2 = left.split()[4]
    controllers = read(f"{v2}/cgroup.controllers").split() if v2 else []
    if not v1 and not v2:
        return Finding("cgroups", MISSING, "no cgroup file system is mounted", "", "LCM-CG-01")
    mode = "hybrid" if v1 and v2 else "v1" if v1 else "v2"
    names = sorted({*v1, *controllers} - {"systemd"})
    lacking = [n for n in ("cpu", "memory", "pids") if n not in names]
    if lacking:
        return Finding("cgroups", MISSING, f"{mode}, without {' '.join(lacking)}", "", "LCM-CG-03")
    return Finding("cgroups", OK, f"{mode}: {' '.join(names)}", "", "LCM-CG-01" if mode != "v2" else "")


def overlay() -> Finding:
    """A child mounts an overlay where MiniDocker would: root below /var/lib, others in a user namespace, at home."""
    home = os.environ.get("XDG_DATA_HOME") or os.path.expanduser("~/.local/share")
    place = "/var/lib" if os.geteuid() == 0 else home
    while not os.path.isdir(place):
        place = os.path.dirname(place)
    try:
        folder = tempfile.mkdtemp(prefix=".lcm-doctor-", dir=place)
    except OSError as error:
        return Finding("overlay", BLOCKED, f"cannot try it in {place}: {error.strerror}")
    try:
        code = _mount_overlay(folder)
    finally:
        if os.path.isdir(f"{folder}/work/work"):
            os.chmod(f"{folder}/work/work", 0o700)  # the kernel made it, without any right
        shutil.rmtree(folder)
    if code == 0:
        return Finding("overlay", OK, f"mounted over a folder in {place}")
    seen = f"refused over a folder in {place}: {os.strerror(code)}"
    return Finding("overlay", BLOCKED, seen, "" if os.geteuid() == 0 else WITH_SUDO, "LCM-IM-01")


def _mount_overlay(folder: str) -> int:
    """Mount an overlay of folders in ``folder`` in a child with namespaces of its own; return 0 or the errno."""
    from section02_namespaces import CLONE_NEWNS, CLONE_NEWUSER, IdMap, unshare, write_id_maps
    from section04_filesystem import mount, set_propagation

    for name in ("lower", "upper", "work", "merged"):
        os.mkdir(f"{folder}/{name}")
    uid, gid = os.geteuid(), os.getegid()
    pid = os.fork()
    if pid:
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    try:
        unshare(CLONE_NEWNS | (CLONE_NEWUSER if uid else 0))
        if uid:
            write_id_maps(0, [IdMap(0, uid, 1)], [IdMap(0, gid, 1)])
        set_propagation("/", "rprivate")
        layers = f"lowerdir={folder}/lower,upperdir={folder}/upper,workdir={folder}/work"
        mount("overlay", f"{folder}/merged", "overlay", 0, layers + (",userxattr" if uid else ""))
    except OSError as error:
        os._exit(error.errno or errno.EIO)
    except BaseException:
        os._exit(errno.EPERM)
    os._exit(0)


def seccomp() -> Finding:
    """Seccomp filters."""
    actions = read("/proc/sys/kernel/seccomp/actions_avail")
    return Finding("seccomp", OK if actions else MISSING, actions or "no kernel.seccomp.actions_avail")


def security_modules() -> Finding:
    """AppArmor, SELinux, Landlock …: the list the kernel gives."""
    modules = read("/sys/kernel/security/lsm")
    return Finding("security modules", OK, modules.replace(",", " ") or "the list cannot be read (needs securityfs)")


def firewall() -> Finding:
    """The nft program, for masquerading and published ports."""
    path = which("nft")
    if path:
        return Finding("nft", OK, path)
    return Finding("nft", MISSING, "not installed", "sudo apt-get install nftables", "LCM-NET-01")


def busybox() -> Finding:
    """A static busybox, the best root file system for the embedded image."""
    path = which("busybox")
    if path:
        return Finding("busybox", OK, path)
    return Finding("busybox", MISSING, "not installed; /bin/sh and its libraries will do",
                   "sudo apt-get install busybox-static")  # fmt: skip


def guest() -> Finding:
    """What a throw-away guest runs on."""
    kvm = os.access("/dev/kvm", os.R_OK | os.W_OK)
    qemu = which(f"qemu-system-{platform.machine()}")
    seen = f"{'KVM' if kvm else 'no KVM (slower emulation)'}, {'qemu' if qemu else 'no qemu'}"
    return Finding(
        "guest", OK if qemu else MISSING, seen, "" if qemu else "only for guest tests: ./course test installs it"
    )


def surroundings() -> Finding:
    """Inside a container, WSL2, or a machine of its own."""
    if "microsoft" in read("/proc/sys/kernel/osrelease").lower():
        return Finding("surroundings", OK, "WSL2", "", "LCM-ENV-05")
    marker = next((p for p in ("/.dockerenv", "/run/.containerenv") if os.path.exists(p)), "")
    if marker and capabilities().state == BLOCKED:
        return Finding("surroundings", BLOCKED, "inside a container: mount and unshare are refused", "", "LCM-ENV-06")
    if marker:
        return Finding("surroundings", OK, f"{marker} is there, and CAP_SYS_ADMIN: privileged, or a VM")
    return Finding("surroundings", OK, "a machine of its own")


def disk() -> Finding:
    """Room for the environment and images."""
    stat = os.statvfs(os.path.dirname(os.path.abspath(__file__)))
    free = stat.f_bavail * stat.f_frsize // 2**20
    if free >= 500:
        return Finding("disk", OK, f"{free} MB free")
    return Finding("disk", MISSING, f"{free} MB free; set-up needs 500 MB")


CHECKS = (
    *(kernel, architecture, python, user, capabilities, user_namespaces, id_ranges, namespace_limits, control_groups),
    *(overlay, seccomp, security_modules, firewall, busybox, guest, surroundings, disk),
)


def findings() -> list[Finding]:
    """Return one finding per check, in order."""
    return [check() for check in CHECKS]


def render(results: list[Finding]) -> str:
    """Return the table that a person reads."""
    lines = []
    for f in results:
        line = f"{MARKS[f.state]}  {f.feature:<17} {f.seen}"
        if f.remedy:
            line += f"\n{'':28}-> {f.remedy}"
        if f.explain:
            line += f"  [{f.explain}]"
        lines.append(line)
    return "\n".join(lines)


def main(arguments: list[str]) -> int:
    """Print the table (or JSON); 0, or 1 if a feature that every container needs is not there."""
    if "--help" in arguments or "-h" in arguments:
        sys.stdout.write("Usage: ./course doctor [--json]\n\nSays what this machine can do. Needs no root."
                         "\nEnds with 1 if no container can run.\n")  # fmt: skip
        return 0
    unknown = [a for a in arguments if a != "--json"]
    if unknown:
        sys.stderr.write(f"course: doctor takes --json only, not {' '.join(unknown)}\n")
        return 2
    results = findings()
    if "--json" in arguments:
        sys.stdout.write(json.dumps([f.as_dict() for f in results], indent=2) + "\n")
    else:
        sys.stdout.write(render(results) + "\n")
    needed = {"kernel", "architecture", "python", "cgroups", "overlay", "seccomp", "surroundings"}
    lacking = [f.feature for f in results if f.state != OK and f.feature in needed and f.remedy != WITH_SUDO]
    if lacking and "--json" not in arguments:
        sys.stdout.write(f"\nno container can run here as it is: {', '.join(lacking)}\n")
    return 1 if lacking else 0


if __name__ == "__main__":
    projects = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    clone = os.path.dirname(os.path.dirname(projects))
    needed = ("section01_processes", "section02_namespaces", "section04_filesystem")
    sys.path += [projects, *(os.path.join(clone, section, "project") for section in needed)]
    sys.exit(main(sys.argv[1:]))
