"""What stands about a process in further files of /proc/PID: its threads, namespaces, cgroups.

What belongs here: reading these, with "not allowed" and "gone" as values (None). What does not: how they are shown.
"""

from __future__ import annotations

import os
from typing import Any

from .core.stat import ProcessStat
from .errors import LcmError
from .status import NAMESPACES, parse_status, signal_masks


def threads_of(pid: int) -> list[ProcessStat]:
    """Return the threads of ``pid`` besides the first, in order of their ids; a thread that ends is left out.

    /proc/PID/task/TID/stat; see proc_pid_task(5). Empty when the process has gone.
    """
    found = []
    try:
        tids = sorted(int(name) for name in os.listdir(f"/proc/{pid}/task"))
    except OSError:
        return []
    for tid in tids:
        if tid != pid:
            try:
                found.append(ProcessStat.of(tid, f"/proc/{pid}/task"))
            except ProcessLookupError:
                continue
    return found


def namespaces_of(pid: int) -> dict[str, int] | None:
    """Return the inode of each namespace of ``pid``; None when we may not know. See namespaces(7).

    A zombie has left most of its namespaces: the kinds that are not there are not in the answer.
    """
    found = {}
    for kind in NAMESPACES:
        try:
            text = os.readlink(f"/proc/{pid}/ns/{kind}")  # mnt:[4026531841]
        except (FileNotFoundError, ProcessLookupError):
            continue
        except OSError:
            return None
        found[kind] = int(text.rpartition("[")[2].rstrip("]"))
    return found


def cgroups_of(pid: int) -> dict[str, str] | None:
    """Return the path of ``pid`` in each cgroup hierarchy, v2 under the name ""; None when it has gone."""
    try:
        with open(f"/proc/{pid}/cgroup", "rb") as file:
            return parse_cgroup(file.read().decode(errors="surrogateescape"))
    except OSError:
        return None


def parse_cgroup(text: str) -> dict[str, str]:
    """Return path by controllers of /proc/PID/cgroup: ``0::/a`` is v2 (name ""), ``4:memory:/b`` v1. cgroups(7)."""
    parts = (line.split(":", 2) for line in text.splitlines())
    return {part[1]: part[2] for part in parts if len(part) == 3}


def short_cgroups(paths: dict[str, str]) -> str:
    """Return the paths in one line: the one that most hierarchies agree on, then those that differ."""
    if not paths:
        return "-"
    agreed = paths.get("", max(paths.values(), key=list(paths.values()).count))
    others: dict[str, list[str]] = {}
    for name, path in paths.items():
        if path != agreed:
            others.setdefault(path, []).append(name or "v2")
    return " ".join([agreed, *(f"{','.join(names)}:{path}" for path, names in others.items())])


def signals_of(pid: int) -> dict[str, Any]:
    """Return the signal sets of ``pid`` by name, and under ``threads`` those that each thread has for itself.

    ``shared`` (what is pending for the process), ``ignored`` and ``caught`` are the process's; ``blocked`` and
    ``pending`` the first thread's, as /proc/PID/status shows them. Raises LcmError: no such process.
    """
    try:
        found: dict[str, Any] = _masks(f"/proc/{pid}/status")
        tids = sorted(int(name) for name in os.listdir(f"/proc/{pid}/task"))
    except (FileNotFoundError, ProcessLookupError) as error:
        raise LcmError(f"no process {pid}", exit_code=1) from error
    found["threads"] = []
    for tid in tids:
        try:
            masks = _masks(f"/proc/{pid}/task/{tid}/status")
            name = ProcessStat.of(tid, f"/proc/{pid}/task").comm
        except (FileNotFoundError, ProcessLookupError):
            continue  # it has ended meanwhile
        found["threads"].append({"tid": tid, "name": name, "blocked": masks["blocked"], "pending": masks["pending"]})
    return found


def _masks(path: str) -> dict[str, list[str]]:
    """Return the signal sets that a file ``status`` shows."""
    with open(path, encoding="utf-8", errors="surrogateescape") as file:
        return signal_masks(parse_status(file.read()))
