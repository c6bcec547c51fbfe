"""Loop devices: a file that the kernel shows as a disk. See loop(4).

A free device is asked for, bound to the file by one call (LOOP_CONFIGURE), and is gone when its last user is
(LO_FLAGS_AUTOCLEAR): so whoever is killed half-way leaves none behind. Only the last step of an attachment that shall
stay takes that flag off again; a mounted one keeps it, and goes with its mount.

What belongs here: finding, attaching, listing, detaching. What does not: what is in the file (``images.py``).
"""

from __future__ import annotations

import errno
import fcntl
import os
from _struct import Struct

from section01_processes import Slot, Step, action

from .binds import mount
from .core.flags import MS_RDONLY
from .errors import FilesystemError, mount_error
from .mountinfo import MountTable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

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
_TRIES = 64
_SECTOR = 512

IMAGE = Slot("image", "the image file")
DEVICE = Slot("device", "the loop device")


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

    def flags(self) -> int:
        """Return its LO_FLAGS_*. Raises OSError (ENXIO: it is attached to nothing)."""
        return int(_INFO.unpack(fcntl.ioctl(self.fd, LOOP_GET_STATUS64, bytes(_INFO.size)))[8])

    def set_autoclear(self, wanted: bool) -> None:
        """Let it end with its last user, or not. Raises OSError."""
        facts = list(_INFO.unpack(fcntl.ioctl(self.fd, LOOP_GET_STATUS64, bytes(_INFO.size))))
        facts[8] = facts[8] | LO_FLAGS_AUTOCLEAR if wanted else facts[8] & ~LO_FLAGS_AUTOCLEAR
        fcntl.ioctl(self.fd, LOOP_SET_STATUS64, _INFO.pack(*facts))


@action("openat(2)")
def open_image(path: str, read_only: bool) -> int:
    """Open the image file. Raises FilesystemError for what is no regular file, OSError."""
    if os.path.exists(path) and not os.path.isfile(path):  # a fifo would wait for its other end
        raise FilesystemError(f"{path} is no regular file: a loop device shows a file as a disk")
    return os.open(path, (os.O_RDONLY if read_only else os.O_RDWR) | os.O_CLOEXEC)


@action("loop(4)")
def attach_free(image: int, path: str, read_only: bool = False, offset: int = 0, size_limit: int = 0) -> LoopDevice:
    """Attach the open file ``image`` (closed here) to a free device, which ends with its last user.

    ``path`` is what the device will say it shows; ``offset`` and ``size_limit`` (0: all) in bytes. Somebody else may
    take the device between the question and the answer's use (EBUSY): then the next free one. Raises MountError,
    FilesystemError.
    """
    flags = LO_FLAGS_AUTOCLEAR | (LO_FLAGS_READ_ONLY if read_only else 0)
    name = os.fsencode(path)[:63]
    info = _INFO.pack(0, 0, 0, offset, size_limit, 0, 0, 0, flags, name, b"", b"")
    config = _CONFIG_HEAD.pack(image, 0) + info + _RESERVED
    try:
        if offset % _SECTOR or size_limit % _SECTOR:  # the kernel would round down, and say nothing
            raise FilesystemError(f"offset and size of a loop device are multiples of {_SECTOR} bytes")
        for _ in range(_TRIES):
            device = LoopDevice(*_open_free())
            try:
                fcntl.ioctl(device.fd, LOOP_CONFIGURE, config)
                return device
            except OSError as error:
                device.close()
                if error.errno != errno.EBUSY:
                    raise _refusal(error, device, path) from None
        raise FilesystemError(f"{_TRIES} free loop devices were taken by others before we had one of them")
    finally:
        os.close(image)


@action("mount(2)", flags="MS_")
def mount_device(device: LoopDevice, target: str, fstype: str, flags: int = 0) -> None:
    """Mount what is on the device at ``target``; the mount now holds the device, and our descriptor is closed.

    ``fstype`` "": as the content says. Raises MountError, FilesystemError.
    """
    with device:
        mount(device.path, target, fstype or detect_fstype(device.fd), flags)


@action("loop(4)")
def keep_attached(device: LoopDevice) -> str:
    """Let the device stay when nobody uses it; return its path. The last step: whoever dies before leaves nothing."""
    with device:
        device.set_autoclear(False)
    return device.path


