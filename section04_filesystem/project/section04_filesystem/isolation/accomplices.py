"""What an outsider does for an attempt, while it runs: look, move a folder, resolve a path of the jail's.

All of it happens on the stage, as its root, and touches the stage only. What belongs here: the answers to ``ask``
(link.py). What does not: judging (runner.py).
"""

from __future__ import annotations

import os
import time

from section04_filesystem.walk import safe_open

from .techniques.races import DECOY

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections import Counter
    from typing import Any

    from .model import IsolationMethod, Jailed
    from .stage import Stage

SAFE_SECONDS = 3.0  # so long at most is a resolver watched that should not be fooled
NAIVE_SECONDS = 8.0  # one that can be fooled is, within milliseconds; this is for a machine that is busy elsewhere
A_MOMENT = 0.0001  # seconds between check and use
ENOUGH = 40  # so often must the race have been met in both of its states, and lost by nobody


def answer(stage: Stage, method: IsolationMethod, jailed: Jailed, question: dict[str, Any]) -> dict[str, Any]:
    """Do what an attempt asks for and return the answer."""
    what, path = str(question["ask"]), str(question["path"])
    if what == "rename-out":
        return move_out(jailed.root() + path, f"{stage.outside}/moved-{method.name}")
    if what == "mount-over":
        return {"seen": os.path.exists(jailed.root() + path)}
    return race(stage, method, jailed.root(), path, naive={"symlink-race": check_then_open,
                                                           "rename-race": walk_and_count}[what])  # fmt: skip


def move_out(source: str, target: str) -> dict[str, Any]:
    """Move folder ``source`` of a jail to ``target`` outside; return the errno."""
    try:
        os.rename(source, target)
    except OSError as error:
        return {"errno": error.errno}
    return {"errno": 0}


def race(stage: Stage, method: IsolationMethod, root: str, path: str, naive: Any) -> dict[str, Any]:
    """Read ``path`` of the jail as the method's tools do, until the canary comes or it is plain that it will not.

    Safe tools: until enough was seen of both states of the race; people, who read by text: as long as it takes.
    """
    from collections import Counter

    counts: Counter[str] = Counter()
    nonce, safe = stage.nonce(), method.reads_safely
    end = time.monotonic() + (SAFE_SECONDS if safe else NAIVE_SECONDS)
    while time.monotonic() < end and not (safe and found_enough(counts)):
        try:
            data = method.read(root, path) if safe else naive(root, path)
            if data == nonce:
                return {"seen": True}
            counts["the jail's own file" if data == DECOY.encode() else "no file" if not data else "another file"] += 1
        except OSError as error:
            counts[os.strerror(error.errno or 0)] += 1
    how = "RESOLVE_IN_ROOT" if safe else f"no race was lost by {naive.__name__}"
    return {"seen": False, "count": f"{how}: {sum(counts.values())} looks: " + ", ".join(sorted(counts))}


def found_enough(counts: Counter[str]) -> bool:
    """Return whether the path was met in two states at least, each often."""
    return sum(number >= ENOUGH for number in counts.values()) > 1


# --- how to read a file of the jail's: as it should be, and two ways that learners (and Docker) have tried


def read_safely(root: str, path: str) -> bytes:
    """Return the file's content, resolved as if ``root`` were ``/``: by a descriptor, in one call."""
    root_fd = os.open(root, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        return _read(safe_open(root_fd, path, os.O_RDONLY | os.O_NONBLOCK))
    finally:
        os.close(root_fd)


def check_then_open(root: str, path: str) -> bytes:
    """Return the file's content by text: first check where it leads, then open it. Wrong: time passes between."""
    if not os.path.realpath(root + path).startswith(os.path.realpath(root) + "/"):
        raise PermissionError(1, "the path leads outside")
    time.sleep(A_MOMENT)  # what a real tool does between: it looks at the size, writes a log line, takes a lock
    return _read(os.open(root + path, os.O_RDONLY | os.O_CLOEXEC))


def walk_and_count(root: str, path: str) -> bytes:
    """Return the file's content by a walk that follows no link and counts its depth. Wrong: `..` asks the folder."""
    here = os.open(root, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    depth = 0
    try:
        for name in path.strip("/").split("/"):
            depth += -1 if name == ".." else 1
            if depth < 0:
                raise PermissionError(1, "the path leads outside")
            if name == "..":
                time.sleep(A_MOMENT)
            below = os.open(name, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=here)
            os.close(here)
            here = below
        return _read(os.open(f"/proc/self/fd/{here}", os.O_RDONLY | os.O_CLOEXEC))
    finally:
        os.close(here)


def _read(fd: int) -> bytes:
    try:
        return os.read(fd, 256)
    finally:
        os.close(fd)
