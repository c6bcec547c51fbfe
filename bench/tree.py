"""Draw a machine full of processes: ``procman tree`` beside ``pstree``.

Run:       ./course run bench tree [--processes N] [--runs N] [--json FILE]
Needs:     pstree (Debian: psmisc), no root; N processes (default 10,000) and about 0.3 MB of memory for each
Prints:    time and peak resident memory of each, medians of interleaved runs, and the ratio of the medians

The processes are sleeping programs in one process group of their own, made by shells that end them when they end; the
group is ended as a whole, and what one forgets ends by itself after ten minutes.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import pathlib
import resource
import shutil
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator

from section01_processes import ProcessTree

PER_SHELL = 100
BYTES_EACH = 300_000
PROCMAN = str(pathlib.Path(sys.executable).parent / "procman")
#: One shell makes the shells, each of which makes its sleepers: a tree of three levels.
LEAVES = "i=1; while [ $i -lt {per} ]; do sleep 600 & i=$((i+1)); done; wait"
ROOT = "i=0; while [ $i -lt {shells} ]; do sh -c '{leaves}' & i=$((i+1)); done; wait"


def obstacle(count: int) -> str:
    """Return why ``count`` more processes do not fit here, or nothing."""
    now = sum(name.isdigit() for name in os.listdir("/proc"))
    limits = {f"kernel.{name}": number(f"/proc/sys/kernel/{name}") for name in ("pid_max", "threads-max")}
    if os.geteuid():
        limits["ulimit -u"] = resource.getrlimit(resource.RLIMIT_NPROC)[0]
    for place in pids_limits():
        limits[place] = number(place)
    for name, limit in limits.items():
        if 0 < limit < now + count + 500:
            return f"{name} is {limit}, and there are {now} processes already"
    free = int(next(line.split()[1] for line in open("/proc/meminfo", encoding="ascii") if "MemAvailable" in line))
    if free * 1024 < count * BYTES_EACH:
        return f"{count} processes take about {count * BYTES_EACH >> 20} MB, and {free >> 10} MB are free"
    return ""


def number(path: str) -> int:
    """Return the number in a file of the kernel; -1 for ``max`` or where there is none."""
    try:
        return int(pathlib.Path(path).read_text(encoding="ascii"))
    except (OSError, ValueError):
        return -1


def pids_limits() -> list[str]:
    """Return the files that limit the number of processes in our cgroup and those above it."""
    found = []
    for line in pathlib.Path("/proc/self/cgroup").read_text(encoding="utf-8").splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers in ("", "pids"):
            top = pathlib.Path("/sys/fs/cgroup/pids" if controllers else "/sys/fs/cgroup")
            places = [pathlib.PurePath(path), *pathlib.PurePath(path).parents]
            found += [str(top / str(place).lstrip("/") / "pids.max") for place in places]
    return found


@contextlib.contextmanager
def population(count: int) -> Iterator[int]:
    """Keep ``count`` sleeping processes while the block runs; yield the pid of their root."""
    script = ROOT.format(shells=max(1, count // PER_SHELL), leaves=LEAVES.format(per=PER_SHELL))
    root = subprocess.Popen(["sh", "-c", script], start_new_session=True, stdin=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 300
        while (have := members(root.pid)) < count:
            if time.monotonic() > deadline or root.poll() is not None:
                raise RuntimeError(f"only {have} of {count} processes came to be")
            time.sleep(0.5)
        yield root.pid
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(root.pid, signal.SIGKILL)
        root.wait()
        while members(root.pid):  # the last ones are init's to reap
            time.sleep(0.1)


def members(group: int) -> int:
    """Count the processes of a process group."""
    return sum(stat.pgrp == group for stat in ProcessTree.read().processes.values())


def milliseconds(command: list[str]) -> float:
    """Run ``command`` once and return its wall clock time in milliseconds."""
    began = time.perf_counter()
    subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, check=True)
    return (time.perf_counter() - began) * 1e3


def peak_megabytes(command: list[str]) -> float:
    """Run ``command`` once, apart from the timed runs, and return its peak resident memory in MB.

    VmHWM of /proc/PID/status, read over and over until the end. What wait4 reports is of no use here: it counts the
    memory of the process that forked, which is ours, until the execve.
    """
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL) as process:
        peak = 0
        with open(f"/proc/{process.pid}/status", "rb", buffering=0) as file:
            while process.poll() is None:
                file.seek(0)
                found = file.read(1 << 16).partition(b"VmHWM:")[2].split()  # a zombie has none
                peak = int(found[0]) if found else peak
        return peak / 1024


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="bench tree", description=__doc__.splitlines()[0])
    parser.add_argument("--processes", type=int, default=10_000)
    parser.add_argument("--runs", type=int, default=11)
    parser.add_argument("--json", metavar="FILE")
    arguments = parser.parse_args()
    if not shutil.which("pstree"):
        print("bench: pstree is needed: apt-get install psmisc", file=sys.stderr)
        return 1
    reason = obstacle(arguments.processes)
    if reason:
        print(f"bench: {arguments.processes} processes do not fit here: {reason} (try --processes)", file=sys.stderr)
        return 1
    commands = {"procman tree": [PROCMAN, "tree"], "pstree -p": ["pstree", "-p"]}
    with population(arguments.processes):
        total = len(ProcessTree.read().processes)
        print(f"{total} processes, {os.cpu_count()} CPUs, median of {arguments.runs} interleaved runs", flush=True)
        times: dict[str, list[float]] = {name: [] for name in commands}
        peaks: dict[str, list[float]] = {name: [] for name in commands}
        for turn in range(arguments.runs + 1):
            for name, command in commands.items():
                value, peak = milliseconds(command), peak_megabytes(command)
                if turn:  # the first round warms up
                    times[name].append(value)
                    peaks[name].append(peak)
    report(total, times, peaks, arguments.json)
    return 0


def report(total: int, times: dict[str, list[float]], peaks: dict[str, list[float]], path: str | None) -> None:
    """Print medians and their ratios; write them to ``path``."""
    medians = {"time, ms": {n: statistics.median(v) for n, v in times.items()},
               "peak, MB": {n: statistics.median(v) for n, v in peaks.items()}}  # fmt: skip
    print(f"{'':10} {'procman tree':>14} {'pstree -p':>12} {'ratio':>8}")
    for what, values in medians.items():
        ours, theirs = values["procman tree"], values["pstree -p"]
        print(f"{what:10} {ours:14.1f} {theirs:12.1f} {ours / theirs:8.2f}")
    if path:
        pathlib.Path(path).write_text(json.dumps({"processes": total, "medians": medians, "times": times}) + "\n")


if __name__ == "__main__":
    sys.exit(main())
