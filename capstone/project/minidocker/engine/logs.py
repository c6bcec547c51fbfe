"""Reading a container's log.json: all of it, its tail, and following it across rotation until the container ends.

The shim rotates by rename (log.json → log.json.1 → …), so an open file can be read to its end; the next one is found
by inode and opened at once: by the time that ours has been read, its name may be another file's. Following waits for
two things at once: inotify on the folder, and the shim's answer that the container has ended (or that the shim died):
nothing is polled, and nothing is missed, because EXIT comes after the last write.

What belongs here: records in order. What does not: writing them (``shim/log.py``), printing.
"""

from __future__ import annotations

import os
import select

from minidocker import shimclient
from minidocker.shim import protocol as p
from section01_processes import open_inotify, parse_json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    Records = list[dict[str, Any]]

BLOCK = 1 << 18
#: What may happen in the folder while its log grows: IN_MODIFY, IN_MOVED_TO, IN_CREATE, IN_DELETE_SELF of inotify(7).
CHANGES = 0x2 | 0x80 | 0x100 | 0x400


class LogReader:
    """Reads the files of one log, oldest first, continuing where it stopped."""

    __slots__ = ("_fd", "_newer", "_rest", "path")

    def __init__(self, folder: str) -> None:
        self.path = f"{folder}/{p.LOG}"
        self._fd = self._newer = -1
        self._rest = b""

    def files(self) -> list[str]:
        """Return the log's files, oldest first; in the middle of a rotation one name is missing."""
        folder, name = os.path.split(self.path)
        try:
            found = [entry.rpartition(".") for entry in os.listdir(folder)]
        except FileNotFoundError:
            found = []  # the container has been removed
        numbers = sorted((int(end) for start, _, end in found if start == name and end.isdecimal()), reverse=True)
        return [*(f"{self.path}.{number}" for number in numbers), self.path]

    def open_at_tail(self, lines: int) -> None:
        """Open where the last ``lines`` records begin; negative: all of them."""
        before = None
        while before != (before := [_inode(path) for path in self.files()]):  # again, if it was rotated meanwhile
            self._open_at_tail(self.files(), lines)

    def _open_at_tail(self, files: list[str], lines: int) -> None:
        if lines < 0:
            self._open(files[0])
            return
        for path in reversed(files):
            offset, lines = tail_offset(path, lines)
            if offset or path == files[0] or lines <= 0:
                self._open(path)
                if self._fd >= 0:
                    os.lseek(self._fd, offset, os.SEEK_SET)
                return

    def _open(self, path: str) -> None:
        self.close()
        self._fd = _open(path)

    def close(self) -> None:
        """Close what is open."""
        for fd in (self._fd, self._newer):
            if fd >= 0:
                os.close(fd)
        self._fd = self._newer = -1

    def read(self) -> Iterator[Records]:
        """Yield batches of records up to the present end of the log, moving on to newer files."""
        if self._fd < 0:
            self._open(self.files()[0])
        while self._fd >= 0:
            if self._newer < 0:  # looked up first: what a rotated file holds now, is all it will ever hold
                self._newer = self._open_newer()
            yield from self._records()
            if self._newer < 0:
                return
            os.close(self._fd)
            self._fd, self._newer = self._newer, -1

    def _open_newer(self) -> int:
        """Open the file that follows ours; -1 when ours is the newest, the next is not there yet, or the log is gone.

        If neither ours nor the list of names has changed when the next has been opened, no rotation came in between.
        """
        while (ours := os.fstat(self._fd)).st_nlink:
            names = self.files()
            place = next((i for i, path in enumerate(names) if _inode(path) == ours.st_ino), len(names))
            if place == len(names) - 1:
                return -1
            fd = _open(names[place + 1]) if place < len(names) else -1
            if place < len(names) and _inode(names[place]) == ours.st_ino and self.files() == names:
                return fd
            if fd >= 0:
                os.close(fd)
        return _open(self.files()[0])  # ours has been dropped: go on with the oldest that is there

    def _records(self) -> Iterator[Records]:
        """Yield batches of the complete records from where we are to the end of our file."""
        while data := os.read(self._fd, BLOCK):
            lines = (self._rest + data).split(b"\n")
            self._rest = lines.pop()
            yield [parse_json(line.decode("utf-8", "replace")) for line in lines]


def _open(path: str) -> int:
    """Open ``path`` for reading; -1 when it is not there."""
    try:
        return os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return -1


def _inode(path: str) -> int:
    try:
        return os.stat(path).st_ino
    except FileNotFoundError:
        return 0


def tail_offset(path: str, lines: int) -> tuple[int, int]:
    """Return where the last ``lines`` lines of the file begin, and how many lines are missing from it."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return 0, lines
    try:
        end = os.fstat(fd).st_size
        position, wanted = end, lines + 1  # the last line ends with a newline too
        while position > 0 and wanted > 0:
            start = max(0, position - BLOCK)
            data = os.pread(fd, position - start, start)
            found = data.count(b"\n")
            if found >= wanted:
                cut = len(data)
                for _ in range(wanted):
                    cut = data.rindex(b"\n", 0, cut)
                return start + cut + 1, 0
            wanted -= found
            position = start
        return 0, wanted - 1
    finally:
        os.close(fd)


def read_log(folder: str, *, tail: int = -1, follow: bool = False) -> Iterator[Records]:
    """Yield batches of records (``log``, ``stream``, ``time``); with ``follow`` until the container has ended."""
    reader = LogReader(folder)
    if not follow:
        reader.open_at_tail(tail)
        yield from reader.read()
        reader.close()
        return
    events = open_inotify(folder, CHANGES)
    try:
        reader.open_at_tail(tail)
        yield from _follow(reader, folder, events)
    finally:
        os.close(events)
        reader.close()


def _follow(reader: LogReader, folder: str, events: int) -> Iterator[Records]:
    """Yield batches of records while the container's shim lives."""
    try:
        connection = shimclient.connect(folder)
    except shimclient.ShimGone:
        yield from reader.read()
        return
    with connection:
        connection.send(p.WAIT, bytes((p.WAIT_FINAL,)))
        waiter = select.poll()
        waiter.register(events, select.POLLIN)
        waiter.register(connection.fileno(), select.POLLIN)
        ended = False
        while not ended:
            yield from reader.read()
            ready = waiter.poll()
            ended = any(fd == connection.fileno() for fd, _ in ready)
            try:
                os.read(events, 65536)
            except BlockingIOError:
                pass
        yield from reader.read()
