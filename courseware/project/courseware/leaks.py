"""Count what a container may leave behind: before must equal after.

A snapshot is a set of names per kind: mounts (of every process's mount namespace that we can see), namespaces held by
processes, cgroup folders, network links, nft rules, iptables rules, sysctls that we may touch, our children, our
descriptors. What belongs here: looking. What does not: removing (``./course clean`` and ``minidocker system check``).
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import time

SYSCTLS = ("net/ipv4/ip_forward", "net/ipv4/conf/all/route_localnet", "net/ipv4/conf/all/accept_local",
           "net/ipv4/conf/all/rp_filter", "net/ipv4/conf/default/route_localnet", "net/ipv4/conf/all/forwarding",
           "net/bridge/bridge-nf-call-iptables", "kernel/core_pattern")  # fmt: skip
Snapshot = dict[str, frozenset[str]]


def _read(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            return file.read()
    except OSError:
        return ""


def _mounts() -> frozenset[str]:
    return frozenset(" ".join(line.split()[2:5]) for line in _read("/proc/self/mountinfo").splitlines())


def _namespaces() -> frozenset[str]:
    found = set()
    for pid in filter(str.isdigit, os.listdir("/proc")):
        for kind in ("net", "mnt", "pid"):
            try:
                found.add(os.readlink(f"/proc/{pid}/ns/{kind}"))
            except OSError:
                continue
    return frozenset(found)


def _cgroups() -> frozenset[str]:
    return frozenset(d for d, _, _ in os.walk("/sys/fs/cgroup") if "minidocker" in d or "ociman" in d or "lcm" in d)


def _rules() -> frozenset[str]:
    lines: list[str] = []
    for command in (["nft", "list", "ruleset"], ["iptables-legacy-save"]):
        if shutil.which(command[0]):
            text = subprocess.run(command, capture_output=True, text=True, check=False).stdout
            lines += [x for x in (line.split(" # handle")[0].split(" counter ")[0] for line in text.splitlines())
                      if not x.startswith((":", "#"))]  # fmt: skip
    return frozenset(lines)


def _shims() -> frozenset[str]:
    found = set()
    for pid in filter(str.isdigit, os.listdir("/proc")):
        command = _read(f"/proc/{pid}/cmdline")
        if "minidocker/shim" in command:
            found.add(f"{pid} {command!r}")
    return frozenset(found)


def snapshot() -> Snapshot:
    """Return what is there now, by kind."""
    return {
        "mounts": _mounts(),
        "namespaces": _namespaces(),
        "cgroups": _cgroups(),
        "host name": frozenset([os.uname().nodename]),
        "links": frozenset(os.listdir("/sys/class/net")),
        "rules": _rules(),
        "sysctls": frozenset(f"{name}={_read('/proc/sys/' + name).strip()}" for name in SYSCTLS),
        "shims": _shims(),
        "children": frozenset(_read(f"/proc/self/task/{os.getpid()}/children").split()),
        "descriptors": frozenset(os.listdir("/proc/self/fd")),
    }


def quiet_snapshot(seconds: float = 30.0) -> Snapshot:
    """Return what is there once no shim is: one that ends removes its links after its client has been answered."""
    end = time.monotonic() + seconds
    while _shims() and time.monotonic() < end:
        time.sleep(0.02)
    return snapshot()


def difference(before: Snapshot, after: Snapshot) -> list[str]:
    """Return one line per thing that is there in one snapshot only; a namespace that has gone is not a leak."""
    lines = []
    for kind in before:
        lines += [f"left behind: {kind}: {name}" for name in sorted(after[kind] - before[kind])]
        if kind != "namespaces":
            lines += [f"gone: {kind}: {name}" for name in sorted(before[kind] - after[kind])]
    return lines


def wait_until_equal(before: Snapshot, seconds: float = 30.0) -> list[str]:
    """Return the differences to ``before``, once there are none or ``seconds`` have passed."""
    end = time.monotonic() + seconds
    while True:
        lines = difference(before, snapshot())
        if not lines or time.monotonic() > end:
            return lines
        time.sleep(0.05)


def peers_cgroups() -> frozenset[str]:
    """Return the cgroups that dockerd and podman make, and leave, at the top of each hierarchy."""
    return frozenset(d for d, _, _ in os.walk("/sys/fs/cgroup") if os.path.basename(d) in ("docker", "libpod_parent"))


def remove_cgroups(paths: frozenset[str]) -> None:
    """Remove these cgroups and those below them, as far as nobody is in them. See cgroups(7)."""
    for path in paths:
        for folder, _, _ in os.walk(path, topdown=False):
            with contextlib.suppress(OSError):
                os.rmdir(folder)
