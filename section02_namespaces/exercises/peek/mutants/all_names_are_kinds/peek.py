"""Read pids from standard input, and print which namespaces these processes are in, and who shares them.

peek.py [PROC]      PROC: where a proc file system is mounted, /proc by default
"""

from __future__ import annotations

import json
import os
import sys


def inode_of(link: str) -> int:
    """Return the number in the text of a link in /proc/PID/ns, such as ``net:[4026531840]``."""
    return int(link.partition("[")[2].rstrip("]"))


def namespaces_of(proc: str, pid: int) -> dict[str, int]:
    """Return kind → inode of the namespaces that ``pid`` is in. OSError: it has gone, or is not ours to look at."""
    folder = f"{proc}/{pid}/ns"
    found = {}
    for kind in os.listdir(folder):  # whatever kinds this kernel has
        found[kind] = inode_of(os.readlink(f"{folder}/{kind}"))
    return found


def peek(proc: str, pids: list[int]) -> dict[str, dict[str, list[int]]]:
    """Return kind → inode → the pids that share this namespace, sorted; under ``unknown`` → ``""`` the others."""
    groups: dict[str, dict[str, list[int]]] = {}
    for pid in sorted(pids):
        try:
            namespaces = namespaces_of(proc, pid)
        except OSError:
            groups.setdefault("unknown", {}).setdefault("", []).append(pid)
            continue
        for kind, inode in namespaces.items():
            groups.setdefault(kind, {}).setdefault(str(inode), []).append(pid)
    return groups


if __name__ == "__main__":
    where = sys.argv[1] if len(sys.argv) > 1 else "/proc"
    print(json.dumps(peek(where, [int(line) for line in sys.stdin]), sort_keys=True))
