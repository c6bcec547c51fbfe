"""The supervised process's standard streams, on the supervisor's side: one pipe for both outputs, or a terminal.

What belongs here: making them, reading output, writing input. What does not: where the output goes.

Back-pressure comes by itself: output is read only as fast as the log takes it, and a full pipe makes the process wait.
"""

from __future__ import annotations

import os
from select import POLLIN, POLLOUT

from ..pty import open_pty, set_size

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .loop import Loop

READ_SIZE = 65536
DRAIN_MAX = 1 << 20  # what may still stand in a pipe when the process has ended


class Streams:
    """One run's streams. We keep the other side open, too: then reading never ends, only the process does."""

    __slots__ = ("_loop", "_put", "_theirs", "_unwritten", "fd", "paused", "stdio", "terminal")

    def __init__(self, loop: Loop, put: Callable[[bytes], None], pty: bool, size: Sequence[int]) -> None:
        """``put(data)`` takes the output; ``paused(bool)``, set later, hears when input must wait."""
        self._loop = loop
        self._put = put
        self._unwritten = b""
        self.paused: Callable[[bool], None] = lambda _: None
        self.terminal = -1
        self.stdio: tuple[int, int] | None = None
        if pty:
            self.fd, self.terminal = open_pty()
            self._theirs = [self.terminal]
            set_size(self.fd, *size)
        else:
            self.fd, writer = os.pipe2(os.O_CLOEXEC)
            self._theirs = [os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC), writer]
            self.stdio = (self._theirs[0], writer)
        os.set_blocking(self.fd, False)
        loop.watch(self.fd, self._ready)

    def read(self) -> int:
        """Move one chunk of output; return its size, 0 when there is nothing now."""
        try:
            data = os.read(self.fd, READ_SIZE)
        except OSError:  # EAGAIN; EIO: the terminal has been hung up
            return 0
        self._put(data)
        return len(data)

    def write(self, data: bytes) -> None:
        """Write input to the terminal; what it does not take now waits, and ``paused(True)`` says so."""
        self._unwritten += data
        self._flush()
        if self._unwritten:
            self.paused(True)

    def drain(self) -> None:
        """Move what the process has left behind; not more, for its descendants may write for ever."""
        moved = 0
        while moved < DRAIN_MAX and (size := self.read()):
            moved += size

    def close(self) -> None:
        """Close our side and theirs."""
        self._loop.drop(self.fd)
        for fd in (self.fd, *self._theirs):
            os.close(fd)

    def _ready(self) -> None:
        """Event: output is there, or the terminal has room for input."""
        if self._unwritten:
            self._flush()
        self.read()

    def _flush(self) -> None:
        """Write input as far as the terminal takes it."""
        try:
            while self._unwritten:
                self._unwritten = self._unwritten[os.write(self.fd, self._unwritten) :]
        except BlockingIOError:
            self._loop.watch(self.fd, self._ready, POLLIN | POLLOUT)
            return
        except OSError:  # EIO: the terminal has been hung up
            self._unwritten = b""
        self._loop.watch(self.fd, self._ready)
        self.paused(False)
