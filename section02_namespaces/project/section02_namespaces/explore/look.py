"""One look at every process: in which namespaces it is, and its threads, and its next children.

What belongs here: reading the links below /proc/PID/ns. What does not: what they mean together (``survey.py``).

It is measured (bench/namespaces.py), so a process costs two calls and one for each link, and processes whose links are
all alike become one group.
"""

from __future__ import annotations

import os

from ..core.kinds import KINDS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection

_NAMES = (*(kind.name for kind in KINDS), "pid_for_children", "time_for_children")
_LOOKED_UP_ONLY = os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC
_ONE_THREAD = 3  # links of /proc/PID/task: itself twice, and one for each thread


class Look:
    """What a look saw. A *set* of links is a tuple in the order of ``names``, "" where there was none.

    ``groups``: set → pids; ``threads``: (pid, tid, set) of those that differ from their process; ``unreadable``: how
    many processes showed nothing because they are not ours.
    """

    __slots__ = ("groups", "names", "threads", "unreadable")

    def __init__(self, names: tuple[str, ...]) -> None:
        self.names = names
        self.groups: dict[tuple[str, ...], list[int]] = {}
        self.threads: list[tuple[int, int, tuple[str, ...]]] = []
        self.unreadable = 0


def look_at_processes(skip: Collection[int] = ()) -> Look:
    """Look at every process of /proc but those in ``skip``; one that ends meanwhile is left out, wholly or in part.

    See namespaces(7), proc_pid_ns(5). Raises OSError when /proc cannot be read at all.
    """
    known = os.listdir("/proc/self/ns")
    names = tuple(name for name in _NAMES if name in known)
    paths = [f"ns/{name}" for name in names]
    look = Look(names)
    groups, readlink = look.groups, os.readlink
    for entry in os.listdir("/proc"):
        if not entry.isdecimal() or int(entry) in skip:
            continue
        try:
            folder = os.open(f"/proc/{entry}", _LOOKED_UP_ONLY)
        except OSError:
            continue
        try:
            links = tuple([readlink(path, dir_fd=folder) for path in paths])
            groups.setdefault(links, []).append(int(entry))
            if os.stat("task", dir_fd=folder).st_nlink != _ONE_THREAD:
                _look_at_threads(look, int(entry), links, paths)
        except OSError as error:
            _look_again(look, int(entry), folder, paths, error)
        finally:
            os.close(folder)
    return look


def _look_again(look: Look, pid: int, folder: int, paths: list[str], error: OSError) -> None:
    """Look at a process that lacks a link: a zombie has some, one whose PID 1 is still to come lacks one."""
    if isinstance(error, PermissionError):
        look.unreadable += 1
        return
    links = tuple([_link(path, folder) for path in paths])
    if any(links):
        if pid not in look.groups.get(links, ()):
            look.groups.setdefault(links, []).append(pid)
        _look_at_threads(look, pid, links, paths)


def _look_at_threads(look: Look, pid: int, own: tuple[str, ...], paths: list[str]) -> None:
    """Look at the threads of ``pid``, whose own links are ``own``."""
    try:
        threads = os.listdir(f"/proc/{pid}/task")
    except OSError:
        return
    for thread in threads:
        if int(thread) != pid:
            links = tuple([_link(f"/proc/{pid}/task/{thread}/{path}") for path in paths])
            if any(link and link != other for link, other in zip(links, own, strict=True)):
                look.threads.append((pid, int(thread), links))


def _link(path: str, folder: int | None = None) -> str:
    """Return a link's text, "" where there is none."""
    try:
        return os.readlink(path, dir_fd=folder)
    except OSError:
        return ""
