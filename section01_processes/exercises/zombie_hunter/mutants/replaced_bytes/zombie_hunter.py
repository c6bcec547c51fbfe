"""Start programs, and at each line `hunt` on standard input reap those that have ended; tell of other zombies.

zombie_hunter.py PROGRAM…
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any, NamedTuple


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
    """Parse a line of /proc/PID/stat. The name is not quoted and may hold ") (": it ends at the last parenthesis."""
    head, _, tail = line.rpartition(")")
    pid, _, name = head.partition(" (")
    state, parent = tail.split()[:2]
    return Process(int(pid), name, state, int(parent))


def processes() -> dict[int, Process]:
    """Return all processes in /proc by pid."""
    found = {}
    for entry in os.listdir("/proc"):
        if entry.isdecimal():
            try:
                with open(f"/proc/{entry}/stat", encoding="utf-8", errors="replace") as file:
                    found[int(entry)] = parse(file.read())
            except (FileNotFoundError, ProcessLookupError):
                continue  # gone between listdir and read: normal
    return found


def below(pid: int, table: dict[int, Process]) -> list[Process]:
    """Return the descendants of ``pid``."""
    children = [process for process in table.values() if process.parent == pid]
    return [found for child in children for found in [child, *below(child.pid, table)]]


def reap() -> list[dict[str, int]]:
    """Wait for all own children that have ended, and for no other: one signal may stand for many ends."""
    reaped: list[dict[str, int]] = []
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:  # no child at all
            return reaped
        if pid == 0:  # children, but none that has ended
            return reaped
        code = os.waitstatus_to_exitcode(status)
        reaped.append({"pid": pid, "code": code if code >= 0 else 128 - code})


def hunt() -> dict[str, Any]:
    """Reap, then look for what only others can reap."""
    reaped = reap()
    table = processes()
    zombies = [process for process in below(os.getpid(), table) if process.state == "Z"]
    left = [{"pid": zombie.pid, "name": zombie.name, "parent": zombie.parent, "parent_name": table[zombie.parent].name}
            for zombie in zombies if zombie.parent != os.getpid()]  # fmt: skip
    return {"reaped": reaped, "left": left}


def main() -> None:
    """Start the programs, then obey standard input."""
    for program in sys.argv[1:]:
        start(program)
    for line in sys.stdin:
        if line.strip() == "hunt":
            print(json.dumps(hunt()), flush=True)


if __name__ == "__main__":
    main()
