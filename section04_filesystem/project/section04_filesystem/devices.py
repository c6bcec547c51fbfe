"""Device files and links of a container's /dev: OCI runtime spec, "Default Devices" and "Dev symbolic links".

What belongs here: making them. What does not: who may use them (the device cgroup, section 3).
"""

from __future__ import annotations

import os
import stat

from section01_processes import Step, action

from .core.mounts import mount_bind
from .core.paths import make_target
from .errors import FilesystemError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from section01_processes import Slot

#: Every container has these (see mem(4), tty(4)).
DEFAULT_DEVICES: tuple[tuple[str, int, int], ...] = (
    ("/dev/null", 1, 3),
    ("/dev/zero", 1, 5),
    ("/dev/full", 1, 7),
    ("/dev/random", 1, 8),
    ("/dev/urandom", 1, 9),
    ("/dev/tty", 5, 0),
)
DEV_SYMLINKS: tuple[tuple[str, str], ...] = (
    ("/proc/self/fd", "/dev/fd"),
    ("/proc/self/fd/0", "/dev/stdin"),
    ("/proc/self/fd/1", "/dev/stdout"),
    ("/proc/self/fd/2", "/dev/stderr"),
    ("/proc/kcore", "/dev/core"),
    ("pts/ptmx", "/dev/ptmx"),
)
_TYPES = {"c": stat.S_IFCHR, "u": stat.S_IFCHR, "b": stat.S_IFBLK, "p": stat.S_IFIFO}


@action("mknod(2)")
def make_device(
    root_fd: int, path: str, kind: str, major: int, minor: int, mode: int = 0o666, uid: int = 0, gid: int = 0
) -> None:
    """Make the device file ``path`` (kind c, b or p) inside the root. Fine if exactly this one is there already."""
    if kind not in _TYPES:
        raise FilesystemError(f"device {path} is of unknown type {kind!r}", hint="there are: c b p u")
    folder, _, name = path.rpartition("/")
    folder_fd = make_target(root_fd, folder or "/")
    try:
        number = 0 if kind == "p" else os.makedev(major, minor)
        try:
            os.mknod(name, _TYPES[kind] | 0o600, number, dir_fd=folder_fd)
        except FileExistsError:
            there = os.stat(name, dir_fd=folder_fd, follow_symlinks=False)
            if stat.S_IFMT(there.st_mode) != _TYPES[kind] or there.st_rdev != number:
                raise FilesystemError(f"device {path} cannot be made: something else is there") from None
        os.chown(name, uid, gid, dir_fd=folder_fd, follow_symlinks=False)
        os.chmod(f"/proc/self/fd/{folder_fd}/{name}", mode)
    finally:
        os.close(folder_fd)


@action("symlinkat(2)")
def make_links(root_fd: int, links: Sequence[tuple[str, str]]) -> None:
    """Make symbolic links (text, path) inside the root; a link or file that is in the way is replaced."""
    for text, path in links:
        folder, _, name = path.rpartition("/")
        folder_fd = make_target(root_fd, folder or "/")
        try:
            try:
                os.symlink(text, name, dir_fd=folder_fd)
            except FileExistsError:
                if os.path.islink(f"/proc/self/fd/{folder_fd}/{name}") or name == "ptmx":
                    os.unlink(name, dir_fd=folder_fd)
                    os.symlink(text, name, dir_fd=folder_fd)
        finally:
            os.close(folder_fd)


def plan_devices(root: Slot | int, devices: Iterable[dict[str, object]], userns: bool) -> list[Step]:
    """Return the steps for the default devices and those of the spec's ``linux.devices``.

    A user namespace's root may not mknod(2); there the host's device files are bound instead.
    """
    wanted: dict[str, tuple[str, int, int, int, int, int]] = {
        path: ("c", major, minor, 0o666, 0, 0) for path, major, minor in DEFAULT_DEVICES
    }
    for device in devices:
        numbers = [int(str(device.get(key, default))) for key, default in _DEVICE_KEYS]
        wanted[str(device["path"])] = (str(device["type"]), *numbers)  # type: ignore[assignment]
    steps = []
    for path, what in wanted.items():
        about = f"device {path} ({what[0]} {what[1]}:{what[2]})"
        if userns:
            steps.append(Step(mount_bind, root, path, path, False, about=about + ": the host's, bound"))
        else:
            steps.append(Step(make_device, root, path, *what, about=about))
    return steps


_DEVICE_KEYS = (("major", 0), ("minor", 0), ("fileMode", 0o666), ("uid", 0), ("gid", 0))
