"""The listening socket, and everybody who came in by it.

What belongs here: who may come in, what is told to all of them. What does not: one client's frames (``clients.py``).
"""

from __future__ import annotations

import os

from section01_processes import accept_unix, listen_unix, peer_credentials, recv_message

from . import protocol as p
from .clients import Client

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .clients import Served
    from .loop import Loop


class Door:
    """The listening socket and everybody who came in by it (or by the start-up connection)."""

    __slots__ = ("_fd", "clients", "folder", "loop", "served")

    def __init__(self, folder: str, loop: Loop, served: Served) -> None:
        self.folder = folder
        self.loop = loop
        self.served = served
        self.clients: list[Client] = []
        self._fd = -1

    def open(self) -> None:
        """Listen. A socket file that is there is a dead shim's: we hold the lock."""
        path = os.path.join(self.folder, p.SOCK)
        try:
            os.unlink(path)
        except FileNotFoundError:
            pass
        self._fd = listen_unix(path)
        os.set_blocking(self._fd, False)
        self.loop.watch(self._fd, self._accept)

    def close(self) -> None:
        """Listen no more and take the name away; those who are in stay."""
        if self._fd >= 0:
            self.loop.drop(self._fd)
            os.close(self._fd)
            self._fd = -1
            try:
                os.unlink(os.path.join(self.folder, p.SOCK))
            except FileNotFoundError:
                pass

    def _accept(self, _events: int) -> None:
        """Let in a peer of our own uid, or root; anybody else finds the door shut."""
        try:
            fd = accept_unix(self._fd)
        except BlockingIOError:
            return
        _, uid, _ = peer_credentials(fd)
        if uid not in {0, os.getuid()}:
            os.close(fd)
            return
        self.admit(fd)

    def admit(self, fd: int) -> Client:
        """Serve a client on connected socket ``fd``, ours from now on."""
        os.set_blocking(fd, False)
        client = Client(fd, self)
        self.clients.append(client)
        return client

    def admit_starter(self, fd: int, request: bytes = b"") -> bytes:
        """Serve the command that started us; its request is queued already, unless it is given. Return the request."""
        client = self.admit(fd)
        client.starting = True
        request = request or recv_message(fd)[0]
        client.take(request, [])
        return request

    def tell(self, kind: int, data: bytes) -> None:
        """Give a chunk of output to every client that wants this stream."""
        wanted = p.ATTACH_STDOUT if kind == p.OUT else p.ATTACH_STDERR
        for client in [c for c in self.clients if c.flags & wanted]:
            for start in range(0, len(data), p.DATA_MAX):
                client.push(kind, memoryview(data)[start : start + p.DATA_MAX])

    def started(self, pid: int) -> bool:
        """Tell the start-up client that the container runs; return whether it stays (is attached)."""
        for client in [c for c in self.clients if c.starting]:
            client.starting = False
            client.push(p.STARTED, p.STARTED_PAYLOAD.pack(pid))
            if client.flags:
                return True
            client.finish()
        return False

    def failed(self, error: bytes) -> None:
        """Tell the start-up client (an ERROR frame) why not; others who wait get the frame too."""
        for client in list(self.clients):
            if client.starting or client.flags or client.waits >= 0:
                client.push(error[0], error[1:])
                client.starting = False
                client.flags, client.waits = 0, -1

    def ended(self, status: int, flags: int) -> None:
        """Tell everybody who waits for this exit; unless a restart follows, that is everybody."""
        final = not flags & p.EXIT_RESTARTING
        for client in list(self.clients):
            if client.flags or client.waits == p.WAIT_NEXT or (final and client.waits == p.WAIT_FINAL):
                client.push(p.EXIT, p.EXIT_PAYLOAD.pack(status, flags))
                client.flags, client.waits = 0, -1
                if not final:
                    client.finish()

    def resume(self) -> None:
        """Read again from clients that waited for the container to take its stdin."""
        for client in [c for c in self.clients if c.paused]:
            client.paused = False
            client.watch()

    def dismiss(self) -> None:
        """Everything is released: close each connection as soon as its client has taken what is queued for it."""
        for client in list(self.clients):
            client.finish()
