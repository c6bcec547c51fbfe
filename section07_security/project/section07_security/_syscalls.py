"""Section 7's system calls: prctl(2), capget(2), capset(2), seccomp(2).

What belongs here: prototypes and structures. What does not: which capabilities or filters, and in which order.
"""

from __future__ import annotations

import ctypes

from section01_processes import prototype, syscall

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

# linux/prctl.h
PR_SET_KEEPCAPS = 8
PR_CAPBSET_READ = 23
PR_CAPBSET_DROP = 24
PR_SET_NO_NEW_PRIVS = 38
PR_CAP_AMBIENT = 47
PR_CAP_AMBIENT_RAISE = 2
PR_CAP_AMBIENT_CLEAR_ALL = 4
# linux/capability.h: version 3 takes 64-bit sets as two structures of 32 bits each
_LINUX_CAPABILITY_VERSION_3 = 0x20080522
# linux/seccomp.h
SECCOMP_SET_MODE_FILTER = 1
SECCOMP_GET_ACTION_AVAIL = 2

_long = ctypes.c_ulong
prctl = prototype("prctl", ctypes.c_int, _long, _long, _long, _long)
_capget = prototype("capget", ctypes.c_void_p, ctypes.c_void_p)
_capset = prototype("capset", ctypes.c_void_p, ctypes.c_void_p)
_seccomp = syscall("seccomp", ctypes.c_uint, ctypes.c_uint, ctypes.c_void_p)


def capget(pid: int = 0) -> tuple[int, int, int]:
    """Return effective, permitted and inheritable set of thread ``pid`` (0: this one) as bit masks.

    See capget(2).
    """
    header = (ctypes.c_uint32 * 2)(_LINUX_CAPABILITY_VERSION_3, pid)
    data = (ctypes.c_uint32 * 6)()
    _capget(ctypes.byref(header), ctypes.byref(data))
    effective, permitted, inheritable = (data[i] | data[i + 3] << 32 for i in range(3))
    return effective, permitted, inheritable


def capset(effective: int, permitted: int, inheritable: int) -> None:
    """Set this thread's three sets.

    See capset(2). Raises SyscallError EPERM for a capability that is not permitted now.
    """
    header = (ctypes.c_uint32 * 2)(_LINUX_CAPABILITY_VERSION_3, 0)
    sets = (effective, permitted, inheritable)
    data = (ctypes.c_uint32 * 6)(*(s & 0xFFFFFFFF for s in sets), *(s >> 32 for s in sets))
    _capset(ctypes.byref(header), ctypes.byref(data))


class _SockFprog(ctypes.Structure):
    # struct sock_fprog { unsigned short len; struct sock_filter *filter; };   linux/filter.h
    _fields_ = (("len", ctypes.c_ushort), ("filter", ctypes.c_void_p))


def prepare_filter(program: bytes, flags: int) -> Callable[[], None]:
    """Return a function that loads ``program`` by one seccomp(2) call, all of whose arguments exist already.

    Whatever Python does after the load happens under the filter; so nothing is converted or looked up then.
    """
    buffer = ctypes.create_string_buffer(program, len(program))
    fprog = _SockFprog(len(program) // 8, ctypes.addressof(buffer))
    arguments = (ctypes.c_uint(SECCOMP_SET_MODE_FILTER), ctypes.c_uint(flags), ctypes.c_void_p(ctypes.addressof(fprog)))
    keep = (buffer, fprog)  # the addresses above are only good while these live

    def load(seccomp: Callable[..., int] = _seccomp, _keep: object = keep) -> None:
        seccomp(*arguments)

    return load


def action_available(action: int) -> bool:
    """Tell whether this kernel knows the seccomp return value ``action``; seccomp(2), SECCOMP_GET_ACTION_AVAIL."""
    value = ctypes.c_uint32(action)
    try:
        _seccomp(SECCOMP_GET_ACTION_AVAIL, 0, ctypes.c_void_p(ctypes.addressof(value)))
    except OSError:
        return False
    return True
