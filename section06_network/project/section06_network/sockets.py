"""Sockets that /proc/net/tcp leaves out: bound, not listening, not connected. sock_diag(7).

What belongs here: one question to NETLINK_SOCK_DIAG. What does not: whose sockets they are (``ports.py``). Kernels
before 6.8 do not answer it; then the set is empty.
"""

from __future__ import annotations

from _socket import AF_INET, IPPROTO_TCP
from _struct import Struct

from .core.netlink import NLM_F_DUMP, Netlink, Request
from .errors import NetlinkError

NETLINK_SOCK_DIAG, SOCK_DIAG_BY_FAMILY = 4, 20
TCPF_BOUND_INACTIVE = 1 << 13

# struct inet_diag_req_v2 { u8 family, protocol, ext, pad; u32 states; struct inet_diag_sockid id; }  (id: 48 bytes)
REQUEST = Struct("=BBBxI48x")
# struct inet_diag_msg { u8 family, state, timer, retrans; id { be16 sport, … }; u32 expires, …, uid, inode; }
MESSAGE = Struct("!4xH46x")
INODE = Struct("=68xI")


def bound_inodes(port: int, protocol: str) -> set[str]:
    """Return the inodes of the TCP sockets that are merely bound to ``port``."""
    if protocol != "tcp":
        return set()
    body = REQUEST.pack(AF_INET, IPPROTO_TCP, 0, TCPF_BOUND_INACTIVE)
    try:
        with Netlink(NETLINK_SOCK_DIAG) as netlink:
            answers = netlink.ask(Request("SOCK_DIAG_BY_FAMILY", SOCK_DIAG_BY_FAMILY, NLM_F_DUMP, body, protocol))
    except NetlinkError:
        return set()
    found = {str(INODE.unpack_from(b)[0]) for _, b in answers if MESSAGE.unpack_from(b)[0] == port}
    return found - {"0"}
