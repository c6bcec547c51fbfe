"""List a machine full of namespaces: ``nsman ls`` beside ``lsns``, both with owner and parent of each.

Run:       sudo ./course run bench namespaces [--processes N] [--namespaces N] [--runs N] [--json FILE]
Needs:     lsns (Debian: util-linux), root; N sleeping processes (default 1,000), which are forks of this one
Prints:    time and peak resident memory of each, medians of interleaved runs, and the ratio of the medians

The processes are in groups, and each group is in a namespace of every kind of its own. They have this process's death
signal: whatever ends it ends them. ``nsman ls`` looks at descriptors and mounts, too, which lsns does not.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import pathlib
import shutil
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

from tree import milliseconds, obstacle, peak_megabytes

from section01_processes import Child, close_from, set_death_signal, spawn
from section02_namespaces import CLONE_NEWUSER, flags_of, namespaces_of, unshare

NSMAN = [str(pathlib.Path(sys.executable).parent / "nsman"), "ls"]
LSNS = ["lsns", "-o", "NS,TYPE,NPROCS,PID,USER,ONS,PNS,COMMAND"]


@contextlib.contextmanager
def population(processes: int, namespaces: int) -> Iterator[None]:
    """Keep so many processes in so many new namespaces (about) while the block runs."""
    kinds = len(namespaces_of("self"))
    groups = max(1, namespaces // kinds)
    ready, tell = os.pipe()
    leaders: list[Child] = []
    try:
        for number in range(groups):
            size = processes // groups + (number < processes % groups)
            leaders.append(spawn(lambda size=size: lead(size, tell)))  # type: ignore[misc]
        os.close(tell)
        told = 0
        while told < processes:
            news = os.read(ready, 4096)
            if not news:
                raise RuntimeError(f"only {told} of {processes} processes came to be")
            told += len(news)
        yield
    finally:
        os.close(ready)
        for leader in leaders:
            leader.signal(signal.SIGKILL)
            leader.wait()
            leader.close()
        time.sleep(1)  # their namespaces are taken down in the background


def lead(size: int, tell: int) -> None:
    """Be the first of a group: in new namespaces of every kind, with ``size`` - 1 children in a new pid namespace."""
    set_death_signal(signal.SIGKILL)
    unshare(CLONE_NEWUSER)
    unshare(flags_of(kind for kind in namespaces_of("self") if kind != "user"))
    children = [spawn(lambda: sleep(tell)) for _ in range(size - 1)]
    for child in children:
        child.close()
    sleep(tell)


def sleep(tell: int) -> None:
    """Say that we are there, and sleep until killed, with the three usual descriptors."""
    set_death_signal(signal.SIGKILL)
    close_from(3, (tell,))  # of our leader's children
    os.write(tell, b".")
    os.close(tell)
    while True:
        signal.pause()


def measured(measure: Callable[[list[str]], float], command: list[str]) -> float:
    """Return what ``measure`` says of ``command``; again when it fails: lsns does when a process ends."""
    for _ in range(9):
        with contextlib.suppress(subprocess.CalledProcessError):
            return measure(command)
    return measure(command)


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="bench namespaces", description=__doc__.splitlines()[0])
    parser.add_argument("--processes", type=int, default=1000)
    parser.add_argument("--namespaces", type=int, default=300)
    parser.add_argument("--runs", type=int, default=15)
    parser.add_argument("--json", metavar="FILE")
    arguments = parser.parse_args()
    reason = "root is needed" if os.geteuid() else "" if shutil.which("lsns") else "lsns is needed"
    reason = reason or obstacle(arguments.processes)
    if reason:
        print(f"bench: {reason}", file=sys.stderr)
        return 1
    commands = {"nsman ls": NSMAN, "lsns": LSNS}
    with population(arguments.processes, arguments.namespaces):
        total = sum(name.isdigit() for name in os.listdir("/proc"))
        print(f"{total} processes, {os.cpu_count()} CPUs, median of {arguments.runs} interleaved runs", flush=True)
        times: dict[str, list[float]] = {name: [] for name in commands}
        peaks: dict[str, list[float]] = {name: [] for name in commands}
        for turn in range(arguments.runs + 1):
            for name, command in commands.items():
                value = measured(milliseconds, command)
                if turn:  # the first round warms up
                    times[name].append(value)
                    peaks[name].append(measured(peak_megabytes, command))
    report(total, times, peaks, arguments.json)
    return 0


def report(total: int, times: dict[str, list[float]], peaks: dict[str, list[float]], path: str | None) -> None:
    """Print medians and their ratios; write them to ``path``."""
    medians = {"time, ms": {n: statistics.median(v) for n, v in times.items()},
               "peak, MB": {n: statistics.median(v) for n, v in peaks.items()}}  # fmt: skip
    print(f"{'':10} {'nsman ls':>10} {'lsns':>10} {'ratio':>8}")
    for what, values in medians.items():
        ours, theirs = values["nsman ls"], values["lsns"]
        print(f"{what:10} {ours:10.1f} {theirs:10.1f} {ours / theirs:8.2f}")
    if path:
        pathlib.Path(path).write_text(json.dumps({"processes": total, "medians": medians, "times": times}) + "\n")


if __name__ == "__main__":
    sys.exit(main())
