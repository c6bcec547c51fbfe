"""Netlink: how the kernel's network is told what to do. Messages are built and read by hand, in 16 + n bytes.

    nlmsghdr { u32 len; u16 type; u16 flags; u32 seq; u32 pid; }        netlink(7)
    body     { ifinfomsg | ifaddrmsg | rtmsg … }                        rtnetlink(7)
    rtattr   { u16 len; u16 type; value, padded to 4 bytes } …          attributes may nest

One request can carry several messages: the kernel works through them in order and answers each with an
acknowledgement (NLMSG_ERROR, errno 0 for success). What belongs here: bytes and the conversation. What does not: what
a link, an address or a route looks like (``links.py``).
"""

from __future__ import annotations

import _socket
import os
from _struct import Struct

from section02_namespaces import CLONE_NEWNET, setns
from section06_network.errors import NetlinkError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Self

NETLINK_ROUTE, NETLINK_NETFILTER = 0, 12
NLM_F_REQUEST, NLM_F_ACK, NLM_F_DUMP, NLM_F_EXCL, NLM_F_CREATE = 0x1, 0x4, 0x300, 0x200, 0x400
NLM_F_ACK_TLVS = 0x200
NLMSG_ERROR, NLMSG_DONE = 2, 3
NLMSGERR_ATTR_MSG = 1
NLA_F_NESTED, NLA_TYPE_MASK = 0x8000, 0x3FFF
SOL_NETLINK, NETLINK_CAP_ACK, NETLINK_EXT_ACK = 270, 10, 11

HEADER = Struct("=IHHII")
ATTRIBUTE = Struct("=HH")
U32 = Struct("=I")


def attribute(kind: int, value: bytes | int | str) -> bytes:
    """Return one rtattr: an int becomes a u32, a str a NUL-terminated string; padded to 4 bytes."""
    if value.__class__ is int:
        value = U32.pack(value)
    elif isinstance(value, str):
        value = os.fsencode(value) + b"\0"
    assert isinstance(value, bytes)
    return ATTRIBUTE.pack(4 + len(value), kind) + value + bytes(-len(value) % 4)


def nested(kind: int, *attributes: bytes) -> bytes:
    """Return an attribute whose value is a list of attributes."""
    return attribute(kind | NLA_F_NESTED, b"".join(attributes))


def parse_attributes(data: bytes, offset: int = 0) -> dict[int, bytes]:
    """Return the attributes of ``data`` from ``offset`` on, by type; the last of a type wins."""
    found = {}
    while offset + 4 <= len(data):
        length, kind = ATTRIBUTE.unpack_from(data, offset)
        if length < 4:
            break
        found[kind & NLA_TYPE_MASK] = data[offset + 4 : offset + length]
        offset += length + 3 & ~3
    return found


def parse_messages(data: bytes) -> Iterator[tuple[int, int, bytes]]:
    """Yield (type, flags, body) of each message in a datagram."""
    offset = 0
    while offset + 16 <= len(data):
        length, kind, flags, _, _ = HEADER.unpack_from(data, offset)
        if length < 16:
            break
        yield kind, flags, data[offset + 16 : offset + length]
        offset += length + 3 & ~3


class Request:
    """One message to the kernel: its type, flags and body; ``call`` and ``about`` are for the error's text."""

    __slots__ = ("about", "body", "call", "flags", "kind")

    def __init__(self, call: str, kind: int, flags: int, body: bytes, about: str = "") -> None:
        self.call = call
        self.kind = kind
        self.flags = flags if flags & NLM_F_DUMP == NLM_F_DUMP else flags | NLM_F_ACK
        self.body = body
        self.about = about

    def pack(self, sequence: int) -> bytes:
        """Return the message as it goes over the socket."""
        body = self.body + bytes(-len(self.body) % 4)
        return HEADER.pack(16 + len(self.body), self.kind, self.flags | NLM_F_REQUEST, sequence, 0) + body


class Netlink:
    """A conversation with the kernel about the network namespace that the socket was opened in."""

    __slots__ = ("_sequence", "_socket")

    def __init__(self, protocol: int = NETLINK_ROUTE) -> None:
        try:
            self._socket = _socket.socket(_socket.AF_NETLINK, _socket.SOCK_RAW | _socket.SOCK_CLOEXEC, protocol)
        except OSError as error:  # EPROTONOSUPPORT: not built in, and no module to load
            hint = "is the kernel without nf_tables? try: modprobe nf_tables" if protocol == NETLINK_NETFILTER else ""
            raise NetlinkError(error.errno or 0, "socket", ("AF_NETLINK", protocol), hint=hint) from None
        self._socket.setsockopt(SOL_NETLINK, NETLINK_CAP_ACK, 1)  # an error does not send our message back …
        self._socket.setsockopt(SOL_NETLINK, NETLINK_EXT_ACK, 1)  # … but says what was wrong with it
        self._sequence = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def ask(self, *requests: Request) -> list[tuple[int, bytes]]:
        """Send ``requests`` in one datagram, return the answers as (type, body). Raises the first NetlinkError."""
        self._socket.send(b"".join(r.pack(self._sequence + n) for n, r in enumerate(requests)))
        self._sequence += len(requests)
        answers: list[tuple[int, bytes]] = []
        failures: list[NetlinkError] = []
        done = 0
        while done < len(requests):
            for kind, flags, body in parse_messages(self._socket.recv(65536)):
                if kind in (NLMSG_ERROR, NLMSG_DONE):
                    failures += _failure(requests[done], kind, flags, body)
                    done += 1
                else:
                    answers.append((kind, body))
        if failures:
            raise failures[0]
        return answers


def _failure(request: Request, kind: int, flags: int, body: bytes) -> list[NetlinkError]:
    """Return the error that an acknowledgement reports, or nothing."""
    code = int.from_bytes(body[:4], "little", signed=True) if body else 0
    if code == 0:
        return []
    start = 20 if kind == NLMSG_ERROR else 4  # errno, then the request's header (CAP_ACK), then attributes
    text = parse_attributes(body, start).get(NLMSGERR_ATTR_MSG, b"") if flags & NLM_F_ACK_TLVS else b""
    said = os.fsdecode(text.rstrip(b"\0"))
    return [NetlinkError(-code, request.call, (request.about,), hint=f"the kernel says: {said}" if said else "")]


def netlink_in(netns: int) -> Netlink:
    """Return a conversation about the network namespace behind descriptor ``netns``, without staying in it.

    A socket belongs for ever to the namespace that its maker was in: two setns(2) around one socket(2), no fork.
    """
    home = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    try:
        setns(os.dup(netns), CLONE_NEWNET)  # setns closes what it is given
        return Netlink()
    finally:
        setns(home, CLONE_NEWNET)
