"""The steps in the life of a jail: filling its root, giving it its name, ending who is inside, removing it.

What belongs here: the actions, each of which makes one change. What does not: their order (``jails.py``).
"""

from __future__ import annotations

import errno
import fcntl
import os
import signal
import stat
import time

from section01_processes import action, format_json, write_file

from .binds import umount
from .copying import copy_up
from .errors import FilesystemError
from .hostroot import HostRoot
from .jaillock import lock
from .occupants import Occupants
from .removal import remove_tree
from .unpacking import unpack

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any


def filler(source: str) -> tuple[Any, str]:
    """Return the action that fills a root from ``source``, and the source's whole path. Raises FilesystemError."""
    if source == "host":
        return fill_from_host, source
    try:
        mode = os.stat(source).st_mode
        path = os.path.abspath(source)
    except OSError as error:
        hint = "a folder, or a tar archive"
        raise FilesystemError(f"cannot make a jail from {source!r}: {error.strerror}", hint=hint) from None
    if stat.S_ISDIR(mode):
        return fill_from_folder, path
    if stat.S_ISREG(mode):
        return fill_from_archive, path
    raise FilesystemError(f"cannot make a jail from {path!r}: neither a folder nor an archive")


@action("openat(2)")
def fill_from_host(root: str, programs: Sequence[str]) -> dict[str, Any]:
    """Build a root from the host's files; return who needs which of them. Raises FilesystemError, OSError."""
    os.mkdir(root, 0o755)
    return {"needed_by": HostRoot().build(root, programs).needed_by, "warnings": []}


@action("openat(2)")
def fill_from_folder(root: str, source: str) -> dict[str, Any]:
    """Copy folder ``source``, as far as it is on one file system. Raises FilesystemError, OSError."""
    os.mkdir(root, 0o755)
    place, path = os.stat(source), os.path.realpath(root)
    while path != "/":
        path = os.path.dirname(path)
        if os.path.samestat(place, os.stat(path)):
            raise FilesystemError(f"cannot copy {source}: the jail itself would lie in it", hint="--state elsewhere")
    fd = os.open(source, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        copy_up(fd, root, one_filesystem=True)
    except OSError as error:
        raise FilesystemError(f"cannot copy {error.filename!r} of {source}: {error.strerror}") from None
    finally:
        os.close(fd)
    return {"needed_by": {}, "warnings": []}


@action("openat2(2)")
def fill_from_archive(root: str, source: str) -> dict[str, Any]:
    """Unpack archive ``source``. Raises FilesystemError, OSError."""
    os.mkdir(root, 0o755)
    fd = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        return {"needed_by": {}, "warnings": unpack(source, fd)}
    finally:
        os.close(fd)


@action("rename(2)")
def write_record(folder: str, source: str, programs: Sequence[str], content: dict[str, Any]) -> None:
    """Write the jail's record: all of it or nothing (write, fsync, rename)."""
    record = {"source": source, "created": time.time(), "programs": list(programs), **content}
    write_file(f"{folder}/jail.json", format_json(record))


@action("rename(2)")
def publish(begun: str, path: str) -> None:
    """Give the complete jail its name. Raises FilesystemError: somebody was faster."""
    try:
        os.rename(begun, path)
    except OSError as error:
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR):
            raise
        raise FilesystemError(f"there is a jail {os.path.basename(path)} already") from None


@action("kill(2)")
def evict(path: str) -> None:
    """Kill who is inside the jail, wait until they are gone, and unmount what is mounted in it in our namespace."""
    end = time.monotonic() + 5
    while (found := Occupants.of(f"{path}/root")).pids and time.monotonic() < end:
        for pid in found.pids:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        time.sleep(0.01)
    for pid, target in reversed(found.mounts):
        if pid == 0:
            umount(target)


@action("flock(2)")
def hold(path: str, name: str) -> int:
    """Lock the jail for ourselves; return the descriptor. Raises FilesystemError, which names who uses it."""
    try:
        return lock(path, fcntl.LOCK_EX, seconds=0.2)
    except FileNotFoundError:
        raise FilesystemError(f"there is no jail {name}") from None
    except BlockingIOError:
        who = str(Occupants.of(f"{path}/root")) or "another jailman works on it"
        raise FilesystemError(f"jail {name} is in use: {who}", hint=f"jailman rm --force {name} ends them") from None


@action("proc_pid_mountinfo(5)")
def check_empty(path: str, name: str) -> None:
    """Raise FilesystemError if a process is inside the jail, or something is mounted in it; the message names them."""
    if found := Occupants.of(f"{path}/root"):
        hint = f"jailman rm --force {name} ends processes and unmounts"
        raise FilesystemError(f"jail {name} is in use: {found}", hint=hint)


@action("rename(2)")
def retire(path: str, retired: str) -> None:
    """Take its name from the jail. Raises OSError."""
    os.rename(path, retired)


@action("unlinkat(2)")
def remove_folder(path: str) -> None:
    """Remove a retired jail, staying on its mount. Raises FilesystemError when something is mounted in it after all."""
    try:
        remove_tree(path)
    except OSError as error:
        if error.errno != errno.EBUSY:
            raise
        raise FilesystemError(f"{path} cannot be removed: something is mounted in it", hint="unmount it") from None
