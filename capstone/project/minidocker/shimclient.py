"""A command's side of the socket protocol (``shim/protocol.py``): start a shim, ask it, be attached to it.

Fast path: only C modules and our own. What belongs here: connections and the two copying loops (attach, exec). What
does not: what a command prints or decides (the engine and the command line do).

    connection = start_shim(folder, lock_fd, first=attach_frame(...))      run
    connection = connect(folder)                                           every other command
"""

from __future__ import annotations

import _socket
import errno
import os
import sys

from section01_processes import LcmError, connect_unix, format_json

from .shim import protocol as p

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Self

#: A reply may carry OUT data or an error text, both below this.
_FRAME_MAX = p.DATA_MAX + 1
_SPACE = _socket.CMSG_SPACE(3 * 4)


class ShimError(LcmError):
    """The shim answered with an error; it carries the exit code, hint and stumbling block that the shim found."""


class ShimGone(LcmError):
    """There is no living shim behind a container's folder, or it died while we talked to it."""


class Connection:
    """One connection to a shim: frames out, frames in. Owns its socket; use as a context manager or ``close``."""

    __slots__ = ("socket",)

    def __init__(self, socket: _socket.socket) -> None:
        self.socket = socket

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the socket; an attached client is detached by that."""
        self.socket.close()

    def fileno(self) -> int:
        """Return the socket's descriptor."""
        return self.socket.fileno()

    def send(self, kind: int, payload: bytes = b"", fds: tuple[int, ...] = ()) -> None:
        """Send one frame, with descriptors if any. Raises ShimGone when the shim has closed the connection."""
        rights = []
        if fds:
            rights = [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, b"".join(fd.to_bytes(4, sys.byteorder) for fd in fds))]
        try:
            self.socket.sendmsg([bytes((kind,)), payload], rights)
        except (BrokenPipeError, ConnectionResetError):
            raise ShimGone("the container's shim closed the connection") from None

    def receive(self) -> tuple[int, bytes, list[int]]:
        """Return the next frame's kind, payload and descriptors; kind 0 is the end of the connection."""
        try:
            data, rights, _flags, _ = self.socket.recvmsg(_FRAME_MAX, _SPACE, _socket.MSG_CMSG_CLOEXEC)
        except ConnectionResetError:
            return 0, b"", []
        fds = [
            int.from_bytes(raw[i : i + 4], sys.byteorder, signed=True)
            for level, kind, raw in rights
            if (level, kind) == (_socket.SOL_SOCKET, _socket.SCM_RIGHTS)
            for i in range(0, len(raw) - 3, 4)
        ]
        return (data[0], data[1:], fds) if data else (0, b"", fds)

    def expect(self, kind: int) -> tuple[bytes, list[int]]:
        """Return payload and descriptors of the next frame, which must be ``kind``.

        Raises ShimError for an ERROR frame, ShimGone at the end of the connection.
        """
        got, payload, fds = self.receive()
        if got == kind:
            return payload, fds
        if got == p.ERROR:
            code, message, hint, explain = p.parse_error(payload)
            raise ShimError(message, hint=hint, explain=explain, exit_code=code)
        if got == 0:
            raise ShimGone("the container's shim died", hint="its shim.log says more")
        raise LcmError(f"the shim answered {p.FRAME_NAMES.get(got, got)} instead of {p.FRAME_NAMES[kind]}")

    def wait_end(self) -> None:
        """Wait until the shim closes the connection: everything outside the container's folder is released."""
        while self.receive()[0]:
            pass


def connect(folder: str) -> Connection:
    """Return a connection to the shim of the container in ``folder``. Raises ShimGone when none listens."""
    try:
        fd = connect_unix(os.path.join(folder, p.SOCK))
    except OSError as error:
        if error.errno in {errno.ENOENT, errno.ECONNREFUSED}:
            raise ShimGone(f"no shim answers for the container in {folder}") from None
        raise
    return Connection(_socket.socket(fileno=fd))


def attach_frame(flags: int, rows: int = 0, columns: int = 0) -> bytes:
    """Return the first frame of an attached client (``flags``: ATTACH_*)."""
    return p.frame(p.ATTACH, p.ATTACH_PAYLOAD.pack(flags, rows, columns))


def start_shim(folder: str, lock_fd: int, *, first: bytes = bytes((p.START,)), record_fd: int = -1, crash: str = "") -> Connection:  # fmt: skip  # noqa: E501
    """Start the shim of the container in ``folder`` and return the connection that ``first`` was queued on.

    ``lock_fd``: descriptor of the container's lock file with the flock held; the shim inherits it. ``first``: START, or
    what :func:`attach_frame` made. The caller must be single-threaded. The next frame is STARTED or ERROR.
    """
    from .shim.launch import launch

    ours, theirs = _socketpair()
    try:
        ours.send(first)
        launch(folder, lock_fd, theirs.fileno(), record_fd, crash)
    finally:
        theirs.close()
    return Connection(ours)


def _socketpair() -> tuple[_socket.socket, _socket.socket]:
    """Return a connected pair of SOCK_SEQPACKET sockets, close-on-exec."""
    first, second = _socket.socketpair(_socket.AF_UNIX, _socket.SOCK_SEQPACKET)
    return first, second


def wait_started(connection: Connection) -> int:
    """Return the container's pid when it has started. Raises ShimError with the exact reason, or ShimGone."""
    payload, _ = connection.expect(p.STARTED)
    pid: int = p.STARTED_PAYLOAD.unpack(payload)[0]
    return pid


def signal_container(folder: str, number: int, *, stop: bool = False) -> None:
    """Send signal ``number`` to the container's process 1; ``stop``: the user wants it down (no restart)."""
    with connect(folder) as connection:
        connection.send(p.SIGNAL, p.SIGNAL_PAYLOAD.pack(number, p.SIGNAL_STOP if stop else 0))
        connection.expect(p.OK)


def resize_container(folder: str, rows: int, columns: int) -> None:
    """Set the size of the container's terminal."""
    with connect(folder) as connection:
        connection.send(p.RESIZE, p.RESIZE_PAYLOAD.pack(rows, columns))
        connection.expect(p.OK)


def wait_container(folder: str, *, condition: int = p.WAIT_FINAL, timeout: float | None = None) -> int | None:
    """Return the exit status when the container has ended (and, WAIT_FINAL, is released); None after ``timeout`` s."""
    with connect(folder) as connection:
        connection.send(p.WAIT, bytes((condition,)))
        connection.socket.settimeout(timeout)
        try:
            payload, _ = connection.expect(p.EXIT)
        except TimeoutError:
            return None
        if condition == p.WAIT_FINAL:
            connection.socket.settimeout(None)
            connection.wait_end()
        status: int = payload[0]
        return status


def request_exec(folder: str, request: dict[str, Any], stdio: tuple[int, ...] = ()) -> tuple[Connection, int, int]:
    """Ask the shim to run a further process; return connection, pid and the pty's master (-1 without tty).

    ``request``: EXEC's JSON; ``stdio``: the three descriptors when there is neither tty nor detach. They go to the
    container as they are, so never hand over a terminal of the host: ``streams.exec_streams`` makes pipes of it.
    """
    connection = connect(folder)
    try:
        connection.send(p.EXEC, format_json(request).encode("utf-8", "surrogateescape"), stdio)
        payload, fds = connection.expect(p.STARTED)
    except BaseException:
        connection.close()
        raise
    return connection, p.STARTED_PAYLOAD.unpack(payload)[0], fds[0] if fds else -1
