"""What the actors of the demonstrations can do, each a few lines.

What belongs here: small functions that are called in a child. What does not: when to call them, looking (``look.py``).
Whoever has no rights gets them from a user namespace of his own, in which he is root (:func:`enter_new`).
"""

from __future__ import annotations

import errno
import fcntl
import os
import socket
from struct import Struct
from typing import Any

from section01_processes import Plan, SyscallError, recv_message, send_message

from .. import (
    CLONE_NEWUSER,
    IdMap,
    flags_of,
    namespaces_of,
    open_namespace,
    plan_enter,
    setns,
    unshare,
    write_id_maps,
)
from .. import _syscalls as calls

_MS_REC_PRIVATE = 1 << 18 | 0x4000
_IFF_UP, _SIOCGIFFLAGS, _SIOCSIFFLAGS = 1, 0x8913, 0x8914
_IFREQ = Struct("16sh22x")  # struct ifreq { char ifr_name[16]; union { short ifr_flags; … 24 bytes }; }
_IPC_CREAT = 0o1000


# --- coming into namespaces


def become_root_inside() -> None:
    """Move to a new user namespace and be root in it: the caller's user and group are mapped to 0."""
    uid, gid = os.geteuid(), os.getegid()
    unshare(CLONE_NEWUSER)
    write_id_maps(0, [IdMap(0, uid, 1)], [IdMap(0, gid, 1)])


def enter_new(*kinds: str, user: bool = False) -> None:
    """Move to new namespaces; an ordinary user (or with ``user``, anybody) to a new user namespace first."""
    if user or os.geteuid() != 0:
        become_root_inside()
    enter_more(*kinds)


def enter_more(*kinds: str) -> None:
    """Move to new namespaces by the rights that we have; mounts made in a new mount namespace stay there."""
    unshare(flags_of(kinds))
    if "mnt" in kinds:
        calls.mount(None, b"/", None, _MS_REC_PRIVATE, None)


def enter_of(pid: int, *kinds: str) -> None:
    """Join namespaces of process ``pid``; where its user namespace is another one than ours, that first."""
    foreign = namespaces_of(pid)["user"] != namespaces_of("self")["user"]
    pidfd = os.pidfd_open(pid)
    try:
        Plan("child", plan_enter(pidfd, [*kinds, *(["user"] if foreign else [])])).run({})
    finally:
        os.close(pidfd)


def enter_file(path: str, kind: str) -> None:
    """Join the namespace behind a file."""
    setns(open_namespace(path), flags_of([kind]))


# --- the network


def loopback_is_up() -> bool:
    """Whether lo of our net namespace is up: in a new one it is down. netdevice(7)."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        flags: int = _IFREQ.unpack(fcntl.ioctl(sock, _SIOCGIFFLAGS, _IFREQ.pack(b"lo", 0)))[1]
    return bool(flags & _IFF_UP)


def set_loopback_up() -> None:
    """Bring lo up. Raises OSError EPERM without CAP_NET_ADMIN over the net namespace, that is, in its owner."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        flags = _IFREQ.unpack(fcntl.ioctl(sock, _SIOCGIFFLAGS, _IFREQ.pack(b"lo", 0)))[1]
        fcntl.ioctl(sock, _SIOCSIFFLAGS, _IFREQ.pack(b"lo", flags | _IFF_UP))


_HELD: list[Any] = []  # what an actor keeps open, in the actor


def listen(port: int) -> str:
    """Listen on 127.0.0.1:``port``; return the line of /proc/net/tcp that says so: address and state."""
    sock = socket.create_server(("127.0.0.1", port))
    _HELD.append(sock)
    with open("/proc/net/tcp", encoding="ascii") as file:
        rows = [line.split()[1:4] for line in file][1:]
    return next(f"{local} {state}" for local, _, state in rows if local.endswith(f":{port:04X}"))


def greet(text: str) -> None:
    """Accept one connection on the socket that we listen on, and send ``text``."""
    with _HELD[0].accept()[0] as peer:
        peer.sendall(text.encode())


def connect(port: int) -> str:
    """Connect to 127.0.0.1:``port``; return how the other end calls itself. Raises OSError ECONNREFUSED."""
    sock = socket.create_connection(("127.0.0.1", port), 30)
    _HELD.append(sock)
    return f"{sock.getpeername()[0]}:{sock.getpeername()[1]}"


def read_greeting() -> str:
    """Return what the other end of our connection sent."""
    text: bytes = _HELD[0].recv(100)
    return text.decode()


# --- System V shared memory


def make_segment(key: int) -> int:
    """Make a segment of 4 KiB; return its id. shmget(2)."""
    return calls.shmget(key, 4096, _IPC_CREAT | 0o600)


def find_segment(key: int) -> int:
    """Return the id of the segment with ``key``. Raises SyscallError ENOENT."""
    return calls.shmget(key, 0, 0)


# --- descriptors and rights


def send_namespace(sock: int, kind: str) -> None:
    """Send a descriptor of our namespace of ``kind``. SCM_RIGHTS, unix(7)."""
    fd = open_namespace(f"/proc/self/ns/{kind}")
    send_message(sock, kind.encode(), [fd])
    os.close(fd)


def receive_namespace(sock: int) -> str:
    """Receive a descriptor; return what is behind it."""
    _, fds = recv_message(sock)
    _HELD.append(fds[0])
    return os.readlink(f"/proc/self/fd/{fds[0]}")


def join_received() -> None:
    """Join the net namespace that we were sent. Raises SyscallError."""
    setns(_HELD.pop(), flags_of(["net"]))


def join_descriptor(fd: int) -> None:
    """Join the net namespace behind ``fd``, a descriptor that we were born with. Raises SyscallError."""
    setns(os.dup(fd), flags_of(["net"]))


def open_net_of(pid: int) -> None:
    """Open the net namespace of another process, by its path. Raises OSError EACCES where ptrace(2) would refuse."""
    os.close(open_namespace(f"/proc/{pid}/ns/net"))


def drop_capability(number: int) -> None:
    """Give up one capability in all three sets. capset(2)."""
    calls.set_capabilities(*(mask & ~(1 << number) for mask in calls.get_capabilities()))


def effective_capabilities() -> int:
    """Return our effective capabilities, a bit each. capget(2)."""
    return calls.get_capabilities()[0]


# --- limits


def nest() -> list[Any]:
    """Move to new user namespaces, each below the last, until the kernel refuses; return how many, why, the id."""
    made = 0
    while True:
        try:
            become_root_inside()
        except SyscallError as error:
            return [made, errno.errorcode[error.errno or 0], error.explain]
        made += 1


def make_net_namespace() -> None:
    """Move to a new net namespace. Raises SyscallError ENOSPC when there may be no more of them."""
    unshare(flags_of(["net"]))


def limit(kind: str, count: int) -> None:
    """Allow at most ``count`` namespaces of ``kind`` in our user namespace and below. namespaces(7)."""
    with open(f"/proc/sys/user/max_{kind}_namespaces", "w", encoding="ascii") as file:
        file.write(str(count))
