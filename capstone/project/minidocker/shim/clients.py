"""One client on the shim's side of the socket: what it asks, what it gets, and when it is done.

What belongs here: the protocol of ``protocol.py``, frame by frame. What does not: what a request does to the container
(the ``Served`` that a client is given) and queueing (``backlog.py``).
"""

from __future__ import annotations

import _socket
import os
from select import EPOLLIN, EPOLLOUT

from section01_processes import (
    LcmError,
    parse_json,
    recv_message,
    send_message,
    warn,
)

from . import protocol as p
from .backlog import Backlog

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Protocol

    from .door import Door
    from .streams import Input

    class Served(Protocol):
        """What a client may ask of the container; every method may raise LcmError."""

        stdin: Input

        def signal(self, number: int, stop: bool) -> None: ...  # noqa: D102 – see main.Shim, for all five
        def resize(self, rows: int, columns: int) -> None: ...  # noqa: D102
        def check_running(self) -> None: ...  # noqa: D102
        def exec(self, client: Client, request: dict[str, Any], fds: list[int]) -> None: ...  # noqa: D102
        def stdin_ended(self) -> None: ...  # noqa: D102


class Client:
    """One connection: its request, what it is attached to, what it has not taken yet."""

    __slots__ = ("_backlog", "_closing", "_door", "_fd", "_socket", "exec", "flags", "known", "paused",
                 "starting", "waits")  # fmt: skip

    def __init__(self, fd: int, door: Door) -> None:
        self._fd = fd
        self._socket = _socket.socket(fileno=fd)
        self._door = door
        self._backlog = Backlog(door.folder)
        self._closing = False
        self.known = False  # has made its request
        self.flags = 0  # ATTACH_*
        self.waits = -1  # WAIT_*
        self.starting = False
        self.paused = False
        self.exec: Any = None  # the process of an EXEC request
        self.watch()

    # ── what comes in ────────────────────────────────────────────────────────────────────────────────────────────────

    def watch(self) -> None:
        """Say to the loop what we wait for now."""
        events = (0 if self.paused else EPOLLIN) | (EPOLLOUT if self._backlog else 0)
        if events:
            self._door.loop.watch(self._fd, self.serve, events)
        else:  # not even its hang-up: the loop would spin
            self._door.loop.drop(self._fd)

    def serve(self, events: int) -> None:
        """Send what waits, read what came."""
        if events & EPOLLOUT:
            self._flush()
        if self._fd >= 0 and not self.paused and events & ~EPOLLOUT:
            self.receive()

    def receive(self) -> None:
        """Read one frame and do what it says."""
        try:
            data, fds = recv_message(self._fd, p.EXEC_MAX)
        except BlockingIOError:
            return
        except (OSError, LcmError):
            data, fds = b"", []
        if data:
            self.take(data, fds)
        else:
            self.close()

    def take(self, data: bytes, fds: list[int]) -> None:
        """Do what frame ``data`` says; its descriptors are closed afterwards."""
        try:
            self._dispatch(data[0], data[1:], fds)
        except LcmError as error:
            self._refuse(error)
        except Exception as error:  # one client's nonsense must not end the container
            warn(f"a request was refused: {type(error).__name__}: {error}")
            self.push(p.ERROR, p.error_frame(125, "the request is malformed")[1:])
            self.finish()
        finally:
            for fd in fds:
                os.close(fd)

    def _refuse(self, error: LcmError) -> None:
        """Answer a request with the error it met; for an attached client's frames the log must do."""
        if self.flags:
            warn(str(error))
            return
        self.push(p.ERROR, p.error_frame(error.exit_code, error.message, error.hint, error.explain)[1:])
        if self.exec is None:
            self.finish()

    def _dispatch(self, kind: int, payload: bytes, fds: list[int]) -> None:
        """Do what frame ``kind`` asks."""
        served = self._door.served
        if not self.known:
            self.known = True
            self._request(kind, payload, fds)
        elif kind == p.IN and self.flags & p.ATTACH_STDIN:
            served.stdin.write(payload)
            if served.stdin.full:
                self.paused = True
                self.watch()
        elif kind == p.IN_EOF and self.flags & p.ATTACH_STDIN:
            served.stdin_ended()
        elif kind == p.SIGNAL:
            number, flags = p.SIGNAL_PAYLOAD.unpack(payload)
            if self.exec is not None:
                self.exec.signal(number)
            else:
                served.signal(number, bool(flags & p.SIGNAL_STOP))
        elif kind == p.RESIZE:
            served.resize(*p.RESIZE_PAYLOAD.unpack(payload))

    def _request(self, kind: int, payload: bytes, fds: list[int]) -> None:
        """Take the connection's first frame."""
        served = self._door.served
        if kind == p.ATTACH:
            if not self.starting:
                served.check_running()
            flags, rows, columns = p.ATTACH_PAYLOAD.unpack(payload)
            self.flags = flags | p.ATTACHED
            served.resize(rows, columns)
        elif kind == p.WAIT:
            self.waits = payload[0]
        elif kind == p.EXEC:
            served.exec(self, parse_json(payload), fds)
        elif kind == p.SIGNAL:
            number, flags = p.SIGNAL_PAYLOAD.unpack(payload)
            served.signal(number, bool(flags & p.SIGNAL_STOP))
            self._done()
        elif kind == p.RESIZE:
            served.check_running()
            served.resize(*p.RESIZE_PAYLOAD.unpack(payload))
            self._done()
        elif kind != p.START:
            raise LcmError(f"the shim does not know request {kind}")

    def _done(self) -> None:
        """Answer OK; that was all."""
        self.push(p.OK, b"")
        self.finish()

    # ── what goes out ────────────────────────────────────────────────────────────────────────────────────────────────

    def push(self, kind: int, data: bytes | memoryview) -> None:
        """Send a frame, or queue it behind those that the client has not taken yet."""
        if self._fd < 0:
            return
        try:
            if self._backlog or not self._send(kind, data):
                self._backlog.append(kind, data)
                self.watch()
        except OSError as error:  # the spool file: disk full
            warn(f"a client was dropped: {error}")
            self.close()

    def send_with(self, kind: int, data: bytes, fds: list[int]) -> None:
        """Send a frame with descriptors; only as the first answer on a connection, so there is room."""
        if self._fd < 0:
            return  # the client has left
        send_message(self._fd, bytes((kind,)) + data, fds)

    def _send(self, kind: int, data: bytes | memoryview) -> bool:
        """Send one frame; False when there is no room. A client that is gone is closed."""
        try:
            self._socket.sendmsg([bytes((kind,)), data], [], _socket.MSG_NOSIGNAL)
        except BlockingIOError:
            return False
        except OSError:
            self.close()
        return True

    def _flush(self) -> None:
        """Send queued frames as far as there is room."""
        while self._backlog and self._send(*self._backlog.first()):
            if self._fd < 0:
                return
            self._backlog.pop()
        if self._backlog:
            return
        if self._closing:
            self.close()
        else:
            self.watch()

    def finish(self) -> None:
        """Close the connection when everything queued has been taken."""
        self._closing = True
        if self._fd >= 0 and not self._backlog:
            self.close()

    def close(self) -> None:
        """End it: the client has left, or we are done with it."""
        if self._fd < 0:
            return
        self._door.loop.drop(self._fd)
        self._socket.close()
        self._fd = -1
        self._backlog.close()
        self._door.clients.remove(self)
        if self.flags & p.ATTACH_STDIN:
            self._door.served.stdin_ended()
        self.flags = 0
