"""What a client has not taken yet: at most 1 MiB in memory, the rest in an unlinked file; order kept, nothing lost.

What belongs here: the queue. What does not: sockets (``clients.py``).

A client that reads slowly (a pager, a stopped terminal) must neither hold up the container's log nor make the shim
grow. So the queue's head is in memory, and once that is full everything further goes to the file, until the file has
been read back completely.
"""

from __future__ import annotations

import os
from _struct import Struct

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections import deque
else:
    from _collections import deque

#: Bytes kept in memory for one client.
MEMORY_MAX = 1 << 20
ENTRY = Struct("<BI")


class Backlog:
    """A queue of frames (kind, data); a file in ``folder`` is made only when it is needed."""

    __slots__ = ("_fd", "_folder", "_memory", "_read", "_size", "_written")

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._memory: deque[tuple[int, bytes | memoryview]] = deque()
        self._size = 0
        self._fd = -1
        self._read = self._written = 0

    def __bool__(self) -> bool:
        return bool(self._memory) or self._read < self._written

    @property
    def spooled(self) -> int:
        """How many bytes wait in the file."""
        return self._written - self._read

    def append(self, kind: int, data: bytes | memoryview) -> None:
        """Put a frame at the end. Raises OSError when the file cannot take it (disk full)."""
        if self._read == self._written and self._size + len(data) <= MEMORY_MAX:
            self._memory.append((kind, data))
            self._size += len(data)
            return
        if self._fd < 0:
            self._fd = os.open(self._folder, os.O_TMPFILE | os.O_RDWR | os.O_CLOEXEC, 0o600)
        entry = ENTRY.pack(kind, len(data)) + data
        done = 0
        while done < len(entry):
            done += os.pwrite(self._fd, entry[done:], self._written + done)
        self._written += done

    def first(self) -> tuple[int, bytes | memoryview]:
        """Return the frame at the head (there must be one), reading back from the file when memory is empty."""
        if not self._memory:
            kind, size = ENTRY.unpack(os.pread(self._fd, ENTRY.size, self._read))
            self._memory.append((kind, os.pread(self._fd, size, self._read + ENTRY.size)))
            self._size += size
            self._read += ENTRY.size + size
            if self._read == self._written:
                os.ftruncate(self._fd, 0)
                self._read = self._written = 0
        return self._memory[0]

    def pop(self) -> None:
        """Take the head away."""
        self._size -= len(self._memory.popleft()[1])

    def close(self) -> None:
        """Forget everything."""
        self._memory.clear()
        self._read = self._written = self._size = 0
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
