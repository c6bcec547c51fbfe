"""The lock around a network's shared parts, which a program that we start shares with us.

What belongs here: flock(2). What does not: what is done under it (``network.py``, ``rules.py``, ``endpoint.py``).

If we are killed while ``nft`` works for us, ``nft`` works on: the next process must not look before that has ended. A
flock belongs to the open file, not to the process, so the program inherits the descriptor (``programs.py``) and the
lock is free when both are gone.
"""

from __future__ import annotations

import os
from fcntl import LOCK_EX, flock

#: The descriptors of the locks that this process holds, for the programs that it starts meanwhile.
held: list[int] = []


class Lock:
    """The lock on file ``path``, for the length of a ``with`` block."""

    __slots__ = ("_fd", "_path")

    def __init__(self, path: str) -> None:
        self._path = path

    def __enter__(self) -> None:
        self._fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        flock(self._fd, LOCK_EX)
        held.append(self._fd)

    def __exit__(self, *_: object) -> None:
        held.remove(self._fd)
        os.close(self._fd)
