"""Section 2's prototypes: unshare, setns, the two names, clone without exec of libc's fork. See unshare(2), setns(2).

What belongs here: one line per call. What does not: anything that decides.
"""

from __future__ import annotations

import ctypes

from section01_processes import prototype, syscall

unshare = prototype("unshare", ctypes.c_int)
setns = prototype("setns", ctypes.c_int, ctypes.c_int)
sethostname = prototype("sethostname", ctypes.c_char_p, ctypes.c_size_t)
setdomainname = prototype("setdomainname", ctypes.c_char_p, ctypes.c_size_t)
mount = prototype("mount", ctypes.c_char_p, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_ulong, ctypes.c_void_p)
umount2 = prototype("umount2", ctypes.c_char_p, ctypes.c_int)

# clone(2): x86_64 takes (flags, stack, parent_tid, child_tid, tls), aarch64 (flags, stack, parent_tid, tls,
# child_tid). We pass zero for all but the flags, so one prototype serves both.
clone = syscall("clone", ctypes.c_ulong, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p)
# --- the launcher's: made when they are called, since a container's start loads this file and never does


def get_capabilities() -> tuple[int, int, int]:
    """Return our effective, permitted and inheritable capabilities as bit masks. capget(2)."""
    sets = (ctypes.c_uint32 * 6)()
    prototype("capget", ctypes.c_void_p, ctypes.c_void_p)(_capability_header(), sets)
    return (sets[0] | sets[3] << 32, sets[1] | sets[4] << 32, sets[2] | sets[5] << 32)


def set_capabilities(effective: int, permitted: int, inheritable: int) -> None:
    """Set our three sets. Raises SyscallError (EPERM: more than is permitted). capset(2)."""
    masks = (effective, permitted, inheritable)
    # Twice struct { __u32 effective, permitted, inheritable; }, the low half first.
    sets = (ctypes.c_uint32 * 6)(*(mask & 0xFFFFFFFF for mask in masks), *(mask >> 32 for mask in masks))
    prototype("capset", ctypes.c_void_p, ctypes.c_void_p)(_capability_header(), sets)


def _capability_header() -> ctypes.Array[ctypes.c_uint32]:
    """Return struct { __u32 version; int pid; }: version 3, ourselves."""
    return (ctypes.c_uint32 * 2)(0x20080522, 0)


def raise_ambient(number: int) -> None:
    """Add capability ``number``, permitted and inheritable already, to the ambient set. PR_CAP_AMBIENT(2const)."""
    pr_cap_ambient, pr_cap_ambient_raise = 47, 2
    call = prototype("prctl", ctypes.c_int, *[ctypes.c_ulong] * 4)
    call(pr_cap_ambient, pr_cap_ambient_raise, number, 0, 0)


def shmget(key: int, size: int, flags: int) -> int:
    """Return the id of the System V segment with ``key`` (see ``man 2 shmget``). Raises SyscallError ENOENT."""
    return prototype("shmget", ctypes.c_int, ctypes.c_size_t, ctypes.c_int)(key, size, flags)
