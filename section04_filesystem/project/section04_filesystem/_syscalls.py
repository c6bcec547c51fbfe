"""Section 4's prototypes: the old mount calls and the new ones, openat2, pivot_root.

What belongs here: one wrapper per call, with its manual page. What does not: anything that decides.
"""

from __future__ import annotations

import ctypes
from _struct import Struct

from section01_processes import prototype, syscall

_int, _uint, _ulong, _text, _pointer = (
    ctypes.c_int,
    ctypes.c_uint,
    ctypes.c_ulong,
    ctypes.c_char_p,
    ctypes.c_void_p,
)

mount = prototype("mount", _text, _text, _text, _ulong, _text)  # mount(2)
umount2 = prototype("umount2", _text, _int)  # umount2(2)
pivot_root = syscall("pivot_root", _text, _text)  # pivot_root(2)
open_tree = syscall("open_tree", _int, _text, _uint)  # open_tree(2)
move_mount = syscall("move_mount", _int, _text, _int, _text, _uint)  # move_mount(2)
fsopen = syscall("fsopen", _text, _uint)  # fsopen(2)
fsconfig = syscall("fsconfig", _int, _uint, _text, _text, _int)  # fsconfig(2)
fsmount = syscall("fsmount", _int, _uint, _uint)  # fsmount(2)
_openat2 = syscall("openat2", _int, _text, _text, ctypes.c_size_t)
_mount_setattr = syscall("mount_setattr", _int, _text, _uint, _text, ctypes.c_size_t)
_fstatfs = prototype("fstatfs", _int, _pointer)

# struct open_how { __u64 flags; __u64 mode; __u64 resolve; };
_OPEN_HOW = Struct("=QQQ")
# struct mount_attr { __u64 attr_set; __u64 attr_clr; __u64 propagation; __u64 userns_fd; };
_MOUNT_ATTR = Struct("=QQQQ")
# struct statfs { __fsword_t f_type; … };  120 bytes on both 64-bit architectures
_STATFS = Struct("=q112x")


def openat2(folder_fd: int, path: bytes, flags: int, mode: int, resolve: int) -> int:
    """Open ``path`` from ``folder_fd`` under the rules of ``resolve``, as the manual page says."""
    return _openat2(folder_fd, path, _OPEN_HOW.pack(flags, mode, resolve), _OPEN_HOW.size)


def mount_setattr(
    fd: int, path: bytes, at_flags: int, set_: int, clear: int, propagation: int, userns_fd: int = 0
) -> int:
    """Set and clear attributes and propagation of the mount at ``fd``/``path``; ``userns_fd``: for ATTR_IDMAP."""
    attributes = _MOUNT_ATTR.pack(set_, clear, propagation, userns_fd)
    return _mount_setattr(fd, path, at_flags, attributes, _MOUNT_ATTR.size)


def filesystem_type(fd: int) -> int:
    """Return the magic number of the file system that ``fd`` is on; see fstatfs(2)."""
    buffer = ctypes.create_string_buffer(_STATFS.size)
    _fstatfs(fd, buffer)
    return int(_STATFS.unpack(buffer.raw)[0])
