"""The user's terminal and a process's terminal, joined: keys one way, output the other, resizing, job control.

What belongs here: the copying loop of ``spawn --pty`` and ``attach``, and the two kinds of far end. What does not: the
pty itself (``pty.py``), the supervisor's side (``streams.py``, ``door.py``).
"""

from __future__ import annotations

import os
import select
import signal
import sys
from typing import TYPE_CHECKING

from ..errors import LcmError
from ..messages import connect_unix, recv_message, send_message
from ..pty import RawTerminal, get_size, set_size
from . import door as d
from .place import SOCKET

if TYPE_CHECKING:
    from types import FrameType

DETACH_KEYS = b"\x10\x11"  # ctrl-p ctrl-q
END_OF_FILE = b"\x04"
PIECE = 32768


class Master:
    """The far end is a pty of ours; it ends with its last user, or with the process behind ``pidfd``."""

    __slots__ = ("fd", "pidfd")

    def __init__(self, fd: int, pidfd: int) -> None:
        self.fd = fd
        self.pidfd = pidfd

    def read(self) -> bytes:
        """Return output, b"" at the end."""
        try:
            return os.read(self.fd, PIECE)
        except OSError:  # EIO: no slave is open any more
            return b""

    def write(self, data: bytes) -> None:
        """Write input, all of it."""
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(self.fd, rest) :]

    def resize(self, rows: int, columns: int) -> None:
        """Set the window's size."""
        set_size(self.fd, rows, columns)


class Attached:
    """The far end is a detached process's supervisor. Owns the socket ``fd``."""

    __slots__ = ("exit_code", "fd")
    pidfd = -1

    def __init__(self, folder: str) -> None:
        """Attach to the process in ``folder``. Raises LcmError where nobody is at the door."""
        try:
            self.fd = connect_unix(os.path.join(folder, SOCKET))
        except OSError as error:
            raise LcmError(f"process {os.path.basename(folder)!r} has no supervisor to attach to") from error
        self.exit_code: int | None = None
        send_message(self.fd, d.ATTACH + d.WINDOW.pack(*window_size()))

    def read(self) -> bytes:
        """Return output, b"" at the end. Raises LcmError when we are refused."""
        try:
            message, _ = recv_message(self.fd)
        except ConnectionResetError:
            return b""
        if message[:1] == d.ERROR:
            raise LcmError(
                f"cannot attach: {message[1:].decode()}",
                hint="it was started without --pty: procman logs -f",
                explain="LCM-TTY-01",
            )
        if message[:1] == d.EXIT:
            self.exit_code = message[1]
            return b""
        return message[1:]

    def write(self, data: bytes) -> None:
        """Send input."""
        self._send(d.INPUT + data)

    def resize(self, rows: int, columns: int) -> None:
        """Tell the window's size."""
        self._send(d.WINDOW_SIZE + d.WINDOW.pack(rows, columns))

    def _send(self, message: bytes) -> None:
        """Send; that the other side has gone shows in ``read``."""
        try:
            send_message(self.fd, message)
        except OSError:
            pass


class DetachKeys:
    """Watches the keys for ctrl-p ctrl-q; a ctrl-p is held back until the next key shows what it was."""

    __slots__ = ("_held",)

    def __init__(self) -> None:
        self._held = b""

    def feed(self, data: bytes) -> tuple[bytes, bool]:
        """Return what is to be passed on, and whether the user wants to go."""
        data = self._held + data
        self._held = b""
        before, found, _ = data.partition(DETACH_KEYS)
        if found:
            return before, True
        if data.endswith(DETACH_KEYS[:1]):
            self._held = DETACH_KEYS[:1]
            data = data[:-1]
        return data, False


def window_size() -> tuple[int, int]:
    """Return rows and columns of the user's terminal; (0, 0) if standard input is none."""
    try:
        return get_size(0)
    except OSError:
        return 0, 0


def join(far: Master | Attached, *, detachable: bool = False) -> bool:
    """Copy both ways until the far end is at its end (True) or the user typed the detach keys (False).

    The user's terminal is raw meanwhile; it is given back when we are stopped, interrupted or done.
    """
    keys = DetachKeys() if detachable else None
    with RawTerminal(0) as terminal:
        _handle_signals(far, terminal)
        waiter = select.poll()
        for fd in (0, far.fd, far.pidfd):
            if fd >= 0:
                waiter.register(fd, select.POLLIN)
        while True:
            ready = [fd for fd, _ in waiter.poll()]
            if far.fd in ready:
                output = far.read()
                if not output:
                    return True
                sys.stdout.buffer.write(output)
                sys.stdout.buffer.flush()
            elif far.pidfd in ready:
                return True
            elif 0 in ready:
                data = os.read(0, PIECE)
                if not data:
                    waiter.unregister(0)
                    far.write(END_OF_FILE)
                    continue
                data, leave = keys.feed(data) if keys else (data, False)
                if data:
                    far.write(data)
                if leave:
                    return False


def _handle_signals(far: Master | Attached, terminal: RawTerminal) -> None:
    """Pass the window's size on when it changes; give the terminal back while we are stopped."""

    def resize(_: int = 0, __: FrameType | None = None) -> None:
        rows, columns = window_size()
        if rows and columns:
            far.resize(rows, columns)

    def stop(_: int, __: FrameType | None) -> None:
        terminal.restore()
        os.kill(os.getpid(), signal.SIGSTOP)
        terminal.__enter__()  # we have been continued
        resize()

    signal.signal(signal.SIGWINCH, resize)
    signal.signal(signal.SIGTSTP, stop)
    resize()
