"""One loop device: its numbers, its ioctls, finding a free one. See loop(4), <linux/loop.h>.

What belongs here: the device. What does not: plans, what is attached, lists (``loops.py``).
"""

from __future__ import annotations

import errno
import fcntl
import os
from _struct import Struct

from .errors import FilesystemError

# <linux/loop.h>
LOOP_CLR_FD = 0x4C01
LOOP_SET_STATUS64 = 0x4C04
LOOP_GET_STATUS64 = 0x4C05
LOOP_CONFIGURE = 0x4C0A
LOOP_CTL_GET_FREE = 0x4C82
LO_FLAGS_READ_ONLY = 1
LO_FLAGS_AUTOCLEAR = 4
LOOP_MAJOR = 7

# struct loop_info64 { __u64 device, inode, rdevice, offset, sizelimit; __u32 number, encrypt_type, encrypt_key_size,
#   flags; __u8 file_name[64], crypt_name[64], encrypt_key[32]; __u64 init[2]; };
_INFO = Struct("=QQQQQIIII64s64s32s16x")
# struct loop_config { __u32 fd, block_size; struct loop_info64 info; __u64 reserved[8]; };
_CONFIG_HEAD = Struct("=II")
_RESERVED = bytes(64)
_NEEDS = "loop devices need root, and a device cgroup that lets them"


class LoopDevice:
    """An attached loop device and a descriptor of it, which its owner closes (``with``); that may end the device."""

    __slots__ = ("fd", "number", "path")

    def __init__(self, number: int, fd: int) -> None:
        self.number = number
        self.fd = fd
        self.path = f"/dev/loop{number}"

    def __repr__(self) -> str:
        return self.path

    def __enter__(self) -> LoopDevice:  # noqa: PYI034 - Self would need typing
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the device."""
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1

    def configure(self, image: int, name: str, flags: int, offset: int, size_limit: int) -> None:
        """Attach the open file ``image`` by one call. Raises OSError (EBUSY: somebody else has taken the device)."""
        info = _INFO.pack(0, 0, 0, offset, size_limit, 0, 0, 0, flags, os.fsencode(name)[:63], b"", b"")
        fcntl.ioctl(self.fd, LOOP_CONFIGURE, _CONFIG_HEAD.pack(image, 0) + info + _RESERVED)

    def clear(self) -> None:
        """Detach it from its file. Raises OSError (ENXIO: it is attached to nothing)."""
        fcntl.ioctl(self.fd, LOOP_CLR_FD)

    def flags(self) -> int:
        """Return its LO_FLAGS_*. Raises OSError (ENXIO: it is attached to nothing)."""
        return int(_INFO.unpack(fcntl.ioctl(self.fd, LOOP_GET_STATUS64, bytes(_INFO.size)))[8])

    def set_autoclear(self, wanted: bool) -> None:
        """Let it end with its last user, or not. Raises OSError."""
        facts = list(_INFO.unpack(fcntl.ioctl(self.fd, LOOP_GET_STATUS64, bytes(_INFO.size))))
        facts[8] = facts[8] | LO_FLAGS_AUTOCLEAR if wanted else facts[8] & ~LO_FLAGS_AUTOCLEAR
        fcntl.ioctl(self.fd, LOOP_SET_STATUS64, _INFO.pack(*facts))


def open_free() -> tuple[int, int]:
    """Return (number, descriptor) of a device that was free a moment ago. Raises FilesystemError."""
    try:
        control = os.open("/dev/loop-control", os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        why = "this kernel has no loop devices: /dev/loop-control is missing"
        raise FilesystemError(why, hint="modprobe loop; in a container: it must be given in") from None
    except PermissionError as error:
        raise FilesystemError(f"cannot open /dev/loop-control: {error.strerror}", hint=_NEEDS) from None
    try:
        number = fcntl.ioctl(control, LOOP_CTL_GET_FREE)
    finally:
        os.close(control)
    return number, open_node(number)


def open_node(number: int) -> int:
    """Open /dev/loopN; make the node where nobody else does (a /dev that is no devtmpfs). Raises FilesystemError."""
    path = f"/dev/loop{number}"
    try:
        try:
            return os.open(path, os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError:
            os.mknod(path, 0o600 | 0o060000, os.makedev(LOOP_MAJOR, number))
            return os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except OSError as error:
        why = f"cannot open loop device {path}: {error.strerror}"
        hint = f"mknod {path} b {LOOP_MAJOR} {number}" if error.errno in (errno.ENOENT, errno.EROFS) else ""
        raise FilesystemError(why, hint=hint or _NEEDS) from None


def detect_fstype(fd: int) -> str:
    """Return the type of the file system on the device or file ``fd``, by its magic number. Raises FilesystemError."""
    head = os.pread(fd, 2048, 0)
    for fstype, place, magic in (
        ("xfs", 0, b"XFSB"),
        ("squashfs", 0, b"hsqs"),
        ("ext4", 1080, b"\x53\xef"),
        ("erofs", 1024, b"\xe2\xe1\xf5\xe0"),
    ):
        if head[place : place + len(magic)] == magic:
            return fstype
    raise FilesystemError("there is no file system that we know on it", hint="ext4, xfs, squashfs and erofs are known")
