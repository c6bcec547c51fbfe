"""Children without a handle: of our own children the kernel alone knows, find them, end one, wait for all.

What belongs here: what is done by pid, which is safe for one's *own* children only: until somebody waits for it, a
child's pid means no other process. What does not: children that were spawned (``core/spawn.py``), they have a pidfd.
Slow path: loaded when something has gone wrong.
"""

from __future__ import annotations

import os

SIGKILL = 9


def own_children() -> list[int]:
    """Return the pids of our children, zombies included. proc_tid_children(5): it needs CONFIG_PROC_CHILDREN."""
    found = []
    for thread in os.listdir("/proc/self/task"):
        with open(f"/proc/self/task/{thread}/children", encoding="ascii") as file:
            found += [int(pid) for pid in file.read().split()]
    return found


def end_child(pid: int) -> None:
    """Kill our own child ``pid`` and wait for it. Raises ProcessLookupError, ChildProcessError: it is not ours."""
    os.kill(pid, SIGKILL)
    os.waitpid(pid, 0)


def reap_all() -> None:
    """Wait until we have no child any more; those that still run are waited for, too. waitpid(2)."""
    try:
        while True:
            os.waitpid(-1, 0)
    except ChildProcessError:
        pass
