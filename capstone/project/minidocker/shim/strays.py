"""Children that nobody knows: what a helper of ``exec`` had forked when somebody killed it.

    shim ──fork──▶ helper (SIGKILL) ──fork──▶ child ──clone(CLONE_PARENT)──▶ process
      ▲                                         │                              │
      └───────── both become the shim's, which is a subreaper (prctl(2)) ──────┘

Unless they are killed, the user's program goes on although exec has failed; unless they are waited for, the container's
process 1 cannot end (pid_namespaces(7)). Nobody waits here: a process in a frozen cgroup dies when it thaws.

What belongs here: finding and ending them; loaded when a helper has died. What does not: helpers (``execs.py``).
"""

from __future__ import annotations

from section01_processes import Child, open_pidfd, own_children

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .main import Shim

KILL = 9


def end_strays(shim: Shim) -> None:
    """Kill every child that is neither the container's process nor of an exec; reap each when it has ended.

    The order is what spares the innocent: a helper answers *before* it ends, and its process becomes ours *after* that.
    So whatever we see in the list has its answer waiting, and is known once the answers have been taken.
    """
    found = own_children()
    for other in list(shim.execs):
        other.take_answer()
    known = {stray.pid for stray in shim.strays}.union(*(one.pids() for one in shim.execs))
    if shim.life:
        known.add(shim.life.child.pid)
    for pid in found:
        if pid not in known:
            _end(shim, pid)


def _end(shim: Shim, pid: int) -> None:
    """Kill our child ``pid``, which nobody but us can wait for; the loop tells when it is gone."""
    stray = Child(pid, open_pidfd(pid))
    stray.signal(KILL)
    shim.strays.append(stray)
    shim.loop.watch(stray.fileno(), lambda _events: _reap(shim, stray))


def _reap(shim: Shim, stray: Child) -> None:
    """Wait for a stray that has ended, then look again: it may have forked the process just before it died."""
    shim.loop.drop(stray.fileno())
    with stray:
        stray.wait()
    shim.strays.remove(stray)
    end_strays(shim)
