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


# --- for the isolation tester: made when first called, so that no container's start pays for them


def ptrace_seize(pid: int) -> None:
    """Trace process ``pid`` without stopping it, until the caller ends. PTRACE_SEIZE, ptrace(2)."""
    prototype("ptrace", ctypes.c_long, ctypes.c_long, _pointer, _pointer)(0x4206, pid, None, None)


def exchange(left: bytes, right: bytes) -> None:
    """Let two paths change places, atomically. RENAME_EXCHANGE, rename(2)."""
    prototype("renameat2", _int, _text, _int, _text, _uint)(-100, left, -100, right, 2)


def name_to_handle_at(path: bytes) -> tuple[int, bytes]:
    """Return type and bytes of the file handle of ``path``. See open_by_handle_at(2) for both calls."""
    # struct file_handle { unsigned handle_bytes; int handle_type; unsigned char f_handle[]; };
    buffer = ctypes.create_string_buffer(Struct("=Ii").pack(128, 0), 136)
    mount_id = ctypes.c_int()
    prototype("name_to_handle_at", _int, _text, _pointer, _pointer, _int)(-100, path, buffer, ctypes.byref(mount_id), 0)
    size, kind = Struct("=Ii").unpack_from(buffer.raw)
    return kind, buffer.raw[8 : 8 + size]


def open_by_handle_at(mount_fd: int, kind: int, handle: bytes, flags: int) -> int:
    """Open the file of this handle on the file system that ``mount_fd`` is open on."""
    packed = Struct("=Ii").pack(len(handle), kind) + handle
    return prototype("open_by_handle_at", _int, _text, _int)(mount_fd, packed, flags)


#: Calls whose arguments the kernel refuses with another error than EPERM, even for whoever has no capability (EFAULT:
#: an address that is none; EBADF; EINVAL): if EPERM comes back, a seccomp filter has answered.
HARMLESS_PROBES = {
    "chroot": lambda: prototype("chroot", _pointer)(1),
    "mknod": lambda: prototype("mknod", _pointer, _uint, _ulong)(1, 0o020600, 0),
    "mount": lambda: prototype("mount", _pointer, _pointer, _pointer, _ulong, _pointer)(1, 1, 1, 0, 1),
    "open_tree": lambda: open_tree(-1, b"", 0xFFFFFFFF),
    "ptrace": lambda: prototype("ptrace", ctypes.c_long, ctypes.c_long, _pointer, _pointer)(0x4206, -1, None, None),
    "setns": lambda: prototype("setns", _int, _int)(-1, 0),
}
