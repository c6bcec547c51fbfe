"""The container's own stdin, stdout and stderr (or its terminal), on the shim's side.

What belongs here: pipes, the pty's master, reading into log and clients, writing stdin with back-pressure. What does
not: who the clients are (``clients.py``) and how a record looks (``log.py``).
"""

from __future__ import annotations

import fcntl
import os
from errno import EAGAIN, EIO, EPIPE
from select import EPOLLOUT

from . import protocol as p
from .log import Encoder, timestamp

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from .log import JsonFile
    from .loop import Loop

#: Capacity wanted for the output pipes, so that a burst does not wait for the shim's turn on the processor.
PIPE_SIZE = 1 << 20
READ_SIZE = 1 << 18
F_SETPIPE_SZ = 1031
TIOCGPTPEER = 0x5441


class Stdio:
    """The three descriptors for the container, and the shim's ends of them. Each side closes its own."""

    __slots__ = ("err", "inp", "out", "theirs")

    def __init__(self, *, open_stdin: bool) -> None:
        """Make pipes; stdin is /dev/null unless ``open_stdin``. The init gives them to the container's user."""
        self.inp = -1
        if open_stdin:
            stdin, self.inp = os.pipe2(os.O_CLOEXEC)
            os.set_blocking(self.inp, False)
        else:
            stdin = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
        self.out, stdout = _output_pipe()
        self.err, stderr = _output_pipe()
        self.theirs = (stdin, stdout, stderr)

    def close_theirs(self) -> None:
        """Close the container's ends: it has them now, or never will."""
        for fd in self.theirs:
            os.close(fd)
        self.theirs = ()  # type: ignore[assignment]

    def close(self) -> None:
        """Close everything."""
        self.close_theirs()
        for fd in (self.inp, self.out, self.err):
            if fd >= 0:
                os.close(fd)


def _output_pipe() -> tuple[int, int]:
    """Return a large pipe, its read end non-blocking. F_SETPIPE_SZ may be refused to an ordinary user: pipe(7)."""
    reader, writer = os.pipe2(os.O_CLOEXEC)
    os.set_blocking(reader, False)
    try:
        fcntl.fcntl(reader, F_SETPIPE_SZ, PIPE_SIZE)
    except OSError:
        pass
    return reader, writer


class Output:
    """One stream on its way from the container into the log and to the clients."""

    __slots__ = ("_encoder", "_fd", "_kind", "_log", "_loop", "_tell")

    def __init__(self, fd: int, kind: int, loop: Loop, log: Log | None, tell: Callable[[int, bytes], None]) -> None:
        """``kind``: OUT or ERR; ``tell(kind, data)`` passes the bytes to the clients. Owns ``fd``."""
        self._fd = fd
        self._kind = kind
        self._loop = loop
        self._log = log
        self._tell = tell
        self._encoder = Encoder("stdout" if kind == p.OUT else "stderr")
        loop.watch(fd, self._ready)

    def _ready(self, _events: int) -> None:
        """Event: there is something, or the end."""
        self.serve()

    def serve(self) -> bool:
        """Move one chunk; return False when there is nothing (for now, or for ever)."""
        if self._fd < 0:
            return False
        try:
            data = os.read(self._fd, READ_SIZE)
        except OSError as error:
            if error.errno == EAGAIN:
                return False
            if error.errno != EIO:  # a terminal whose other side nobody holds
                raise
            data = b""
        if not data:
            self.close()
            return False
        if self._log:
            self._log.write(self._encoder.feed(data, timestamp()))
        self._tell(self._kind, data)
        return True

    def drain(self) -> None:
        """Move everything that is there, log the unfinished line, close."""
        while self.serve():
            pass
        self.close()

    def close(self) -> None:
        """Close the stream; what stands without a newline is logged."""
        if self._fd >= 0:
            self._loop.drop(self._fd)
            os.close(self._fd)
            self._fd = -1
            if self._log:
                self._log.write(self._encoder.finish(timestamp()))


class Log:
    """The log file; a full disk costs records, not the container, and is reported once."""

    __slots__ = ("_complained", "_file")

    def __init__(self, file: JsonFile) -> None:
        self._file = file
        self._complained = False

    def write(self, records: bytes) -> None:
        """Append records."""
        try:
            self._file.write(records)
        except OSError as error:
            if not self._complained:
                from section01_processes import warn

                warn(f"log records are lost: {error}")
                self._complained = True

    def close(self) -> None:
        """Close the file."""
        self._file.close()


class Input:
    """The way into the container's stdin (or terminal), with back-pressure: ``full`` stops the clients' reading."""

    __slots__ = ("_closing", "_fd", "_loop", "_pending", "_resume")

    def __init__(self, fd: int, loop: Loop, resume: Callable[[], None]) -> None:
        """Own ``fd`` (-1: there is no stdin); ``resume()`` is called when what waited has been taken."""
        self._fd = fd
        self._loop = loop
        self._resume = resume
        self._pending = b""
        self._closing = False

    @property
    def full(self) -> bool:
        """Whether something still waits to be taken by the container."""
        return bool(self._pending)

    def write(self, data: bytes) -> None:
        """Write what goes, keep the rest until there is room. Without a reader the bytes are lost, as in a pipe."""
        if self._fd >= 0 and not self._closing:
            self._pending += data
            self._flush()

    def _flush(self, _events: int = 0) -> None:
        """Write pending bytes as far as there is room."""
        try:
            while self._pending:
                self._pending = self._pending[os.write(self._fd, self._pending) :]
        except OSError as error:
            if error.errno == EAGAIN:
                self._loop.watch(self._fd, self._flush, EPOLLOUT)
                return
            if error.errno not in {EPIPE, EIO}:
                raise
            self._pending = b""
            self._closing = True
        self._loop.drop(self._fd)
        if self._closing:
            self.close()
        self._resume()

    def end(self) -> None:
        """Close it as soon as everything has been written."""
        self._closing = True
        if not self._pending:
            self.close()

    def close(self) -> None:
        """Close it now."""
        self._pending = b""
        if self._fd >= 0:
            self._loop.drop(self._fd)
            os.close(self._fd)
            self._fd = -1


def keep_slave(master: int) -> int:
    """Return a descriptor of the terminal's slave, by its master; while we hold it, reading the master never ends.

    A container may close its terminal and open it again; only the death of its process 1 ends the stream.
    """
    return fcntl.ioctl(master, TIOCGPTPEER, os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC)
