"""Read a log, through its rotations, and follow it while it grows.

What belongs here: reading in order, to the last byte. What does not: writing and rotating (``logfile.py``).

A file is known by its inode, not by its name: rotation renames. Who has read one to its end goes on with the next
younger one; inotify(7) says when something has happened, so that nobody asks without need.
"""

from __future__ import annotations

import os
import select
from typing import TYPE_CHECKING

from .._syscalls import open_inotify
from ..warning import warn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

IN_MODIFY, IN_MOVED_TO, IN_CREATE = 0x2, 0x80, 0x100
PIECE = 1 << 16


class LogReader:
    """The files ``path.N`` … ``path.1``, ``path`` as one text, oldest first."""

    __slots__ = ("_fd", "_files", "_path")

    def __init__(self, path: str, files: int) -> None:
        """``files``: how many there may be."""
        self._path = path
        self._files = files
        self._fd = -1

    def read(self) -> Iterator[bytes]:
        """Yield what has not been read yet; once more after more was written."""
        while True:
            yield from self._rest()
            younger = self._next()
            if younger < 0:
                return
            yield from self._rest()  # written before the rotation, after our last look; a rotated file gets no more
            self._replace(younger)

    def _rest(self) -> Iterator[bytes]:
        """Yield the rest of the open file, as far as it goes now."""
        while self._fd >= 0 and (data := os.read(self._fd, PIECE)):
            yield data

    def skip_to_tail(self, lines: int) -> None:
        """Begin ``lines`` lines before the end."""
        wanted = lines + 1  # newlines: the text usually ends with one
        for inode, path in self._listed():
            try:
                fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
            except FileNotFoundError:
                fd = -1
            self._replace(fd)
            if fd < 0 or os.fstat(fd).st_ino != inode:  # renamed between our two looks
                self.skip_to_tail(lines)
                return
            position, wanted = _back(fd, wanted, ended=wanted == lines + 1)
            os.lseek(fd, position, os.SEEK_SET)
            if wanted <= 0:
                return

    def close(self) -> None:
        """Close what is open."""
        self._replace(-1)

    def _replace(self, fd: int) -> None:
        """Read ``fd`` from now on."""
        if self._fd >= 0:
            os.close(self._fd)
        self._fd = fd

    def _next(self) -> int:
        """Return a descriptor of the file after the one that is open (or of the oldest); -1 when there is none."""
        listed = self._listed()
        inodes = [inode for inode, _ in listed]
        mine = os.fstat(self._fd).st_ino if self._fd >= 0 else -1
        if mine in inodes:
            listed = listed[: inodes.index(mine)]
        elif self._fd >= 0 and listed:
            warn(f"{self._path}: rotated while it was read: a part may be missing here")
        if not listed:
            return -1
        inode, path = listed[-1]
        try:
            fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return self._next()  # renamed between our two looks
        if os.fstat(fd).st_ino == inode:
            return fd
        os.close(fd)
        return self._next()

    def _listed(self) -> list[tuple[int, str]]:
        """Return inode and path of each file there is, youngest first; the same picture twice, so no rename between."""
        before: list[tuple[int, str]] = []
        while True:
            found = []
            for path in (self._path, *(f"{self._path}.{n}" for n in range(1, self._files))):
                try:
                    found.append((os.stat(path).st_ino, path))
                except FileNotFoundError:
                    continue
            if found == before:
                return found
            before = found


def follow(reader: LogReader, folder: str, keeper: int, put: Callable[[bytes], None]) -> None:
    """Hand everything that is in the log, and that comes into it, to ``put`` until the writer has ended.

    ``folder``: where the log lies; ``keeper``: a pidfd of the writer, -1 when it has ended already.
    """
    watch = open_inotify(folder, IN_MODIFY | IN_MOVED_TO | IN_CREATE)
    waiter = select.poll()
    waiter.register(watch, select.POLLIN)
    if keeper >= 0:
        waiter.register(keeper, select.POLLIN)
    ended = keeper < 0
    try:
        while True:
            for data in reader.read():
                put(data)
            if ended:
                return
            ready = [fd for fd, _ in waiter.poll()]
            ended = keeper in ready
            if watch in ready:
                os.read(watch, PIECE)
    finally:
        os.close(watch)


def _back(fd: int, wanted: int, *, ended: bool) -> tuple[int, int]:
    """Return where in ``fd`` the text after the ``wanted``-th last newline begins, and how many are still wanted.

    ``ended``: this is the end of the whole text; without a newline there, its last line counts all the same.
    """
    position = os.fstat(fd).st_size
    if ended and position and os.pread(fd, 1, position - 1) != b"\n":
        wanted -= 1
    if wanted == 0:
        return position, 0
    while position:
        start = max(0, position - PIECE)
        data = os.pread(fd, position - start, start)
        end = len(data)
        while wanted and (end := data.rfind(b"\n", 0, end)) >= 0:
            wanted -= 1
        if wanted == 0:
            return start + end + 1, 0
        position = start
    return 0, wanted
