"""Write to /proc without being fooled: through a private procfs mount that no image and no other process can touch.

A container's /proc may be covered, masked, read-only, or (a race between containers that share a volume) something
else. The runtime's own writes (sysctls, AppArmor labels, oom_score_adj) go through a detached procfs mount, checked by
its magic number, with links and mount points refused on the way.

What belongs here: that handle. What does not: which sysctls (section 8).
"""

from __future__ import annotations

import os

from section01_processes import action

from . import _syscalls
from .core.detached import new_filesystem
from .core.flags import RESOLVE_BENEATH, RESOLVE_NO_MAGICLINKS, RESOLVE_NO_SYMLINKS, RESOLVE_NO_XDEV
from .errors import UnsafePath

_PROC_SUPER_MAGIC = 0x9FA0
_STRICT = RESOLVE_BENEATH | RESOLVE_NO_XDEV | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS


@action("fsopen(2)")
def open_proc() -> int:
    """Return a descriptor of a procfs of the caller's pid namespace; the caller owns it.

    A fresh one where the kernel allows it; else (LCM-NS-05) the one at /proc, once it is proven to be a procfs.
    """
    try:
        return new_filesystem("proc")
    except OSError:
        fd = os.open("/proc", os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        check_proc(fd)
    except BaseException:
        os.close(fd)
        raise
    return fd


def check_proc(fd: int) -> None:
    """Raise UnsafePath unless ``fd`` is on a procfs."""
    if _syscalls.filesystem_type(fd) != _PROC_SUPER_MAGIC:
        raise UnsafePath("what is mounted at /proc is not a procfs; nothing is written there")


@action("openat2(2)")
def write_proc(proc_fd: int, path: str, data: bytes | str) -> None:
    """Write ``data`` with one write to file ``path`` (relative, without links: ``sys/net/ipv4/ip_forward``).

    ``self/`` at its beginning means the caller's own folder. Raises OSError, UnsafePath.
    """
    parts = path.strip("/").split("/")
    if parts[0] == "self":
        parts[0] = str(os.getpid())
    fd = _syscalls.openat2(proc_fd, os.fsencode("/".join(parts)), os.O_WRONLY | os.O_CLOEXEC, 0, _STRICT)
    try:
        check_proc(fd)
        os.write(fd, data.encode() if isinstance(data, str) else data)
    finally:
        os.close(fd)
