"""Read pids from standard input, and print which namespaces these processes are in, and who shares them.

peek.py [PROC]      PROC: where a proc file system is mounted, /proc by default

`net_of` is the worked example: one kind of one process. Yours: `namespaces_of` (all kinds) and `peek` (all processes).
"""

from __future__ import annotations

import json
import os
import sys

from lab import Todo


def net_of(proc: str, pid: int) -> int:
    """Worked example: return the inode of the network namespace that ``pid`` is in."""
    link = os.readlink(f"{proc}/{pid}/ns/net")  # a link that leads nowhere; its text is the answer: net:[4026531840]
    return inode_of(link)


def inode_of(link: str) -> int:
    """Return the number in the text of a link in /proc/PID/ns, such as ``net:[4026531840]``."""
    return int(link.partition("[")[2].rstrip("]"))


def namespaces_of(proc: str, pid: int) -> dict[str, int]:
    """Return kind → inode of the namespaces that ``pid`` is in. OSError: it has gone, or is not ours to look at."""
    raise Todo(f"namespaces_of: look into {proc}/{pid}/ns")


def peek(proc: str, pids: list[int]) -> dict[str, dict[str, list[int]]]:
    """Return kind → inode → the pids that share this namespace, sorted; under ``unknown`` → ``""`` the others."""
    raise Todo(f"peek: group {len(pids)} processes of {proc}")


if __name__ == "__main__":
    where = sys.argv[1] if len(sys.argv) > 1 else "/proc"
    print(json.dumps(peek(where, [int(line) for line in sys.stdin]), sort_keys=True))
