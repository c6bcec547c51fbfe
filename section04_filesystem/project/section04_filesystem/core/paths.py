"""Open paths of a root that may be hostile, without ever leaving it.

An image's ``/etc`` may be a symbolic link to ``/`` or to ``../../..``. Resolved as plain text from outside it would
lead into the host. So every path inside a root is opened with openat2(2) RESOLVE_IN_ROOT: links and ``..`` are
resolved as if the process were chrooted there, and what comes back is a descriptor, which no rename can redirect.

What belongs here: opening and creating targets. What does not: mounting on them; kernels without openat2 (``walk.py``
registers itself as ``fallback``).
"""

from __future__ import annotations

import errno
import os

from section04_filesystem import _syscalls
from section04_filesystem.errors import UnsafePath

from .flags import RESOLVE_IN_ROOT, RESOLVE_NO_MAGICLINKS, RESOLVE_NO_SYMLINKS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

_MAX_LINKS = 40  # as the kernel (path_resolution(7))

#: What to use where openat2 is missing: (root_fd, path, flags, mode, links) -> descriptor.
fallback: Callable[[int, str, int, int, bool], int] | None = None


def safe_open(root_fd: int, path: str, flags: int = os.O_PATH, *, mode: int = 0, links: bool = True) -> int:
    """Open ``path`` as if ``root_fd`` were ``/``; return a close-on-exec descriptor.

    ``links`` False: a symbolic link anywhere in the path is an error (ELOOP). Magic links (``/proc/PID/root``) always
    are. Raises SyscallError.
    """
    resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS | (0 if links else RESOLVE_NO_SYMLINKS)
    for attempt in range(64):
        try:
            return _syscalls.openat2(root_fd, os.fsencode(path), flags | os.O_CLOEXEC, mode, resolve)
        except OSError as error:
            if error.errno == errno.ENOSYS and fallback is not None:
                return fallback(root_fd, path, flags, mode, links)
            if error.errno != errno.EAGAIN or attempt == 63:  # EAGAIN: a rename raced with a ".."
                raise
    raise AssertionError("not reached")


def make_target(root_fd: int, path: str, kind: str = "dir", *, links: bool = True) -> int:
    """Open ``path`` in the root as a mount target (O_PATH); create it and its parents if they are missing.

    ``kind`` is "dir" or "file". A dangling link is followed inside the root, and what it names is created there.
    Raises SyscallError, OSError, UnsafePath.
    """
    for _ in range(_MAX_LINKS):
        try:
            return safe_open(root_fd, path, links=links)
        except OSError as error:
            if error.errno != errno.ENOENT:
                raise
        path = _make_one(root_fd, path, kind, links)
    raise UnsafePath(f"too many symbolic links on the way to mount target {path}")


def _make_one(root_fd: int, path: str, kind: str, links: bool) -> str:
    """Create the last component of ``path``; return the path to open next (another one if it is a dangling link)."""
    parent, _, name = path.rstrip("/").rpartition("/")
    if name in ("", ".", ".."):
        raise UnsafePath(f"mount target {path!r} cannot be created")
    parent_fd = make_target(root_fd, parent or "/", "dir", links=links)
    try:
        if kind == "dir":
            os.mkdir(name, 0o755, dir_fd=parent_fd)
        else:
            os.close(os.open(name, os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644, dir_fd=parent_fd))
    except FileExistsError:
        try:
            link = os.readlink(name, dir_fd=parent_fd)
        except OSError:
            return path  # somebody else made it meanwhile
        return os.path.normpath(link if link.startswith("/") else f"{parent}/{link}")
    finally:
        os.close(parent_fd)
    return path
