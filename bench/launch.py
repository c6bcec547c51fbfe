"""All namespaces and a root, from a warm process: our plans beside the same system calls made directly.

Run:       sudo ./course run bench launch [--runs N] [--json FILE]
Needs:     root; nothing is changed outside of the namespaces that it makes
Prints:    medians in milliseconds, interleaved, from the first fork until `true` has been waited for, and their ratio;
           beside them processor time, which other programs on the machine disturb less

Warm: all modules are loaded, the plans are made anew each time. Both do: fork, seven new namespaces (all but user),
a second fork, mounts private, the root bound on itself, /proc, a tmpfs at /dev with six devices and six links,
pivot_root, the old root let go, the root read-only, execve of `true`. The floor does it with ctypes and mount(2), in
one function; ours with section 2's and section 4's plans (descriptors, open_tree, fsopen, a safe look-up each).
"""

from __future__ import annotations

import argparse
import ctypes
import json
import os
import pathlib
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

from section01_processes import Plan, exec_program, prepare_execve, spawn
from section02_namespaces import CLONE_NEWUSER, flags_of, namespaces_of, plan_namespaces
from section04_filesystem import HostRoot, plan_rootfs

ALL = flags_of(namespaces_of("self")) & ~CLONE_NEWUSER
MOUNTS = [
    {"destination": "/proc", "type": "proc", "source": "proc", "options": ["nosuid", "noexec", "nodev"]},
    {"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "mode=755"]},
]
DEVICES = (("null", 1, 3), ("zero", 1, 5), ("full", 1, 7), ("random", 1, 8), ("urandom", 1, 9), ("tty", 5, 0))
LINKS = (("/proc/self/fd", "fd"), ("/proc/self/fd/0", "stdin"), ("/proc/self/fd/1", "stdout"),
         ("/proc/self/fd/2", "stderr"), ("/proc/kcore", "core"), ("pts/ptmx", "ptmx"))  # fmt: skip
MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_REMOUNT, MS_BIND = 1, 2, 4, 8, 32, 4096
MS_REC, MS_SLAVE, MNT_DETACH = 16384, 1 << 19, 2
libc = ctypes.CDLL(None, use_errno=True)


def ours(root: str) -> int:
    """Start `true` by plans; return its exit code."""

    def init() -> None:
        Plan("init", plan_rootfs(root, MOUNTS, readonly=True)).run({})
        exec_program(["/bin/true"], ["PATH=/bin"])

    def child() -> int:
        Plan("child", plan_namespaces(ALL)).run({})
        with spawn(init) as born:
            return born.wait()

    with spawn(child) as born:
        return born.wait()


def call(name: str, *arguments: object) -> None:
    """Make one libc call; raise OSError when it fails."""
    if libc[name](*arguments) == -1:
        raise OSError(ctypes.get_errno(), name)


def mount(source: bytes | None, target: bytes, kind: bytes | None, flags: int, data: bytes | None = None) -> None:
    """mount(2)."""
    call("mount", source, target, kind, ctypes.c_ulong(flags), data)


def floor(root: str) -> int:
    """Start `true` by the same steps, each a direct call; return its exit code."""
    if (child := os.fork()) == 0:
        code = 125
        try:
            call("unshare", ALL)
            if (init := os.fork()) == 0:
                floor_init(os.fsencode(root))
            code = os.waitstatus_to_exitcode(os.waitpid(init, 0)[1])
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def floor_init(root: bytes) -> None:
    """Make the root and become `true`."""
    try:
        execute = prepare_execve("/bin/true", [b"/bin/true"], [b"PATH=/bin"])
        mount(None, b"/", None, MS_REC | MS_SLAVE)
        mount(root, root, None, MS_BIND)
        mount(b"proc", root + b"/proc", b"proc", MS_NOSUID | MS_NODEV | MS_NOEXEC)
        mount(b"tmpfs", root + b"/dev", b"tmpfs", MS_NOSUID, b"mode=755")
        for name, major, minor in DEVICES:
            os.mknod(root + b"/dev/" + name.encode(), 0o20666, os.makedev(major, minor))
        for target, name in LINKS:
            os.symlink(target, root + b"/dev/" + name.encode())
        os.chdir(root)
        call("pivot_root", b".", b".")
        mount(None, b".", None, MS_REC | MS_SLAVE)
        call("umount2", b".", MNT_DETACH)
        os.chdir("/")
        mount(None, b"/", None, MS_BIND | MS_REMOUNT | MS_RDONLY)
        execute()
    finally:
        os._exit(125)


def forks(_: str) -> int:
    """Fork twice and execute `true`: what no isolation at all costs."""

    def init() -> None:
        exec_program([TRUE], ["PATH=/bin"])

    def child() -> int:
        with spawn(init) as born:
            return born.wait()

    with spawn(child) as born:
        return born.wait()


TRUE = shutil.which("true") or "/bin/true"


def processor_time() -> float:
    """Return the milliseconds that this process and those it has waited for have computed. getrusage(2)."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used) * 1e3


def measure(root: str, runs: int) -> dict[str, list[tuple[float, float]]]:
    """Return (milliseconds, of the processor) of each way, one after the other, without a first round to warm up."""
    ways = {"two forks and exec": forks, "the floor": floor, "our plans": ours}
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
    for turn in range(runs + 1):
        for name, way in ways.items():
            used, began = processor_time(), time.perf_counter()
            code = way(root)
            elapsed = (time.perf_counter() - began) * 1e3
            if code:
                raise SystemExit(f"bench: {name}: `true` ended with {code}")
            if turn:
                times[name].append((elapsed, processor_time() - used))
    return times


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="bench launch")
    parser.add_argument("--runs", type=int, default=101)
    parser.add_argument("--json", default="")
    options = parser.parse_args()
    if os.geteuid() != 0:
        print("bench: root is needed: sudo ./course run bench launch", file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory(prefix="lcm-bench-") as folder:
        HostRoot().build(f"{folder}/root")
        link = pathlib.Path(folder, "root/bin/true")
        if not link.exists():
            print(f"bench: the root has no {link}", file=sys.stderr)
            return 1
        times = measure(f"{folder}/root", options.runs)
        left = subprocess.run(["grep", "-c", folder, "/proc/self/mountinfo"], capture_output=True, check=False)
    medians = {name: [statistics.median(column) for column in zip(*rows, strict=True)] for name, rows in times.items()}
    print(
        f"medians of {options.runs}, interleaved, milliseconds\n{'':20} {'elapsed':>8} {'fastest':>8} {'processor':>10}"
    )
    for name, rows in times.items():
        print(f"{name:20} {medians[name][0]:8.2f} {min(rows)[0]:8.2f} {medians[name][1]:10.2f}")
    ratio = medians["our plans"][0] / medians["the floor"][0]
    print(f"ours/floor {ratio:.2f}; goal: at most 8 ms; mounts left: {left.stdout.decode().strip()}")
    if options.json:
        pathlib.Path(options.json).write_text(json.dumps(times), encoding="utf-8")
    return 0
