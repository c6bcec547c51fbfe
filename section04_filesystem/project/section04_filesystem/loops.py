"""Loop devices: a file that the kernel shows as a disk. See loop(4).

A free device is asked for, bound to the file by one call (LOOP_CONFIGURE), and is gone when its last user is
(LO_FLAGS_AUTOCLEAR): so whoever is killed half-way leaves none behind. Only the last step of an attachment that shall
stay takes that flag off again; a mounted one keeps it, and goes with its mount.

What belongs here: finding, attaching, listing, detaching. What does not: what is in the file (``images.py``).
"""

from __future__ import annotations

import errno
import os

from section01_processes import Slot, Step, action

from .binds import mount
from .core.flags import MS_RDONLY
from .errors import FilesystemError, mount_error
from .loopdevice import LO_FLAGS_AUTOCLEAR, LO_FLAGS_READ_ONLY, detect_fstype, open_free, open_node
from .loopdevice import LOOP_MAJOR as LOOP_MAJOR  # noqa: PLC0414  of the device: others of the section look here
from .loopdevice import LoopDevice as LoopDevice  # noqa: PLC0414
from .mountinfo import MountTable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

_TRIES = 64
_SECTOR = 512
_NOT_TO_WRITE = (errno.EACCES, errno.EPERM, errno.EROFS)

IMAGE = Slot("image", "the image file")
DEVICE = Slot("device", "the loop device")


@action("openat(2)")
def open_image(path: str, read_only: bool) -> int:
    """Open the image file. Raises FilesystemError: no regular file, none at all, not ours to read (or write)."""
    if os.path.exists(path) and not os.path.isfile(path):  # a fifo would wait for its other end
        raise FilesystemError(f"{path} is no regular file: a loop device shows a file as a disk")
    try:
        return os.open(path, (os.O_RDONLY if read_only else os.O_RDWR) | os.O_CLOEXEC)
    except OSError as error:
        hint = "--read-only asks for less" if error.errno in _NOT_TO_WRITE and not read_only else ""
        raise FilesystemError(f"cannot open the image {path!r}: {error.strerror}", hint=hint) from None


@action("loop(4)")
def attach_free(image: int, path: str, read_only: bool = False, offset: int = 0, size_limit: int = 0) -> LoopDevice:
    """Attach the open file ``image`` (closed here) to a free device, which ends with its last user.

    ``path`` is what the device will say it shows; ``offset`` and ``size_limit`` (0: all) in bytes. Somebody else may
    take the device between the question and the answer's use (EBUSY): then the next free one. Raises MountError,
    FilesystemError.
    """
    flags = LO_FLAGS_AUTOCLEAR | (LO_FLAGS_READ_ONLY if read_only else 0)
    try:
        if offset % _SECTOR or size_limit % _SECTOR:  # the kernel would round down, and say nothing
            raise FilesystemError(f"offset and size of a loop device are multiples of {_SECTOR} bytes")
        if offset and offset >= (size := os.fstat(image).st_size):  # the kernel would show a disk of no sectors
            raise FilesystemError(f"the disk would begin behind the end of {path}, which has {size} bytes")
        for _ in range(_TRIES):
            device = LoopDevice(*open_free())
            try:
                device.configure(image, path, flags, offset, size_limit)
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
    with LoopDevice(number, open_node(number)) as device:
        try:
            device.clear()
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


def _refusal(error: OSError, device: LoopDevice, path: str) -> OSError:
    """Return ``error`` of LOOP_CONFIGURE in words."""
    translated = mount_error(error, f"attach {path} to {device.path}")
    translated.call, translated.hint, translated.explain = "LOOP_CONFIGURE", "", ""
    return translated


def _number_of(name: str) -> int:
    """Return the number of the device ``name``, or of the one whose file it is. Raises FilesystemError."""
    digits = name.removeprefix("/dev/loop")
    if digits != name and digits.isdecimal() and digits.isascii():
        if not os.path.exists(f"/sys/block/loop{digits}/loop"):  # to open it would make its node
            raise FilesystemError(f"{name} is attached to nothing", hint="jailman loop ls")
        return int(digits)
    real = os.path.realpath(name)
    shown = (real, f"{real} (deleted)")  # the second: the file is gone, the device still shows it
    found = [str(loop["device"]) for loop in list_loops() if loop["file"] in shown]
    if len(found) != 1:
        raise FilesystemError(
            f"{name!r} is attached to {' and '.join(found) or 'no loop device'}", hint="jailman loop ls"
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
