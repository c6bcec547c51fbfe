"""Run a program in a new user namespace, in which the caller is root.

maps.py COMMAND ARG…

`write` and `main` are complete: what the kernel refuses is said with path and text. Yours: `write_maps`, `become` and
`run`. Parent and child wait for each other; the pipes for that are made in `run`, and each of the two keeps its ends.
"""

from __future__ import annotations

import os
import sys
from typing import NoReturn

from lab import Todo


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


def write_maps(pid: int, uid: int, gid: int) -> None:
    """Make ``uid`` and ``gid``, as they are outside, 0 in the user namespace of ``pid``. OSError: as ``write``."""
    raise Todo(f"write_maps: three files of process {pid}, for {uid} and {gid}")


def become(command: list[str], made: int, mapped: int) -> NoReturn:
    """In the child: enter the namespace, say so on ``made``, wait for a byte from ``mapped``, be ``command``."""
    raise Todo(f"become: unshare, {made}, {mapped}, and exec of {command[0]}")


def run(command: list[str]) -> int:
    """Run ``command`` as root of a new user namespace; return its exit code, or 128 + n when signal n ended it."""
    raise Todo(f"run: fork; the child is to become {command[0]}")


def main(command: list[str]) -> int:
    """Run ``command``, return the exit code; 1 when the kernel refuses something."""
    try:
        return run(command)
    except OSError as error:
        print(f"maps: {error.filename}: {error.strerror}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
