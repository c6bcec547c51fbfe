"""Pin a namespace: a bind mount of its file keeps it alive without any process in it (namespaces(7), ip-netns(8)).

What belongs here: that one mount. What does not: mounts in general (section 4, which stands on this section).
"""

from __future__ import annotations

import os

from section01_processes import SyscallError, action

from . import _syscalls
from .errors import explained

_MS_BIND = 0x1000
_MNT_DETACH = 2


@action("mount(2)")
def pin(source: str, path: str) -> None:
    """Bind the namespace file ``source`` (``/proc/PID/ns/net``) to ``path``, a file that is created.

    It stays until :func:`unpin`, or until the mount namespace that the caller is in ends. Raises SyscallError; a mount
    namespace can only be pinned in a mount that is not shared with its own inside (EINVAL).
    """
    os.close(os.open(path, os.O_RDONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o444))
    try:
        _syscalls.mount(os.fsencode(source), os.fsencode(path), None, _MS_BIND, None)
    except SyscallError as error:
        os.unlink(path)
        hint = "a mount namespace can be pinned only below a private mount point, from an older namespace"
        raise (explained(error, hint, "LCM-NS-01", about=path) if error.errno == 22 else error) from None


@action("umount(2)")
def unpin(path: str) -> None:
    """Undo :func:`pin`; does nothing when ``path`` is not there."""
    try:
        _syscalls.umount2(os.fsencode(path), _MNT_DETACH)
    except SyscallError as error:
        if error.errno not in (2, 22):  # not there, not a mount point
            raise
    try:
        os.unlink(path)
    except FileNotFoundError:
        pass
