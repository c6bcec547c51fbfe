"""What there is on a machine, for a comparison: run as root, prints JSON.

    python3 snapshot.py CLONE

Files outside the clone, mounts, links, nft rules, sysctls, cgroups, processes, packages, kernel modules, System V and
POSIX objects. What is left out, and why, stands in the tables below. Runs with the standard library alone.
"""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from collections.abc import Iterator

#: File systems that are not the machine's own: the kernel's, and the folder that this test talks through.
OTHER_SYSTEMS = ("proc", "sysfs", "cgroup2", "cgroup", "devpts", "devtmpfs", "debugfs", "tracefs", "securityfs", "bpf",
                 "fuse", "virtiofs", "mqueue", "configfs", "fusectl", "pstore", "hugetlbfs", "nsfs")  # fmt: skip
#: Path → why a difference there is nobody's leftover.
NOT_OURS = {
    "/run/sudo": "sudo's own time stamps",
    "/var/lib/sudo": "sudo's own lectures",
    "/var/log/sudo-io": "sudo's own log",
}
#: Sysctls that change by themselves.
BY_THEMSELVES = ("kernel/random/", "kernel/ns_last_pid", "kernel/pty/nr", "net/netfilter/nf_conntrack_count",
                 "kernel/perf_event_max_sample_rate", "kernel/perf_cpu_time_max_percent")  # fmt: skip


def run(*command: str) -> str:
    """Return what a command prints; nothing where it is not installed."""
    try:
        return subprocess.run(command, capture_output=True, text=True, check=False).stdout
    except FileNotFoundError:
        return ""


def read(path: str) -> str:
    """Return the text of a file; "" where it cannot be read."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:
        return ""


def every(path: str, *, but: frozenset[str] = frozenset()) -> Iterator[tuple[str, os.stat_result]]:
    """Yield each file below ``path`` and what lstat(2) says; nothing at or below ``but``.

    The machine's files come from the host through a server that keeps a descriptor for each one that the guest knows
    of, up to 20,000: so the guest forgets them again and again.
    """
    count = 0
    for folder, names, others in os.walk(path):
        names[:] = [name for name in names if os.path.join(folder, name) not in but]
        for name in (*names, *others):
            inner = os.path.join(folder, name)
            count += 1
            if count % 2000 == 0:
                forget()
            try:
                if inner not in but:
                    yield inner, os.lstat(inner)
            except FileNotFoundError:
                continue
    forget()


def forget() -> None:
    """Let the kernel forget the names that it keeps without need (proc_sys_vm(5))."""
    with open("/proc/sys/vm/drop_caches", "w", encoding="ascii") as file:
        file.write("2")


def mounts() -> dict[str, str]:
    """Return the mounts by place: file system, source, options, propagation."""
    found: dict[str, str] = {}
    for line in read("/proc/self/mountinfo").splitlines():
        left, _, right = line.partition(" - ")
        _, _, _, root, target, options, *shared = left.split()
        kind, source, *_ = right.split()
        propagation = ",".join(word.partition(":")[0] for word in shared)
        found[target] = found.get(target, "") + f" {kind} {source}{root} {options} {propagation}"
    return found


def files(clone: str) -> dict[str, str]:
    """Return every file outside the clone: type, mode, owner; size and time too, of what is no folder.

    A folder's time only says that something was in it for a while.
    """
    systems = {target: words.split()[0] for target, words in mounts().items()}
    skipped = {clone, *NOT_OURS, *(target for target, kind in systems.items() if kind in OTHER_SYSTEMS)}
    found = {}
    for path, facts in every("/", but=frozenset(skipped)):
        words = [oct(facts.st_mode), f"{facts.st_uid}:{facts.st_gid}"]
        if not stat.S_ISDIR(facts.st_mode):
            words += [f"{facts.st_size} bytes", f"{facts.st_mtime_ns}"]
        found[path] = " ".join(words)
    return found


def sysctls() -> dict[str, str]:
    """Return the values below net, kernel and user."""
    found = {}
    for top in ("net", "kernel", "user"):
        for folder, _, names in os.walk(f"/proc/sys/{top}"):
            for name in names:
                path = os.path.join(folder, name)
                if not path.removeprefix("/proc/sys/").startswith(BY_THEMSELVES):
                    found[path.removeprefix("/proc/sys/")] = read(path).strip()
    return found


def processes() -> dict[str, str]:
    """Return the processes that are no kernel threads, and not ours, by pid."""
    found = {}
    mine = {str(os.getpid()), str(os.getppid())}
    for pid in filter(str.isdigit, os.listdir("/proc")):
        words = read(f"/proc/{pid}/cmdline").replace("\0", " ").strip()
        parent = read(f"/proc/{pid}/stat").rpartition(")")[2].split()[1:2]
        zombie = read(f"/proc/{pid}/stat").rpartition(")")[2].split()[:1] == ["Z"]
        if (words or zombie) and pid not in mine and parent != ["2"]:
            found[pid] = words or "zombie"
    return found


def cgroups() -> dict[str, str]:
    """Return the cgroups, with the controllers that each hands on."""
    return {folder: read(f"{folder}/cgroup.subtree_control").strip() for folder, _, _ in os.walk("/sys/fs/cgroup")}


def links() -> dict[str, str]:
    """Return the network links: kind, alias, state, addresses."""
    found = {}
    for link in json.loads(run("ip", "-j", "-d", "address") or "[]"):
        addresses = sorted(f"{a.get('local')}/{a.get('prefixlen')}" for a in link.get("addr_info", []))
        found[link["ifname"]] = f"{link.get('ifalias', '')} {sorted(link.get('flags', []))} {addresses}"
    return found


def in_clone(clone: str) -> dict[str, str]:
    """Return what in the clone belongs to root."""
    return {path: "belongs to root" for path, facts in every(clone) if facts.st_uid == 0}


def main() -> int:
    """Print it all."""
    clone = sys.argv[1]
    listed = {
        "package": dict(line.split("\t", 1) for line in run("dpkg-query", "-W").splitlines()),
        "module": dict.fromkeys((line.split()[0] for line in read("/proc/modules").splitlines()), "loaded"),
        "ruleset": dict.fromkeys(run("nft", "list", "ruleset").splitlines(), "there"),
        "route": dict.fromkeys(run("ip", "route", "show", "table", "all").splitlines(), "there"),
        "System V object": dict.fromkeys(
            (line for kind in ("shm", "sem", "msg") for line in read(f"/proc/sysvipc/{kind}").splitlines()[1:]), "there"
        ),
        "host name": {"name": os.uname().nodename},
        "mount": mounts(),
        "link": links(),
        "sysctl": sysctls(),
        "cgroup": cgroups(),
        "process": processes(),
        "in the clone": in_clone(clone),
        "file": files(clone),
    }
    json.dump(listed, sys.stdout)
    return 0


if __name__ == "__main__":
    sys.exit(main())