def plan_attach(
    path: str, *, read_only: bool = False, offset: int = 0, target: str = "", fstype: str = ""
) -> list[Step]:
    """Return the steps that attach the file ``path``, and mount it at ``target`` if one is given; path in DEVICE."""
    steps = [
        Step(open_image, path, read_only, about=f"the file {path}", out=IMAGE),
        Step(
            attach_free,
            IMAGE,
            os.path.abspath(path),
            read_only,
            offset,
            about="a free device, ends by itself",
            out=DEVICE,
        ),
    ]
    if target:
        flags = MS_RDONLY if read_only else 0
        return [*steps, Step(mount_device, DEVICE, target, fstype, flags, about="from here on the mount holds it")]
    return [*steps, Step(keep_attached, DEVICE, about="it stays, until it is detached")]


def attach_loop(path: str, *, read_only: bool = False, offset: int = 0, size_limit: int = 0) -> LoopDevice:
    """Attach the file ``path``; the device ends when the returned one is closed and nothing is mounted from it."""
    image = open_image(path, read_only)
    device: LoopDevice = attach_free(image, os.path.abspath(path), read_only, offset, size_limit)
    return device


@action("loop(4)")
def detach_loop(name: str) -> tuple[str, str]:
    """Detach the device ``name`` (/dev/loopN), or the one that shows the file ``name``.

    Return (its path, "" or why it only goes later: somebody still uses it). Raises FilesystemError, OSError.
    """
    number = _number_of(name)
    with LoopDevice(number, _open_node(number)) as device:
        try:
            fcntl.ioctl(device.fd, LOOP_CLR_FD)
        except OSError as error:
            if error.errno == errno.ENXIO:
                raise FilesystemError(f"{device.path} is attached to nothing") from None
            if error.errno != errno.EBUSY:
                raise
            device.set_autoclear(True)
    return device.path, _users(number)


def list_loops() -> Iterator[dict[str, object]]:
    """Yield each attached device: device, file, offset, size_limit, read_only, autoclear, mounted (targets).

    From /sys/block, which needs no root; sizes in bytes.
    """
    table = MountTable.of()
    numbers = [name[4:] for name in os.listdir("/sys/block") if name[:4] == "loop" and name[4:].isdecimal()]
    for number in sorted(map(int, numbers)):
        folder = f"/sys/block/loop{number}"
        try:
            file = _read(f"{folder}/loop/backing_file")
            yield {
                "device": f"/dev/loop{number}",
                "file": file,
                "offset": int(_read(f"{folder}/loop/offset")),
                "size_limit": int(_read(f"{folder}/loop/sizelimit")),
                "read_only": _read(f"{folder}/ro") == "1",
                "autoclear": _read(f"{folder}/loop/autoclear") == "1",
                "mounted": [mount.target for mount in table if mount.device == f"{LOOP_MAJOR}:{number}"],
            }
        except OSError:  # attached to nothing, or no longer
            continue


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


def _open_free() -> tuple[int, int]:
    """Return (number, descriptor) of a device that was free a moment ago."""
    try:
        control = os.open("/dev/loop-control", os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        why = "this kernel has no loop devices: /dev/loop-control is missing"
        raise FilesystemError(why, hint="modprobe loop; in a container: it must be given in") from None
    try:
        number = fcntl.ioctl(control, LOOP_CTL_GET_FREE)
    finally:
        os.close(control)
    return number, _open_node(number)


def _open_node(number: int) -> int:
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
        raise FilesystemError(why, hint=hint or "loop devices need root, and a device cgroup that lets them") from None


def _refusal(error: OSError, device: LoopDevice, path: str) -> OSError:
    """Return ``error`` of LOOP_CONFIGURE in words."""
    translated = mount_error(error, f"attach {path} to {device.path}")
    translated.call, translated.hint, translated.explain = "LOOP_CONFIGURE", "", ""
    return translated


def _number_of(name: str) -> int:
    """Return the number of the device ``name``, or of the one whose file it is. Raises FilesystemError."""
    digits = name.removeprefix("/dev/loop")
    if digits != name and digits.isdecimal():
        return int(digits)
    real = os.path.realpath(name)
    found = [str(loop["device"]) for loop in list_loops() if loop["file"] == real]
    if len(found) != 1:
        raise FilesystemError(
            f"{name} is attached to {' and '.join(found) or 'no loop device'}", hint="jailman loop ls"
        )
    return int(found[0].removeprefix("/dev/loop"))


def _users(number: int) -> str:
    """Return who keeps a detached device attached, or "" when nobody does."""
    for loop in list_loops():
        if loop["device"] == f"/dev/loop{number}":
            mounted = loop["mounted"]
            where = f"mounted at {', '.join(map(repr, mounted))}" if isinstance(mounted, list) and mounted else ""
            return where or "open, or mounted in another mount namespace"
    return ""


def _read(path: str) -> str:
    with open(path, encoding="utf-8", errors="surrogateescape", newline="\n") as file:
        return file.read()[:-1]
