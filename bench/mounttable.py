"""Parse a mount table of many lines and ask it: ``MountTable`` on a made-up mountinfo.

Run:       ./course run bench mounttable [--lines N] [--runs N] [--json FILE]
Needs:     no root
Prints:    medians in milliseconds of parsing, of the first question (it makes the index) and of 1,000 look-ups by path
"""

from __future__ import annotations

import argparse
import json
import pathlib
import statistics
import time

from section04_filesystem import MountTable


def made_up(lines: int) -> str:
    """Return a mountinfo as a busy container host has it: deep folders, escapes, two optional fields."""
    rows = ["29 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw,errors=remount-ro"]
    for n in range(30, 29 + lines):
        place = f"/var/lib/machines/with\\040space/{n // 100}/{n}"
        flags = "rw,nosuid,nodev,relatime"
        rows.append(f"{n} 29 0:{n} /sub/{n} {place} {flags} shared:{n} master:1 - overlay overlay rw,lowerdir=a:b:c")
    return "\n".join(rows) + "\n"


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="bench mounttable")
    parser.add_argument("--lines", type=int, default=10_000)
    parser.add_argument("--runs", type=int, default=11)
    parser.add_argument("--json", default="")
    options = parser.parse_args()
    text = made_up(options.lines)
    times: dict[str, list[float]] = {"parse": [], "index": [], "1000 look-ups": []}
    for _ in range(options.runs):
        began = time.perf_counter()
        table = MountTable.parse(text)
        parsed = time.perf_counter()
        table.at("/")
        indexed = time.perf_counter()
        for n in range(1000):
            table.containing(f"/var/lib/machines/with space/{n // 100}/{n}/file")
        found = time.perf_counter()
        for name, seconds in zip(times, (parsed - began, indexed - parsed, found - indexed), strict=True):
            times[name].append(seconds * 1000)
    medians = {name: round(statistics.median(values), 2) for name, values in times.items()}
    for name, value in medians.items():
        print(f"{name:14} {value:8.2f} ms   ({options.lines} mounts, median of {options.runs})")
    if options.json:
        pathlib.Path(options.json).write_text(json.dumps({"lines": options.lines, **medians}), encoding="utf-8")
    return 0
