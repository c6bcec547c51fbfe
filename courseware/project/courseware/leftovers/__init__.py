"""What the course leaves on a machine, by subject; each module finds its kind, and says what removes it.

What belongs here: what one leftover is, and the removals that several kinds need. What does not: the order, and whose
leftovers are removed (``courseware.clean``).
"""

from __future__ import annotations

import errno
import os
import select
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterable
from typing import NamedTuple

from section01_processes import ProcessStat
from section04_filesystem import MountTable

PATIENCE = 10.0  # seconds for killed processes to be gone


class Leftover(NamedTuple):
    """One thing that we made: what kind, its name, and what removes it."""

    kind: str
    name: str
    remove: Callable[[], object]


def call(*command: str) -> None:
    """Run ``command``. Raises OSError with the last line of what it said, if it fails."""
    done = subprocess.run(command, check=False, capture_output=True, text=True, errors="replace")
    if done.returncode:
        said = done.stderr.strip().splitlines() or [f"exit status {done.returncode}"]
        raise OSError(errno.EPERM, f"{os.path.basename(command[0])}: {said[-1]}")


def remove_tree(folder: str) -> None:
    """Remove ``folder`` and all below it; of one that is a mount point, all below it.

    Raises OSError: also when something is mounted below it, which is not ours; then nothing is removed.
    """
    real = os.path.realpath(folder)
    mounts = {mount.target for mount in MountTable.of()}
    inside = sorted(target for target in mounts if target.startswith(f"{real}/"))
    if inside:
        raise OSError(errno.EBUSY, f"{inside[0]} is mounted in it; umount it first")
    for path, names, _ in os.walk(folder):
        for name in names:
            inner = os.path.join(path, name)
            if not os.path.islink(inner) and not os.access(inner, os.R_OK | os.W_OK | os.X_OK):
                os.chmod(inner, 0o700)
    if real not in mounts:
        shutil.rmtree(folder)
        return
    for entry in os.scandir(folder):
        if entry.is_dir(follow_symlinks=False):
            shutil.rmtree(entry.path)
        else:
            os.unlink(entry.path)


def remove_with_parents(folder: str, stop: str) -> None:
    """Remove ``folder`` and all below it, then the empty folders above it, up to ``stop``, which stays."""
    remove_tree(folder)
    if not os.path.isdir(folder):  # a mount point
        remove_empty_above(folder, stop)


def remove_empty(folder: str, stop: str) -> None:
    """Remove ``folder``, then the empty folders above it, up to ``stop``. Raises OSError when something is in it."""
    try:
        os.rmdir(folder)
    except FileNotFoundError:
        pass
    except OSError as error:
        left = sorted(os.listdir(folder))
        raise OSError(error.errno, f"{', '.join(left[:3])} is in it" if left else error.strerror) from None
    remove_empty_above(folder, stop)


def remove_empty_above(folder: str, stop: str) -> None:
    """Remove the empty folders above ``folder``, up to ``stop``, which stays."""
    above = os.path.dirname(folder)
    while above.startswith(stop.rstrip("/") + "/"):
        try:
            os.rmdir(above)
        except OSError:  # it holds something else
            return
        above = os.path.dirname(above)


def words_of(pid: int | str) -> list[str]:
    """Return the command line of ``pid``; empty when it is gone or not ours to see."""
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            return os.fsdecode(file.read()).split("\0")[:-1]
    except OSError:
        return []


def environment_of(pid: int | str) -> bytes:
    """Return the environment that ``pid`` was executed with; empty when it is gone or not ours to see."""
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:
            return file.read()
    except OSError:
        return b""


def processes(wanted: Callable[[int], bool]) -> list[int]:
    """Return the pids that ``wanted`` says yes to; never this process, nor one above it."""
    ours = {os.getpid(), *above(os.getpid())}
    return [pid for pid in map(int, filter(str.isdigit, os.listdir("/proc"))) if pid not in ours and wanted(pid)]


def above(pid: int) -> list[int]:
    """Return the parent of ``pid``, its parent, and so on."""
    found: list[int] = []
    try:
        while (parent := ProcessStat.of(found[-1] if found else pid).ppid) > 0:
            found.append(parent)
    except ProcessLookupError:
        pass
    return found


def is_course(pid: int, *commands: str) -> bool:
    """Whether ``pid`` is a ``./course`` command, one of ``commands`` if any are named."""
    words = words_of(pid)
    at = next((n for n, word in enumerate(words) if os.path.basename(word) == "course-tool"), -1)
    return at >= 0 and (not commands or words[at + 1 : at + 2] in [[name] for name in commands])


def kill_all(wanted: Callable[[int], bool]) -> None:
    """SIGKILL every process that ``wanted`` says yes to, those too that they make meanwhile. Raises OSError."""
    for _ in range(100):
        found = processes(wanted)
        if not found:
            return
        kill(found, wanted)
    raise OSError(errno.EBUSY, f"processes {found} are made anew as fast as they are killed")


def kill(pids: Iterable[int], wanted: Callable[[int], bool]) -> None:
    """SIGKILL those of ``pids`` that still are ``wanted``; wait for their end. Raises OSError."""
    for pid in pids:
        try:
            fd = os.pidfd_open(pid)
        except ProcessLookupError:
            continue
        try:
            if wanted(pid):  # looked at after the pidfd was opened: it is this very process
                signal.pidfd_send_signal(fd, signal.SIGKILL)
                if not select.select([fd], [], [], PATIENCE)[0]:
                    raise OSError(errno.EBUSY, f"process {pid} does not end: it sleeps in the kernel")
        except ProcessLookupError:
            continue
        finally:
            os.close(fd)
