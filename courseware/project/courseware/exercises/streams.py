"""Bytes between a test and a submission: read without ever blocking, up to a limit, and shown as text.

What belongs here: one stream, polling, text from bytes. What does not: which streams a start has (``running.py``).
"""

from __future__ import annotations

import os
import select
import socket
from collections.abc import Mapping

CHUNK = 65536


class Stream:
    """Our end of a pipe or socket: read without ever blocking, up to ``limit`` bytes."""

    def __init__(self, fd: int, limit: int) -> None:
        os.set_blocking(fd, False)
        self.fd, self.limit = fd, limit
        self.data = bytearray()
        self.cut = False

    def move(self) -> None:
        """Read what is there; at the end of file, close. Past the limit nothing is kept."""
        while self.fd >= 0 and not self.cut:
            try:
                part = os.read(self.fd, CHUNK)
            except BlockingIOError:
                return
            except OSError:  # ECONNRESET: a socket whose other end went with bytes unread
                part = b""
            if not part:
                self.close()
            self.data += part
            if len(self.data) > self.limit:
                del self.data[self.limit :]
                self.cut = True

    def close(self) -> None:
        """Close our end."""
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1


def half_close(fd: int) -> None:
    """Send the end of file through the socket ``fd``, which stays open for reading."""
    with socket.socket(fileno=os.dup(fd)) as end:
        try:
            end.shutdown(socket.SHUT_WR)
        except OSError:  # ENOTCONN: the other end has gone
            pass


def poll(wanted: Mapping[int, int], seconds: float) -> list[int]:
    """Return the descriptors of ``wanted`` (descriptor → events) on which something happens within ``seconds``."""
    poller = select.poll()
    for fd, events in wanted.items():
        poller.register(fd, events)
    return [fd for fd, _ in poller.poll(seconds * 1000)]


def last_line(data: bytes) -> str:
    """Return the last line of ``data`` that is not empty, as text that can be printed."""
    lines = [line for line in printable(data).splitlines() if line.strip()]
    return lines[-1].strip()[:400] if lines else ""


def printable(data: bytes) -> str:
    """Return ``data`` as text: what is not UTF-8, and control characters, as escapes."""
    text = data.decode(errors="backslashreplace")
    return "".join(c if c.isprintable() or c in "\n\t" else c.encode("unicode_escape").decode() for c in text)
