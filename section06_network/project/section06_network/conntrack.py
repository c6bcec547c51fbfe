"""Making the kernel forget conversations with a container that is gone.

What belongs here: two questions to ctnetlink. What does not: when to ask (``endpoint.py``).

Address translation is decided once per conversation. A UDP client that keeps its port keeps its conversation, and with
it the old container's address, long after a new container has published the same host port.
"""

from __future__ import annotations

from _socket import inet_aton
from errno import ENOENT

from section01_processes import warn

from .core.netlink import NETLINK_NETFILTER, NLM_F_DUMP, Netlink, Request, attribute, nested, parse_attributes
from .errors import NetlinkError

IPCTNL_MSG_CT_GET, IPCTNL_MSG_CT_DELETE = 0x101, 0x102  # NFNL_SUBSYS_CTNETLINK << 8 | message
CTA_TUPLE_ORIG, CTA_TUPLE_REPLY, CTA_FILTER = 1, 2, 25
CTA_TUPLE_IP, CTA_IP_V4_SRC = 1, 1
CTA_FILTER_ORIG_FLAGS, CTA_FILTER_REPLY_FLAGS, CTA_FILTER_F_CTA_IP_SRC = 1, 2, 1
NFPROTO_IPV4 = bytes([2, 0, 0, 0])


def forget(address: str) -> int:
    """Remove every conversation whose answers come from ``address``; return how many.

    A kernel that cannot (no CONFIG_NF_CT_NETLINK) is warned about: conversations then end by their time-out.
    """
    try:
        return _forget(address)
    except NetlinkError as error:
        warn(f"old conversations with {address} last until their time-out: {error}")
        return 0


def _forget(address: str) -> int:
    source = nested(CTA_TUPLE_REPLY, nested(CTA_TUPLE_IP, attribute(CTA_IP_V4_SRC, inet_aton(address))))
    flags = attribute(CTA_FILTER_ORIG_FLAGS, 0) + attribute(CTA_FILTER_REPLY_FLAGS, CTA_FILTER_F_CTA_IP_SRC)
    ask = NFPROTO_IPV4 + source + nested(CTA_FILTER, flags)
    with Netlink(NETLINK_NETFILTER) as netlink:
        found = [body for _, body in netlink.ask(Request("conntrack", IPCTNL_MSG_CT_GET, NLM_F_DUMP, ask, address))]
        for body in found:
            tuple_ = nested(CTA_TUPLE_ORIG, parse_attributes(body, 4)[CTA_TUPLE_ORIG])
            try:
                netlink.ask(Request("conntrack", IPCTNL_MSG_CT_DELETE, 0, NFPROTO_IPV4 + tuple_, address))
            except NetlinkError as error:
                if error.errno != ENOENT:  # it ended by itself
                    raise
    return len(found)
