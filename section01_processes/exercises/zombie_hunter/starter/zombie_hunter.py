"""Start programs, and at each line `hunt` on standard input reap those that have ended; tell of other zombies.

zombie_hunter.py PROGRAM…

`start` and `main` are complete. Yours: `parse`, `processes`, `reap`, `hunt`, and whatever you need between them.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any, NamedTuple

from lab import Todo


class Process(NamedTuple):
    """What the hunter wants to know of a process."""

    pid: int
    name: str
    state: str  # one letter: R S D T t Z …
    parent: int


def start(program: str) -> None:
    """Start ``program`` as a child and do not wait for it."""
    if os.fork() == 0:
        try:
            os.execv(program, [program])
        finally:
            os._exit(127)


def parse(line: str) -> Process:
    """Parse a line of /proc/PID/stat: `pid (name) state ppid …`, see proc_pid_stat(5)."""
    raise Todo(f"parse: {line!r}")


def processes() -> dict[int, Process]:
    """Return all processes in /proc by pid."""
    raise Todo("processes")


def reap() -> list[dict[str, int]]:
    """Wait for all own children that have ended, and for no other; return [{"pid": …, "code": …}, …]."""
    raise Todo("reap")


def hunt() -> dict[str, Any]:
    """Reap, then look for the zombies below this process that only others can reap."""
    return {"reaped": reap(), "left": []}


def main() -> None:
    """Start the programs, then obey standard input."""
    for program in sys.argv[1:]:
        start(program)
    for line in sys.stdin:
        if line.strip() == "hunt":
            print(json.dumps(hunt()), flush=True)


if __name__ == "__main__":
    main()
