"""Mount an overlay with up to hundreds of layers. See the kernel's Documentation/filesystems/overlayfs.rst.

mount(2) takes one page (4096 bytes) of options: 125 layers do not fit, and a ``:`` or ``,`` in a path needs escapes.
From Linux 6.7 on each layer is handed over on its own (fsconfig ``lowerdir+``), without escapes and without limit. On
older kernels the layers are named ``/proc/self/fd/N``: short, and free of special characters.

What belongs here: that mount. What does not: which layers (section 5).
"""

from __future__ import annotations

import errno
import os

from section01_processes import SyscallError, action

from . import _syscalls
from .core import flags as k
from .core.detached import kernel_log
from .core.mounts import attach
from .errors import FilesystemError, mount_error

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

_PAGE = 4096


@action("fsconfig(2)")
def mount_overlay(target: str, lower: Sequence[str], upper: str = "", work: str = "", userxattr: bool = False) -> None:
    """Mount the folders ``lower`` (the top one first) merged at ``target``; changes go to ``upper``.

    ``work`` is an empty folder on upper's file system; both are "" for a read-only merge of at least two layers.
    ``userxattr``: marks are kept in user.overlay.* (needed in a user namespace). Raises MountError (LCM-IM-01).
    """
    if not lower or (not upper and len(lower) < 2) or bool(upper) != bool(work):
        raise FilesystemError("an overlay needs a lower layer, and an upper with its work folder or a second lower")
    what = f"mount overlay of {len(lower)} layers → {target}"
    try:
        mounted = _mount_modern(lower, upper, work, userxattr)
        if mounted < 0:
            _mount_classic(target, lower, upper, work, userxattr)
            return
        place = os.open(target, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            attach(mounted, place)
        finally:
            os.close(place)
            os.close(mounted)
    except OSError as error:
        raise mount_error(error, what, "overlay") from error


def _mount_modern(lower: Sequence[str], upper: str, work: str, userxattr: bool) -> int:
    """Return the detached mount, or -1 when this kernel does not know ``lowerdir+`` (before 6.7)."""
    fs = _syscalls.fsopen(b"overlay", k.FSOPEN_CLOEXEC)
    try:
        if _takes_anything(fs):
            return -1
        _syscalls.fsconfig(fs, k.FSCONFIG_SET_STRING, b"source", b"overlay", 0)
        for number, layer in enumerate(lower):
            try:
                _set(fs, b"lowerdir+", layer)
            except SyscallError as error:
                if number == 0 and error.errno == errno.EINVAL and "nknown parameter" in kernel_log(fs):
                    return -1
                raise
        if upper:
            _set(fs, b"upperdir", upper)
            _set(fs, b"workdir", work)
        if userxattr:
            _syscalls.fsconfig(fs, k.FSCONFIG_SET_FLAG, b"userxattr", None, 0)
        _syscalls.fsconfig(fs, k.FSCONFIG_CMD_CREATE, None, None, 0)
        return _syscalls.fsmount(fs, k.FSMOUNT_CLOEXEC, 0)
    except SyscallError as error:
        raise mount_error(error, "overlay", "overlay", kernel_log(fs)) from None
    finally:
        os.close(fs)


def _takes_anything(fs: int) -> bool:
    """Return whether this kernel only collects options for overlay (before 6.5) and judges them at the end."""
    try:
        _syscalls.fsconfig(fs, k.FSCONFIG_SET_FLAG, b"no-such-option", None, 0)
    except SyscallError:
        kernel_log(fs)
        return False
    return True


def _set(fs: int, key: bytes, value: str) -> None:
    """Hand over one folder; upperdir and workdir know escapes (backslash), ``lowerdir+`` takes the text as it is.

    fsconfig takes values of up to 255 bytes: a longer path goes by descriptor.
    """
    encoded = os.fsencode(value)
    if len(encoded) < 256 and b"\\" not in encoded:
        _syscalls.fsconfig(fs, k.FSCONFIG_SET_STRING, key, encoded, 0)
        return
    fd = os.open(value, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        _syscalls.fsconfig(fs, k.FSCONFIG_SET_STRING, key, b"/proc/self/fd/%d" % fd, 0)
    finally:
        os.close(fd)


def _mount_classic(target: str, lower: Sequence[str], upper: str, work: str, userxattr: bool) -> None:
    """Mount with one page of options: every folder by the short name of a descriptor."""
    fds: list[int] = []
    back = os.open(".", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        place = os.path.abspath(target)
        for folder in [*lower, upper, work] if upper else lower:
            fds.append(os.open(folder, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC))  # noqa: PERF401  closed below
        options = classic_options(fds, bool(upper), userxattr)
        os.chdir("/proc/self/fd")  # names relative to here are the shortest
        _syscalls.mount(b"overlay", os.fsencode(place), b"overlay", 0, options)
    finally:
        os.fchdir(back)
        for fd in (back, *fds):
            os.close(fd)


def classic_options(fds: Sequence[int], writable: bool, userxattr: bool) -> bytes:
    """Return mount(2)'s option text for layers known by the descriptors ``fds``. Raises SyscallError E2BIG."""
    layers = fds[:-2] if writable else fds
    options = "lowerdir=" + ":".join(str(fd) for fd in layers)
    if writable:
        options += f",upperdir={fds[-2]},workdir={fds[-1]}"
    if userxattr:
        options += ",userxattr"
    if len(options) >= _PAGE:
        raise SyscallError(errno.E2BIG, "mount", (f"overlay with {len(layers)} layers",))
    return options.encode()
