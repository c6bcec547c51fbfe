"""Disk images: a file with a file system in it, of a size that is a limit. See mkfs(8).

Whoever writes to what is mounted from such a file gets ENOSPC when it is full; the host's disk knows nothing of it.
The host's own programs make the file systems; the kernel only mounts them. An image appears under its name when it is
complete: until then the file has no name at all (O_TMPFILE), so nobody who is killed leaves half of one.

What belongs here: making images. What does not: attaching them (``loops.py``).
"""

from __future__ import annotations

import errno
import os
import shutil
import subprocess

from section01_processes import Plan, Slot, Step, action, spawn
from section02_namespaces import CLONE_NEWNS, unshare

from .copying import copy_up
from .core.root import set_propagation
from .errors import FilesystemError
from .loops import attach_loop, mount_device

FILE = Slot("file", "a file without a name")
_PATH = "/usr/sbin:/sbin:/usr/bin:/bin:/usr/local/sbin"
#: Type → (program, Debian's package of it, smallest size in bytes).
MAKERS = {
    "ext4": ("mkfs.ext4", "e2fsprogs", 1 << 20),
    "xfs": ("mkfs.xfs", "xfsprogs", 300 << 20),
    "squashfs": ("mksquashfs", "squashfs-tools", 0),
}


def create_image(path: str, size: int, fstype: str = "ext4", source: str = "") -> None:
    """Make the image ``path`` of ``size`` bytes with a file system; ``source``: a folder whose content it starts with.

    ``fstype``: ext4, xfs (at least 300 MiB), squashfs (read-only, of its content's size). Raises FilesystemError.
    """
    slots: dict[str, int] = {}
    plan = Plan("cli", plan_create(path, size, fstype, source))
    try:
        plan.run(slots)
    except FilesystemError as error:
        error.__notes__ = []  # which step it was, the sentence itself says
        raise
    finally:
        os.close(slots[FILE.name]) if FILE.name in slots else None


def plan_create(path: str, size: int, fstype: str, source: str) -> list[Step]:
    """Return the steps of :func:`create_image`. Raises FilesystemError for what cannot be."""
    if fstype not in MAKERS:
        raise FilesystemError(f"no image of type {fstype!r} can be made", hint=f"there are: {' '.join(MAKERS)}")
    if source and not os.path.isdir(source):
        raise FilesystemError(f"there is no folder {source!r} for the image to hold", hint="--from DIR")
    least = MAKERS[fstype][2]
    if fstype == "squashfs" and not source:
        raise FilesystemError(
            "a squashfs image is read-only: it needs the folder that it shall hold", hint="--from DIR"
        )
    if least and size < least:
        raise FilesystemError(f"an image with {fstype} has at least {least >> 20} MiB, not {size} bytes")
    steps = [Step(open_unnamed, path, 0 if fstype == "squashfs" else size, about="the room, sparse", out=FILE)]
    steps.append(Step(make_filesystem, FILE, fstype, source, about=f"the host's {MAKERS[fstype][0]}"))
    if fstype == "xfs" and source:
        steps.append(Step(fill, FILE, source, about=f"the content of {source}, by a mount that only we see"))
    return [*steps, Step(name_file, FILE, path, about="complete: now it gets its name")]


@action("openat(2)")
def open_unnamed(path: str, size: int) -> int:
    """Return a nameless file of ``size`` bytes in the folder of ``path``; it ends with its descriptor.

    Raises FilesystemError: ``path`` is no name, or is there already; no such folder; more than a file can hold.
    """
    folder, name = os.path.split(path)
    if name in ("", ".", ".."):
        raise FilesystemError(f"{path!r} is no name for an image", hint="a path that ends in a file's name")
    if os.path.lexists(path):
        raise _taken(path)
    try:
        fd = os.open(folder or ".", os.O_TMPFILE | os.O_RDWR | os.O_CLOEXEC, 0o600)
    except OSError as error:
        hint = "a folder that is there and that we may write to"
        raise FilesystemError(f"cannot make {path!r}: {error.strerror}", hint=hint) from None
    try:
        os.truncate(fd, size)
    except (OSError, OverflowError) as error:
        os.close(fd)
        if isinstance(error, OSError) and error.errno != errno.EFBIG:
            raise
        raise FilesystemError(f"{size} bytes are more than a file can hold there", hint="a smaller --size") from None
    return fd


def _taken(path: str) -> FilesystemError:
    """Return that ``path`` is there, and stays."""
    return FilesystemError(f"there is a file {path!r} already", hint="another name, or remove it first")


@action("mkfs(8)")
def make_filesystem(fd: int, fstype: str, source: str) -> None:
    """Run the host's program on the file ``fd``. Raises FilesystemError: not installed, or what it said."""
    name, package, _ = MAKERS[fstype]
    program = shutil.which(name, path=_PATH)
    if program is None:
        raise FilesystemError(f"the program {name} is not installed", hint=f"apt-get install {package}")
    file = f"/proc/self/fd/{fd}"
    if fstype == "ext4":
        argv = [program, "-q", "-F", "-E", "root_owner=0:0", *(["-d", source] if source else []), file]
    elif fstype == "xfs":
        argv = [program, "-q", "-f", file]
    else:
        argv = [program, source, file, "-noappend", "-quiet", "-no-progress"]
    done = subprocess.run(argv, pass_fds=[fd], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode:
        said = " ".join((done.stderr or done.stdout).split())
        raise FilesystemError(f"{name} failed: {said or f'exit status {done.returncode}'}")


@action("mount(2)")
def fill(fd: int, source: str) -> None:
    """Copy the folder ``source`` into the file system on ``fd``, in a mount namespace of its own.

    Raises ChildFailed, FilesystemError.
    """

    def child() -> None:
        unshare(CLONE_NEWNS)
        set_propagation("/", "rprivate")
        device = attach_loop(f"/proc/self/fd/{fd}")
        mount_device(device, "/mnt", "")
        folder = os.open(source, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        copy_up(folder, "/mnt")

    with spawn(child, report=True) as born:
        if born.wait():
            raise FilesystemError(f"could not copy {source} into the image")


@action("linkat(2)")
def name_file(fd: int, path: str) -> None:
    """Give the file its name. Raises FilesystemError: what is there is never replaced."""
    folder = os.open(os.path.dirname(path) or ".", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:  # with dir_fd it is linkat(2) that follows the link in /proc; without it Python calls link(2), which does not
        os.link(
            f"/proc/self/fd/{fd}", os.path.basename(path), src_dir_fd=folder, dst_dir_fd=folder, follow_symlinks=True
        )
    except FileExistsError:
        raise _taken(path) from None
    finally:
        os.close(folder)
