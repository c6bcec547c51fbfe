"""Run a program in a new user namespace, in which the caller is root.

maps.py COMMAND ARG…

Two pipes hold the order: the child says that it is in its namespace, and the parent says that the maps are written.
"""

from __future__ import annotations

import os
import sys
from typing import NoReturn

from lab import CLONE_NEWUSER, unshare


def write(path: str, text: str) -> None:
    """Put ``text`` into a file of /proc, by one system call. OSError: the kernel refuses; it names path and text."""
    try:
        fd = os.open(path, os.O_WRONLY)
        try:
            os.write(fd, text.encode())
        finally:
            os.close(fd)
    except OSError as error:
        raise OSError(error.errno, f"write {text!r}: {error.strerror}", path) from None


def write_maps(pid: int, uid: int) -> None:
    """Make ``uid``, as it is outside, 0 in the user namespace of ``pid``. OSError: as ``write``."""
    write(f"/proc/{pid}/setgroups", "deny")
    write(f"/proc/{pid}/uid_map", f"0 {uid} 1")


def become(command: list[str], made: int, mapped: int) -> NoReturn:
    """In the child: enter the namespace, say so on ``made``, wait for a byte from ``mapped``, be ``command``."""
    code = 1
    try:
        unshare(CLONE_NEWUSER)
        os.write(made, b"!")
        if os.read(mapped, 1):  # no byte: the parent has given up, or was killed
            os.execvp(command[0], command)
    except OSError as error:
        print(f"maps: {command[0]}: {error.strerror}", file=sys.stderr, flush=True)
        code = 127
    finally:
        os._exit(code)  # the code after the fork is the parent's


def run(command: list[str]) -> int:
    """Run ``command`` as root of a new user namespace; return its exit code, or 128 + n when signal n ended it."""
    uid = os.getuid()
    (seen, made), (mapped, tell) = os.pipe(), os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(tell)  # or it would wait for itself when the parent is killed
        become(command, made, mapped)
    os.close(made)
    try:
        if os.read(seen, 1):  # no byte: the child has ended, and its status tells
            write_maps(pid, uid)
            os.write(tell, b"!")
    finally:
        os.close(tell)
    status = os.waitpid(pid, 0)[1]
    return os.waitstatus_to_exitcode(status) if os.WIFEXITED(status) else 128 + os.WTERMSIG(status)


def main(command: list[str]) -> int:
    """Run ``command``, return the exit code; 1 when the kernel refuses something."""
    try:
        return run(command)
    except OSError as error:
        print(f"maps: {error.filename}: {error.strerror}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
