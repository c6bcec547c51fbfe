"""Loop devices that show a file below one of our folders. A device bears nobody's name: the file's place tells.

What belongs here: finding them, and letting go of them. What does not: which folders are ours.
"""

from __future__ import annotations

import errno
import fcntl
import os
import struct
from collections.abc import Iterator
from functools import partial

import click

from section04_filesystem import LoopDevice, Occupants, list_loops

from . import Leftover

LOOP_GET_STATUS64 = 0x4C05  # <linux/loop.h>; struct loop_info64 begins with __u64 lo_device, lo_inode
_INFO_SIZE = 232


def leftovers(folder: str) -> Iterator[Leftover]:
    """Yield loop devices that show a file below ``folder`` and that nobody uses.

    One that ends with its last user is his; of one whose file has gone nobody can tell whose it is.
    """
    top = os.path.realpath(folder)
    for row in list_loops():
        device, file = str(row["device"]), str(row["file"])
        if os.geteuid() != 0 or row["autoclear"] or not file.startswith(f"{top}/") or not shows(device, file):
            continue
        jail = f"{top}/{file[len(top) + 1 :].partition('/')[0]}/root"
        mounted = row["mounted"]
        if isinstance(mounted, list) and mounted:
            click.echo(f"kept: loop device {device} of {file}: it is mounted at {mounted[0]}")
        elif os.path.isdir(jail) and (inside := Occupants.of(jail)):
            click.echo(f"kept: loop device {device} of {file}: {inside}")
        else:
            yield Leftover("loop device", f"{device} of {file}", partial(detach, device, file))


def shows(device: str, file: str) -> bool:
    """Whether ``device`` shows this very file: the kernel tells its path in whatever mount namespace it was opened."""
    try:
        fd = os.open(device, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        return _shows(fd, file)
    finally:
        os.close(fd)


def _shows(fd: int, file: str) -> bool:
    try:
        facts = os.lstat(file)
        info = fcntl.ioctl(fd, LOOP_GET_STATUS64, bytes(_INFO_SIZE))
    except OSError:
        return False
    return struct.unpack_from("=QQ", info) == (facts.st_dev, facts.st_ino)


def detach(device: str, file: str) -> None:
    """Detach ``device`` if it still shows ``file``; while it is open nobody can attach something else to it.

    Raises OSError (EBUSY: somebody has opened it meanwhile).
    """
    number = int(device.removeprefix("/dev/loop"))
    with LoopDevice(number, os.open(device, os.O_RDONLY | os.O_CLOEXEC)) as opened:
        if not _shows(opened.fd, file):
            raise OSError(errno.ESTALE, f"{device} shows another file meanwhile")
        opened.clear()
