"""The processes below this one: looking at them, ending all of them, waiting for those that became ours.

What belongs here: /proc and signals. What does not: why. The test process is a subreaper (PR_SET_CHILD_SUBREAPER), so
whatever a submission forks stays below it: a daemon's parent dies, and the daemon becomes our child.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterable, Iterator
from collections.abc import Set as AbstractSet

from section01_processes import LcmError, ProcessStat


def all_stats() -> dict[int, ProcessStat]:
    """Return every process of the machine by pid; those that vanish while we look are not in it."""
    found = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                found[int(name)] = ProcessStat.of(name)
            except (OSError, LcmError):
                continue
    return found


def below(roots: Iterable[int], without: AbstractSet[int] = frozenset()) -> list[ProcessStat]:
    """Return the descendants of the processes ``roots``, by pid, zombies too; nothing at or below ``without``."""
    stats = all_stats()
    children: dict[int, list[int]] = {}
    for stat in stats.values():
        children.setdefault(stat.ppid, []).append(stat.pid)
    found: dict[int, ProcessStat] = {}
    waiting = list(roots)
    while waiting:
        for pid in children.get(waiting.pop(), ()):
            if pid not in without and pid not in found:
                found[pid] = stats[pid]
                waiting.append(pid)
    return [found[pid] for pid in sorted(found)]


def children_of(pid: int) -> list[int]:
    """Return the children of ``pid``, fast: by the kernel's own list where there is one. See proc_tid_children(5).

    The list may miss a child while others end; whoever must know asks :func:`below` too.
    """
    found: list[int] = []
    try:
        for task in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{task}/children", encoding="ascii") as file:
                found += map(int, file.read().split())
    except (FileNotFoundError, ProcessLookupError):
        if os.path.exists(f"/proc/self/task/{os.getpid()}/children"):
            return found  # the process has gone
        return [stat.pid for stat in all_stats().values() if stat.ppid == pid]
    return found


def count_below(pid: int, without: AbstractSet[int], enough: int) -> int:
    """Return how many processes are below ``pid``; stops counting when there are more than ``enough``."""
    seen: set[int] = set()
    waiting = [pid]
    while waiting and len(seen) <= enough:
        new = set(children_of(waiting.pop())) - without - seen
        seen |= new
        waiting += new
    return len(seen)


def end_all(keep: AbstractSet[int] = frozenset(), seconds: float = 10) -> list[int]:
    """SIGKILL everything below this process except ``keep`` and what is below that, also while it forks; wait for it.

    Returns the pids that are still there after ``seconds``: of another user, or asleep in the kernel.
    """
    end = time.monotonic() + seconds
    while True:
        left = _kill_once(keep) or [stat.pid for stat in below([os.getpid()], keep)]
        if not left or time.monotonic() > end:
            return left


def _kill_once(keep: AbstractSet[int]) -> list[int]:
    """Kill whoever is below us now, reap what is our own child; return the pids that were seen."""
    me, seen = os.getpid(), []
    waiting = [(pid, me) for pid in children_of(me) if pid not in keep]
    while waiting:
        pid, parent = waiting.pop()
        seen.append(pid)
        if parent != me:
            waiting += [(child, pid) for child in children_of(pid)]
            _kill(pid, {me, *seen})
            continue
        try:
            os.kill(pid, signal.SIGKILL)  # our own child: nobody else gets its pid before we have waited for it
        except (ProcessLookupError, PermissionError):
            pass
        waiting += [(child, pid) for child in children_of(pid)]
        reap([pid])
    return seen


def _kill(pid: int, parents: AbstractSet[int]) -> None:
    """Kill a process that is not our own child, if ``pid`` still is the one we mean."""
    try:
        fd = os.pidfd_open(pid)
    except OSError:
        return
    try:
        if ProcessStat.of(pid).ppid in parents:  # looked at after the pidfd was opened: it is this process's parent
            signal.pidfd_send_signal(fd, signal.SIGKILL)
    except (OSError, LcmError):
        pass
    finally:
        os.close(fd)


def reap(pids: Iterable[int]) -> None:
    """Wait for those of our children ``pids`` that have ended."""
    for pid in pids:
        try:
            os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG)
        except ChildProcessError:
            continue


def orphans(keep: AbstractSet[int]) -> Iterator[int]:
    """Yield our children that we have not forked: a submission's orphans, known by their session, which is not ours."""
    me, session = os.getpid(), os.getsid(0)
    for pid in children_of(me):
        if pid in keep:
            continue
        try:
            if ProcessStat.of(pid).session != session:
                yield pid
        except (OSError, LcmError):
            continue
