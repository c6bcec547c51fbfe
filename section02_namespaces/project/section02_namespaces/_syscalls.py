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
shmget = prototype("shmget", ctypes.c_int, ctypes.c_size_t, ctypes.c_int)
capset = prototype("capset", ctypes.c_char_p, ctypes.c_char_p)

# clone(2): x86_64 takes (flags, stack, parent_tid, child_tid, tls), aarch64 (flags, stack, parent_tid, tls,
# child_tid). We pass zero for all but the flags, so one prototype serves both.
clone = syscall("clone", ctypes.c_ulong, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p)
