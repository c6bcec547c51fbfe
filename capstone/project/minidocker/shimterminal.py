"""What the copying loops of a foreground command are made of: keys, signals, poll, reads and writes.

What belongs here: small parts without a shim. What does not: the loops (``shimstreams.py``).
"""

from __future__ import annotations

import os
import select
from errno import EIO

from section01_processes import UsageError

from .shim import protocol as p

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal as _signal
    from collections.abc import Callable
    from typing import Any
else:
    import _signal

DETACH_KEYS = "ctrl-p,ctrl-q"
#: What a foreground command without a terminal passes on to the container's process 1 (docker: --sig-proxy).
FORWARDED = tuple(
    getattr(_signal, f"SIG{name}") for name in ("HUP", "INT", "QUIT", "TERM", "USR1", "USR2", "ALRM", "CONT")
)
#: With a terminal they end the command, which must not leave the terminal raw.
FATAL = (_signal.SIGHUP, _signal.SIGINT, _signal.SIGQUIT, _signal.SIGTERM)


def parse_detach_keys(text: str) -> bytes:
    """Return the byte sequence of ``ctrl-p,ctrl-q`` (also single characters); "" gives none. Raises UsageError."""
    out = bytearray()
    for key in filter(None, text.split(",")):
        if len(key) == 1 and key.isascii():
            out += key.encode()
        elif key.startswith("ctrl-") and len(key) == 6 and key[5] in "abcdefghijklmnopqrstuvwxyz@[\\]^_":
            out.append(ord(key[5].upper()) & 0x1F)
        else:
            raise UsageError(f"unknown detach key {key!r}", hint="a-z, or ctrl- with one of a-z @ [ \\ ] ^ _")
    return bytes(out)


class DetachScanner:
    """Finds the detach sequence in what is typed, also when it comes in pieces; holds back a started sequence."""

    __slots__ = ("_held", "keys")

    def __init__(self, keys: bytes) -> None:
        self.keys = keys
        self._held = b""

    def feed(self, data: bytes) -> tuple[bytes, bool]:
        """Return the bytes to pass on and whether the sequence is complete."""
        if not self.keys:
            return data, False
        data = self._held + data
        found = data.find(self.keys)
        if found >= 0:
            return data[:found], True
        hold = next((n for n in range(min(len(self.keys) - 1, len(data)), 0, -1) if data.endswith(self.keys[:n])), 0)
        self._held = data[len(data) - hold :]
        return data[: len(data) - hold], False


class Signals:
    """While it lasts, signals call our handlers; the old ones come back at the end (context manager)."""

    __slots__ = ("handlers", "old")

    def __init__(self, handlers: dict[int, Callable[[int, object], None]]) -> None:
        self.handlers = handlers
        self.old: dict[int, Any] = {}

    def __enter__(self) -> None:
        for number, handler in self.handlers.items():
            self.old[number] = _signal.signal(number, handler)

    def __exit__(self, *_: object) -> None:
        for number, handler in self.old.items():
            _signal.signal(number, _signal.SIG_DFL if handler is None else handler)


def end_command(number: int, _frame: object) -> None:
    """Signal handler: leave through every ``with``, so that the terminal is put back."""
    raise SystemExit(128 + number)


class Loop:
    """poll(2) with one handler per descriptor; regular files are always ready, which epoll would refuse."""

    __slots__ = ("handlers", "poll")

    def __init__(self) -> None:
        self.poll = select.poll()
        self.handlers: dict[int, Callable[[int], None]] = {}

    def watch(self, fd: int, handler: Callable[[int], None], events: int = select.POLLIN) -> None:
        """Call ``handler(events)`` whenever ``fd`` has one of ``events``; replaces what was there."""
        self.handlers[fd] = handler
        self.poll.register(fd, events)

    def drop(self, fd: int) -> None:
        """Forget ``fd``, if known."""
        if self.handlers.pop(fd, None):
            self.poll.unregister(fd)

    def turn(self, timeout_ms: int | None = None) -> bool:
        """Serve what is ready; return whether anything was."""
        ready = self.poll.poll(timeout_ms)
        for fd, events in ready:
            if fd in self.handlers:
                self.handlers[fd](events)
        return bool(ready)


def write_all(fd: int, data: bytes) -> None:
    """Write all of ``data``, also to a descriptor that somebody made non-blocking."""
    view = memoryview(data)
    while view:
        try:
            view = view[os.write(fd, view) :]
        except BlockingIOError:
            waiter = select.poll()
            waiter.register(fd, select.POLLOUT)
            waiter.poll()


def read_some(fd: int) -> bytes | None:
    """Return what ``fd`` has; b"" at its end (a pty whose other side is closed says EIO), None if nothing yet."""
    try:
        return os.read(fd, p.DATA_MAX)
    except BlockingIOError:
        return None
    except OSError as error:
        if error.errno != EIO:
            raise
        return b""


def readable(fd: int) -> bool:
    """Return whether reading ``fd`` would not block."""
    waiter = select.poll()
    waiter.register(fd, select.POLLIN)
    return bool(waiter.poll(0))
