"""One cgroup as the kernel shows it in version 2: a folder whose files are its settings and its members.

Everything here takes a path, so it works against a temporary directory too. What belongs here: making, entering,
killing, waiting for, freezing and removing one group. What does not: where hierarchies are mounted (``hierarchy``),
version 1 (``v1``), which limits there are (``core.limits``). See cgroups(7) and the kernel's cgroup-v2.rst.
"""

from __future__ import annotations

import os
from select import POLLPRI, poll
from time import monotonic, sleep

from section03_cgroups.errors import refused

from .files import read_value, write_value


def make_group(mount: str, path: str, controllers: tuple[str, ...]) -> None:
    """Make the group ``path`` (``/a/b``) under ``mount`` and give it ``controllers``.

    A group has a controller's files only if *every* ancestor passes that controller on, so the way down is: enable,
    make a folder, enable, make the next. Another process may remove an empty ancestor meanwhile, before we open its
    file (ENOENT) or after (ENODEV): then begin again.
    """
    for attempt in range(5):
        try:
            folder = mount
            for name in path.strip("/").split("/"):
                enable_controllers(folder, controllers)
                folder = f"{folder}/{name}"
                make_folder(folder)
            return
        except OSError as error:
            if error.errno not in {2, 19}:
                raise
            if attempt == 4:
                raise refused(error, "mkdir", f"{mount}{path}") from None


def make_folder(path: str) -> bool:
    """Make one group's folder; False if it was there. Raises FileNotFoundError if its parent is gone."""
    try:
        os.mkdir(path, 0o755)
    except FileExistsError:
        return False
    except FileNotFoundError:
        raise
    except OSError as error:
        raise refused(error, "mkdir", path) from None
    return True


def enable_controllers(folder: str, controllers: tuple[str, ...]) -> None:
    """Pass ``controllers`` on to the children of ``folder``, each with a write of its own.

    One write for all of them would be all or nothing. One that cannot be enabled is left out here: the setting that
    needs it fails later and says so; a container without that setting can live without it.
    """
    if not controllers:
        return
    enabled = read_value(folder, "cgroup.subtree_control").split()
    for controller in controllers:
        if controller not in enabled:
            try:
                write_value(folder, "cgroup.subtree_control", f"+{controller}")
            except OSError:
                continue


def enter_group(folder: str, pid: int) -> None:
    """Move process ``pid`` (0: the caller) with all its threads into the group. Raises CgroupError."""
    write_value(folder, "cgroup.procs", str(pid))


def members(folder: str) -> list[int]:
    """Return the pids in the group and in all groups below it; a group that vanished has none."""
    try:
        pids = [int(line) for line in read_value(folder, "cgroup.procs").split()]
    except OSError as error:
        if error.errno not in {2, 19, 95}:  # ENOENT, ENODEV: it was removed; EOPNOTSUPP: it holds threads only
            raise
        pids = []
    for child in subgroups(folder):
        pids += members(child)
    return pids


def subgroups(folder: str) -> list[str]:
    """Return the paths of the groups right below ``folder``; none if it is gone."""
    try:
        with os.scandir(folder) as entries:
            return [entry.path for entry in entries if entry.is_dir(follow_symlinks=False)]
    except FileNotFoundError:
        return []


def kill_group(folder: str) -> None:
    """SIGKILL every process in the group and below, at once, forks included (cgroup.kill, Linux 5.14)."""
    write_value(folder, "cgroup.kill", "1")


def wait_event(folder: str, key: str, value: str, seconds: float) -> bool:
    """Wait until the line ``key`` of cgroup.events is ``value``; False after ``seconds``. True if the group is gone.

    The kernel raises POLLPRI on the file when a line changes; on a plain file the poll returns at once, and waits.
    """
    deadline = monotonic() + seconds
    try:
        fd = os.open(f"{folder}/cgroup.events", os.O_RDONLY)
    except FileNotFoundError:
        return True
    try:
        poller = poll()
        poller.register(fd, POLLPRI)
        while f"{key} {value}".encode() not in os.pread(fd, 4096, 0).splitlines():
            left = deadline - monotonic()
            if left <= 0:
                return False
            poller.poll(int(left * 1000) + 1)
        return True
    except OSError as error:
        if error.errno == 19:  # ENODEV: removed while we looked
            return True
        raise
    finally:
        os.close(fd)


def freeze_group(folder: str, frozen: bool, seconds: float = 5.0) -> bool:
    """Stop (or go on) running every process of the group; True once the kernel says all of them have stopped."""
    write_value(folder, "cgroup.freeze", "1" if frozen else "0")
    return wait_event(folder, "frozen", "1" if frozen else "0", seconds)


def remove_group(folder: str, seconds: float = 2.0) -> None:
    """Remove the group and those below it, leaf first; nothing to do if it is gone. Raises CgroupError (EBUSY).

    rmdir(2) only: the files cannot be deleted. A process that was just killed holds its group for a moment longer.
    """
    for child in subgroups(folder):
        remove_group(child, seconds)
    deadline, pause = monotonic() + seconds, 0.0005
    while True:
        try:
            os.rmdir(folder)
            return
        except FileNotFoundError:
            return
        except OSError as error:
            if error.errno != 16 or monotonic() > deadline:
                raise refused(error, "rmdir", folder) from None
        sleep(pause)
        pause = min(pause * 2, 0.05)


def remove_group_if_empty(folder: str) -> None:
    """Remove one group unless it has members or children; a group that is gone is fine too."""
    try:
        os.rmdir(folder)
    except OSError as error:
        if error.errno not in {2, 16}:  # ENOENT, EBUSY
            raise refused(error, "rmdir", folder) from None
