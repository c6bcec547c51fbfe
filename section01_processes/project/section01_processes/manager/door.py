"""The supervisor's door: a socket in the process's folder, and who comes through it.

| message | from → to | payload | what happens |
|---|---|---|---|
| ``S`` stop | command → supervisor | signal number (1 byte, 0: none) | not started again; the signal is sent |
| ``k`` ok | supervisor → command | – | done |
| ``A`` attach | command → supervisor | rows, columns (2 × u16) | from now on ``O``; ``e`` without a terminal |
| ``O`` output | supervisor → command | bytes | – |
| ``I`` input | command → supervisor | bytes | written to the terminal |
| ``W`` window | command → supervisor | rows, columns | the terminal's size |
| ``X`` exit | supervisor → command | exit code (1 byte) | the last message |
| ``e`` error | supervisor → command | text | the last message |

What belongs here: connections and their queues. What does not: what a request does (``supervisor.py``).

A client that does not read is not waited for: a megabyte is kept for it, then it is let go.
"""

from __future__ import annotations

import os
from _struct import Struct
from select import POLLIN, POLLOUT

from ..errors import LcmError
from ..messages import accept_unix, listen_unix, peer_credentials, recv_message, send_message

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from .loop import Loop

WINDOW = Struct("<HH")
PIECE = 32768  # bytes of output in one message
PENDING_MAX = 1 << 20
STOP, OK, ATTACH, OUTPUT, INPUT, WINDOW_SIZE, EXIT, ERROR = b"S", b"k", b"A", b"O", b"I", b"W", b"X", b"e"


class Client:
    """One connection and what it has not taken yet."""

    __slots__ = ("attached", "fd", "pending", "size")

    def __init__(self, fd: int) -> None:
        self.fd = fd
        self.attached = False
        self.pending: list[bytes] = []
        self.size = 0


class Door:
    """Listens at ``path``; ``request(client, kind, payload)`` is called for each message."""

    __slots__ = ("_fd", "_loop", "_paused", "_request", "clients")

    def __init__(self, path: str, loop: Loop, request: Callable[[Client, bytes, bytes], None]) -> None:
        try:
            os.unlink(path)  # an earlier supervisor's; we hold its lock now
        except FileNotFoundError:
            pass
        self._fd = listen_unix(path, mode=0o600)
        os.set_blocking(self._fd, False)
        self._loop = loop
        self._request = request
        self._paused = False
        self.clients: dict[int, Client] = {}
        loop.watch(self._fd, self._accept)

    def send(self, client: Client, message: bytes) -> None:
        """Queue one message and send what goes."""
        client.pending.append(message)
        client.size += len(message)
        if client.size > PENDING_MAX:
            self.leave(client)
        else:
            self._flush(client)

    def output(self, data: bytes) -> None:
        """Show ``data`` to everybody attached."""
        for client in [c for c in self.clients.values() if c.attached]:
            for start in range(0, len(data), PIECE):
                if client.fd in self.clients:
                    self.send(client, OUTPUT + data[start : start + PIECE])

    def pause(self, paused: bool) -> None:
        """Read no more from anybody, or again: the terminal takes no input at the moment."""
        self._paused = paused
        for client in self.clients.values():
            self._watch(client)

    def busy(self) -> bool:
        """Whether somebody has not taken everything yet."""
        return any(client.pending for client in self.clients.values())

    def leave(self, client: Client) -> None:
        """Close a connection."""
        if self.clients.pop(client.fd, None):
            self._loop.drop(client.fd)
            os.close(client.fd)

    def _accept(self) -> None:
        """Let somebody in: our own user, or root."""
        try:
            fd = accept_unix(self._fd)
        except (BlockingIOError, ConnectionAbortedError):
            return
        if peer_credentials(fd)[1] not in (0, os.geteuid()):
            os.close(fd)
            return
        os.set_blocking(fd, False)
        self.clients[fd] = Client(fd)
        self._watch(self.clients[fd])

    def _watch(self, client: Client) -> None:
        """Wait for what is to be waited for: requests, unless we are paused; room, if something is pending."""
        events = (0 if self._paused else POLLIN) | (POLLOUT if client.pending else 0)
        if events:
            self._loop.watch(client.fd, lambda: self._ready(client), events)
        else:
            self._loop.drop(client.fd)  # watched for nothing, its hang-up would still wake us, again and again

    def _ready(self, client: Client) -> None:
        """Send what goes, take one message."""
        if client.pending:
            self._flush(client)
        if self._paused or client.fd not in self.clients:
            return
        try:
            data, fds = recv_message(client.fd)
        except BlockingIOError:
            return
        except (LcmError, OSError):
            data, fds = b"", []
        for fd in fds:
            os.close(fd)
        if data:
            self._request(client, data[:1], data[1:])
        else:
            self.leave(client)

    def _flush(self, client: Client) -> None:
        """Send pending messages as far as there is room."""
        try:
            while client.pending:
                send_message(client.fd, client.pending[0])
                client.size -= len(client.pending.pop(0))
        except BlockingIOError:
            pass
        except OSError:
            self.leave(client)
            return
        self._watch(client)
