"""Two processes talk: messages with descriptors over unix sockets, and who is on the other side.

What belongs here: SOCK_SEQPACKET sockets (a message arrives whole or not at all), SCM_RIGHTS, SO_PEERCRED. What does
not: what the messages say (each protocol is drawn where its two sides live).

Sockets are plain descriptors here, close-on-exec; the caller owns and closes them. See unix(7).
"""

from __future__ import annotations

import _socket
import os
from _struct import Struct

from .errors import LcmError, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

UCRED = Struct("iii")  # struct ucred { pid_t pid; uid_t uid; gid_t gid; }
MAX_PATH = 107  # sizeof(sun_path) - 1
_FLAGS = _socket.SOCK_SEQPACKET | _socket.SOCK_CLOEXEC


def socket_pair() -> tuple[int, int]:
    """Return two connected SOCK_SEQPACKET sockets, close-on-exec. socketpair(2)."""
    left, right = _socket.socketpair(_socket.AF_UNIX, _FLAGS, 0)
    return left.detach(), right.detach()


def send_message(sock_fd: int, data: bytes, fds: Sequence[int] = ()) -> None:
    """Send one message, with descriptors. Raises OSError (EPIPE: the other side is gone)."""
    rights = [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, Struct(f"{len(fds)}i").pack(*fds))] if fds else []
    sock = _borrow(sock_fd)
    try:
        sock.sendmsg([data], rights, _socket.MSG_NOSIGNAL)
    finally:
        sock.detach()


def recv_message(sock_fd: int, size: int = 65536, maxfds: int = 8) -> tuple[bytes, list[int]]:
    """Receive one message and its descriptors (close-on-exec, now the caller's); ``(b"", [])`` at the end.

    Raises LcmError when the message or its descriptors did not fit: what did arrive is closed.
    """
    sock = _borrow(sock_fd)
    try:
        data, extra, flags, _ = sock.recvmsg(size, _socket.CMSG_SPACE(4 * maxfds), _socket.MSG_CMSG_CLOEXEC)
    finally:
        sock.detach()
    fds: list[int] = []
    for level, kind, value in extra:
        if level == _socket.SOL_SOCKET and kind == _socket.SCM_RIGHTS:
            fds += Struct(f"{len(value) // 4}i").unpack_from(value)
    if flags & (_socket.MSG_TRUNC | _socket.MSG_CTRUNC):
        for fd in fds:
            os.close(fd)
        raise LcmError(f"a message on descriptor {sock_fd} was cut: more than {size} bytes or {maxfds} descriptors")
    return data, fds


def peer_credentials(fd: int) -> tuple[int, int, int]:
    """Return pid, uid and gid of the process that connected, as the kernel noted them then. SO_PEERCRED, unix(7)."""
    sock = _borrow(fd)
    try:
        pid, uid, gid = UCRED.unpack(sock.getsockopt(_socket.SOL_SOCKET, _socket.SO_PEERCRED, UCRED.size))
    finally:
        sock.detach()
    return pid, uid, gid


def listen_unix(path: str, *, backlog: int = 64, mode: int = 0o700) -> int:
    """Make a listening SOCK_SEQPACKET socket at ``path``, with ``mode`` from its first moment; return its descriptor.

    Raises OSError EADDRINUSE when something is there: removing a stale socket is its owner's decision.
    """
    sock = _socket.socket(_socket.AF_UNIX, _FLAGS, 0)
    try:
        os.fchmod(sock.fileno(), mode)  # before bind: the file is never open to more than this
        _at(path, sock.bind)
        os.chmod(path, mode)  # bind took the umask off
        sock.listen(backlog)
    except BaseException:
        sock.close()
        raise
    return sock.detach()


def accept_unix(fd: int) -> int:
    """Accept one connection on listening socket ``fd``; return its descriptor, close-on-exec. accept4(2)."""
    sock = _borrow(fd)
    try:
        accepted: int = sock._accept()[0]  # type: ignore[attr-defined]  # noqa: SLF001 - what socket.accept calls
    finally:
        sock.detach()
    return accepted


def connect_unix(path: str) -> int:
    """Connect to the SOCK_SEQPACKET socket at ``path``; return the descriptor. Raises OSError."""
    sock = _socket.socket(_socket.AF_UNIX, _FLAGS, 0)
    try:
        _at(path, sock.connect)
    except BaseException:
        sock.close()
        raise
    return sock.detach()


def _borrow(fd: int) -> _socket.socket:
    """Return a socket object over ``fd``; the borrower must ``detach`` it, or the descriptor is closed."""
    return _socket.socket(_socket.AF_UNIX, _socket.SOCK_SEQPACKET, 0, fd)


def _at(path: str, call: object) -> None:
    """Call ``call(address)`` for ``path``, by its folder's descriptor where the path is too long for sun_path."""
    if len(os.fsencode(path)) <= MAX_PATH:
        call(os.fsencode(path))  # type: ignore[operator]
        return
    folder, name = os.path.split(path)
    fd = os.open(folder or ".", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        short = os.fsencode(f"/proc/self/fd/{fd}/{name}")
        if len(short) > MAX_PATH:
            raise UsageError(f"the name of socket {name!r} is too long")
        call(short)  # type: ignore[operator]
    finally:
        os.close(fd)
