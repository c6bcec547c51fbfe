"""Who uses a mount: the processes that keep it busy (EBUSY), as far as /proc shows them. See proc_pid_fdinfo(5).

What belongs here: looking. What does not: who is inside of a folder (``occupants.py``), ending anybody.
"""

from __future__ import annotations

import os

from .mountinfo import MountTable

_WRITE = os.O_WRONLY | os.O_RDWR
_MOST = 5


def who_uses(path: str, *, writing: bool = False) -> str:
    """Return in words who keeps what is mounted at ``path`` busy, "" when nobody is seen (another user, a swap file).

    ``writing``: only those that write, whom a change to read-only would strike. Mounts below count as users, too.
    """
    table = MountTable.of()
    mount = table.containing(os.path.realpath(path))
    if mount is None:
        return ""
    words = [] if writing else [f"{child.target!r} is mounted on it" for child in table.children(mount)]
    words += [f"process {pid} ({_name(pid)})" for pid in mount_users(mount.id, writing=writing)]
    more = len(words) - _MOST
    return ", ".join(words[:_MOST]) + (f" and {more} more" if more > 0 else "")


def mount_users(mount_id: int, *, writing: bool = False) -> list[int]:
    """Return the pids that use the mount: a file open on it, or, unless ``writing``, their folder, root or program."""
    pids = sorted(int(name) for name in os.listdir("/proc") if name.isdecimal())
    return [pid for pid in pids if _has_open(pid, mount_id, writing) or (not writing and _stands_on(pid, mount_id))]


def _has_open(pid: int, mount_id: int, writing: bool) -> bool:
    """Whether the process has a file of this mount open."""
    try:
        names = os.listdir(f"/proc/{pid}/fdinfo")
    except OSError:  # ended, or not ours to see
        return False
    for name in names:
        found, flags = _fdinfo(f"/proc/{pid}/fdinfo/{name}")
        if found == mount_id and not flags & os.O_PATH and (not writing or flags & _WRITE):
            return True
    return False


def _stands_on(pid: int, mount_id: int) -> bool:
    """Whether the process has its working folder, its root or its program on this mount."""
    for link in ("cwd", "root", "exe"):
        try:
            fd = os.open(f"/proc/{pid}/{link}", os.O_PATH | os.O_CLOEXEC)
        except OSError:
            continue
        try:
            if _fdinfo(f"/proc/self/fdinfo/{fd}")[0] == mount_id:
                return True
        finally:
            os.close(fd)
    return False


def _fdinfo(path: str) -> tuple[int, int]:
    """Return (mount id, flags) of an open file; (0, 0) when it has been closed meanwhile."""
    try:
        with open(path, encoding="ascii", errors="replace") as file:
            facts = dict(line.split(":", 1) for line in file if ":" in line)
        return int(facts["mnt_id"]), int(facts["flags"], 8)
    except (OSError, KeyError, ValueError):
        return 0, 0


def _name(pid: int) -> str:
    try:
        with open(f"/proc/{pid}/comm", encoding="utf-8", errors="replace") as file:
            return file.read().rstrip("\n")
    except OSError:
        return "?"
