"""The log of a detached process: its bytes as they come, in a bounded number of files of bounded size.

What belongs here: writing and rotation. What does not: reading (``follow.py``).

Rotation renames (log → log.1 → log.2 …) and never truncates: whoever follows reads the file he has open to its end. A
full disk costs lines, not the process: what was lost is counted, and said in the log as soon as there is room.
"""

from __future__ import annotations

import os
import stat
from itertools import pairwise

from ..errors import LcmError
from ..warning import warn

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class LogFile:
    """The log ``path``; with ``max_size`` bytes (0: no bound) it is rotated, ``max_files`` files in all."""

    __slots__ = ("_fd", "_lost", "_reason", "_size", "max_files", "max_size", "path")

    def __init__(self, path: str, max_size: int = 0, max_files: int = 1) -> None:
        """Open it for appending. Raises LcmError."""
        self.path = path
        self.max_size = max_size
        self.max_files = max_files
        self._lost = 0
        self._reason = ""
        self._fd = -1
        try:
            self._open()
        except OSError as error:  # ENXIO: a FIFO that nobody reads
            raise LcmError(f"cannot open log {path}: {error.strerror}", hint="a file or a device is needed") from error

    def write(self, data: bytes) -> None:
        """Append all of ``data``; never raises OSError."""
        rest = memoryview(data)
        try:
            if self._fd < 0:
                self._open()
            if self._lost:
                self._put(f"[procman: {self._lost} bytes lost here: {self._reason}]\n".encode())
                self._lost = 0
            while rest:
                rest = rest[self._put_piece(rest) :]
        except OSError as error:
            if not self._lost:
                warn(f"log {self.path}: {error.strerror}: output is lost")
            self._lost += len(rest)
            self._reason = str(error.strerror)

    def close(self) -> None:
        """Close the file."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def _open(self) -> None:
        """Open the current file. A device is written and never rotated."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY
        fd = os.open(self.path, flags, 0o600)
        facts = os.fstat(fd)
        if not (stat.S_ISREG(facts.st_mode) or stat.S_ISCHR(facts.st_mode)):
            os.close(fd)
            raise LcmError(
                f"log {self.path} is neither a file nor a device", hint="it must take every byte at any time"
            )
        os.set_blocking(fd, True)
        self._fd, self._size = fd, facts.st_size
        if stat.S_ISCHR(facts.st_mode):
            self.max_size = 0

    def _put_piece(self, rest: memoryview) -> int:
        """Write as much of ``rest`` as this file may take, to the end of a line if one ends there; return how much."""
        if not self.max_size:
            return self._put(rest)
        if self._size >= self.max_size:
            self._rotate()
        room = self.max_size - self._size
        if len(rest) > room:
            end = bytes(rest[:room]).rfind(b"\n") + 1
            if not end and self._size:  # the line that begins here goes to the next file
                self._rotate()
                return 0
            rest = rest[: end or room]
        return self._put(rest)

    def _put(self, data: Any) -> int:
        """Write once; return how much was taken."""
        done = os.write(self._fd, data)
        self._size += done
        return done

    def _rotate(self) -> None:
        """Make room: the oldest is forgotten, every other file one number higher."""
        self.close()
        names = [self.path, *(f"{self.path}.{number}" for number in range(1, self.max_files))]
        if len(names) == 1:
            os.unlink(self.path)
        for newer, older in reversed([*pairwise(names)]):
            try:
                os.rename(newer, older)
            except FileNotFoundError:
                continue
        self._open()
