"""Resolve a path inside a root by hand, where openat2(2) is missing (a seccomp filter of an old engine, an emulator).

Component by component, never following a link in the kernel: each is opened O_PATH|O_NOFOLLOW from the descriptor of
the one before; a link's text is put in front of what remains; ``..`` pops from the stack of descriptors and stops at
the root. Whoever renames folders meanwhile can confuse us, but only to another place inside of what we walked through.

What belongs here: that walk; importing this module makes it safe_open's fall-back. So the section's surface takes
``safe_open`` and ``make_target`` from here: nobody on another floor can have them without it.
"""

from __future__ import annotations

import errno
import os
import stat

from section01_processes import SyscallError

from .core import paths
from .core.paths import make_target as make_target  # noqa: PLC0414
from .core.paths import safe_open as safe_open  # noqa: PLC0414

_MAX_LINKS = 40


def walk_open(root_fd: int, path: str, flags: int, mode: int = 0, links: bool = True) -> int:
    """Open ``path`` as if ``root_fd`` were ``/``, without openat2. Raises SyscallError as that would."""
    stack = [os.dup(root_fd)]
    try:
        return _walk(stack, path, flags, mode, links)
    except OSError as error:
        if isinstance(error, SyscallError):
            raise
        raise SyscallError(error.errno or 0, "openat", (root_fd, path)) from error
    finally:
        for fd in stack:
            os.close(fd)


def _walk(stack: list[int], path: str, flags: int, mode: int, links: bool) -> int:
    """Walk; ``stack`` holds the descriptors from the root down to where we are, and belongs to the caller."""
    todo = _components(path)
    followed = 0
    while todo:
        name = todo.pop(0)
        if name in (".", ".."):
            _check_folder(stack[-1])
            if name == ".." and len(stack) > 1:
                os.close(stack.pop())
            continue
        if not todo and flags & os.O_CREAT:
            return os.open(name, flags | os.O_NOFOLLOW | os.O_CLOEXEC, mode, dir_fd=stack[-1])
        fd = os.open(name, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=stack[-1])
        kept = not todo and flags & os.O_NOFOLLOW and flags & os.O_PATH  # the link itself is wanted
        if kept or not stat.S_ISLNK(os.fstat(fd).st_mode):
            stack.append(fd)
            continue
        text = os.readlink("", dir_fd=fd)
        os.close(fd)
        followed += 1
        if not links or (flags & os.O_NOFOLLOW and not todo) or followed > _MAX_LINKS or _is_magic(stack[-1]):
            raise SyscallError(errno.ELOOP, "openat", (path,))
        if text.startswith("/"):
            while len(stack) > 1:
                os.close(stack.pop())
        todo = _components(text) + todo
    return _reopen(stack[-1], flags)


def _components(path: str) -> list[str]:
    """Return the components of ``path``; a slash at its end demands a folder, as ``.`` does."""
    return [part for part in path.split("/") if part] + (["."] if path.endswith("/") else [])


def _check_folder(fd: int) -> None:
    if not stat.S_ISDIR(os.fstat(fd).st_mode):
        raise SyscallError(errno.ENOTDIR, "openat", (fd,))


def _is_magic(folder_fd: int) -> bool:
    """Return whether links of this folder are magic: those of a procfs, except /proc/self, whose text is plain."""
    from ._syscalls import filesystem_type

    return filesystem_type(folder_fd) == 0x9FA0 and os.readlink(f"/proc/self/fd/{folder_fd}").count("/") > 1


def _reopen(fd: int, flags: int) -> int:
    """Return a descriptor of the same object with the wanted flags."""
    if flags & os.O_PATH:
        if flags & os.O_DIRECTORY:
            _check_folder(fd)
        return os.dup(fd)
    return os.open(f"/proc/self/fd/{fd}", flags & ~os.O_NOFOLLOW | os.O_CLOEXEC)


paths.fallback = walk_open
