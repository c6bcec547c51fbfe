"""Links, addresses, routes: the rtnetlink requests that a container's network is made of. rtnetlink(7).

Each function returns a Request (or several), so that a caller can send many in one datagram; what asks the kernel a
question takes a Netlink and returns the answer. What belongs here: the layout of those messages. What does not: which
links a network consists of (``network.py``, ``endpoint.py``).
"""

from __future__ import annotations

import os
from _socket import AF_INET, AF_UNSPEC, inet_aton, inet_ntoa
from _struct import Struct

from section06_network.errors import NetlinkError

from .netlink import NLM_F_CREATE, NLM_F_DUMP, NLM_F_EXCL, Netlink, Request, attribute, nested, parse_attributes

RTM_NEWLINK, RTM_DELLINK, RTM_GETLINK, RTM_SETLINK = 16, 17, 18, 19
RTM_NEWADDR, RTM_GETADDR, RTM_NEWROUTE, RTM_GETROUTE = 20, 22, 24, 26
IFLA_ADDRESS, IFLA_IFNAME, IFLA_MTU, IFLA_MASTER, IFLA_LINKINFO, IFLA_IFALIAS = 1, 3, 4, 10, 18, 20
IFLA_GROUP, IFLA_NET_NS_FD = 27, 28
IFLA_INFO_KIND, IFLA_INFO_DATA, IFLA_INFO_SLAVE_KIND, IFLA_INFO_SLAVE_DATA = 1, 2, 4, 5
IFLA_BRPORT_MODE, VETH_INFO_PEER = 4, 1
IFA_ADDRESS, IFA_LOCAL = 1, 2
RTA_DST, RTA_OIF, RTA_GATEWAY, RTA_TABLE = 1, 4, 5, 15
RT_TABLE_MAIN, RTPROT_BOOT, RT_SCOPE_UNIVERSE, RTN_UNICAST = 254, 3, 0, 1
IFF_UP = 0x1
ENODEV = 19

IFINFOMSG = Struct("=BxHiII")  # family, device type, index, flags, change mask
IFADDRMSG = Struct("=BBBBI")  # family, prefix length, flags, scope, index
RTMSG = Struct("=BBBBBBBBI")  # family, dst_len, src_len, tos, table, protocol, scope, type, flags


class Link:
    """A network interface as the kernel describes it."""

    __slots__ = ("alias", "flags", "index", "kind", "mac", "master", "mtu", "name")

    def __init__(self, body: bytes) -> None:
        """``body``: an ifinfomsg and its attributes, as RTM_NEWLINK brings them."""
        _, _, self.index, self.flags, _ = IFINFOMSG.unpack_from(body)
        found = parse_attributes(body, 16)
        info = parse_attributes(found.get(IFLA_LINKINFO, b""))
        self.name = os.fsdecode(found[IFLA_IFNAME].rstrip(b"\0"))
        self.kind = os.fsdecode(info.get(IFLA_INFO_KIND, b"").rstrip(b"\0"))
        self.alias = os.fsdecode(found.get(IFLA_IFALIAS, b"").rstrip(b"\0"))
        self.mac = found.get(IFLA_ADDRESS, b"")
        self.master = int.from_bytes(found.get(IFLA_MASTER, b""), "little")
        self.mtu = int.from_bytes(found.get(IFLA_MTU, b""), "little")


def get_link(netlink: Netlink, name: str) -> Link | None:
    """Return the link called ``name``, or None when there is none."""
    body = IFINFOMSG.pack(AF_UNSPEC, 0, 0, 0, 0) + attribute(IFLA_IFNAME, name)
    try:
        return Link(netlink.ask(Request("RTM_GETLINK", RTM_GETLINK, 0, body, name))[0][1])
    except NetlinkError as error:
        if error.errno == ENODEV:
            return None
        raise


def new_bridge(name: str, mac: bytes, mtu: int, group: int) -> Request:
    """Make bridge ``name``, up. Without a fixed MAC it would take its lowest port's, which changes."""
    info = nested(IFLA_LINKINFO, attribute(IFLA_INFO_KIND, "bridge"))
    named = attribute(IFLA_IFNAME, name) + attribute(IFLA_ADDRESS, mac)
    named += attribute(IFLA_MTU, mtu) + attribute(IFLA_GROUP, group)
    body = IFINFOMSG.pack(AF_UNSPEC, 0, 0, IFF_UP, IFF_UP) + named + info
    return Request("RTM_NEWLINK", RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, body, name)


def new_veth(name: str, bridge: int, peer: str, netns: int, mac: bytes, mtu: int, group: int) -> Request:
    """Make a pair: ``name``, up, port of the bridge with index ``bridge``; ``peer``, down, in the namespace ``netns``.

    The peer cannot be born up: it has no partner yet at that moment, and veth's open says ENOTCONN.
    """
    there = attribute(IFLA_IFNAME, peer) + attribute(IFLA_ADDRESS, mac) + attribute(IFLA_MTU, mtu)
    there = IFINFOMSG.pack(AF_UNSPEC, 0, 0, 0, 0) + there + attribute(IFLA_NET_NS_FD, netns)
    data = nested(IFLA_INFO_DATA, nested(VETH_INFO_PEER, there))
    here = attribute(IFLA_IFNAME, name) + attribute(IFLA_MTU, mtu) + attribute(IFLA_MASTER, bridge)
    here += attribute(IFLA_GROUP, group)
    here += nested(IFLA_LINKINFO, attribute(IFLA_INFO_KIND, "veth"), data)
    body = IFINFOMSG.pack(AF_UNSPEC, 0, 0, IFF_UP, IFF_UP) + here
    return Request("RTM_NEWLINK", RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, body, name)


def set_hairpin(name: str) -> Request:
    """Let the bridge send a frame back to the port it came from: a container reaching its own published port."""
    data = nested(IFLA_INFO_SLAVE_DATA, attribute(IFLA_BRPORT_MODE, b"\1"))
    info = nested(IFLA_LINKINFO, attribute(IFLA_INFO_SLAVE_KIND, "bridge"), data)
    body = IFINFOMSG.pack(AF_UNSPEC, 0, 0, 0, 0) + attribute(IFLA_IFNAME, name) + info
    return Request("RTM_NEWLINK", RTM_NEWLINK, 0, body, name)


def set_master(name: str, bridge: int) -> Request:
    """Make ``name`` a port of the bridge with index ``bridge``."""
    body = IFINFOMSG.pack(AF_UNSPEC, 0, 0, 0, 0) + attribute(IFLA_IFNAME, name) + attribute(IFLA_MASTER, bridge)
    return Request("RTM_SETLINK", RTM_SETLINK, 0, body, name)


def set_up(name: str) -> Request:
    """Set link ``name`` up."""
    body = IFINFOMSG.pack(AF_UNSPEC, 0, 0, IFF_UP, IFF_UP) + attribute(IFLA_IFNAME, name)
    return Request("RTM_NEWLINK", RTM_NEWLINK, 0, body, name)


def set_alias(name: str, alias: str) -> Request:
    """Write the free text (≤ 255 bytes) that ``ip link`` shows as ``alias``."""
    body = IFINFOMSG.pack(AF_UNSPEC, 0, 0, 0, 0) + attribute(IFLA_IFNAME, name) + attribute(IFLA_IFALIAS, alias)
    return Request("RTM_SETLINK", RTM_SETLINK, 0, body, name)


def delete_link(name: str) -> Request:
    """Remove link ``name`` (of a veth pair: both ends)."""
    body = IFINFOMSG.pack(AF_UNSPEC, 0, 0, 0, 0) + attribute(IFLA_IFNAME, name)
    return Request("RTM_DELLINK", RTM_DELLINK, 0, body, name)


def delete_group(group: int) -> Request:
    """Remove every link of ``group`` at once: the kernel then waits for its readers once, not once per link."""
    body = IFINFOMSG.pack(AF_UNSPEC, 0, 0, 0, 0) + attribute(IFLA_GROUP, group)
    return Request("RTM_DELLINK", RTM_DELLINK, 0, body, f"group {group}")


def add_address(index: int, address: str, prefix: int) -> Request:
    """Give the link with ``index`` the IPv4 ``address``/``prefix``."""
    packed = inet_aton(address)
    body = IFADDRMSG.pack(AF_INET, prefix, 0, 0, index) + attribute(IFA_LOCAL, packed) + attribute(IFA_ADDRESS, packed)
    return Request("RTM_NEWADDR", RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, body, f"{address}/{prefix}")


def add_default_route(index: int, gateway: str) -> Request:
    """Send everything that is not on a link's own subnet to ``gateway``, out of the link with ``index``."""
    body = RTMSG.pack(AF_INET, 0, 0, 0, RT_TABLE_MAIN, RTPROT_BOOT, RT_SCOPE_UNIVERSE, RTN_UNICAST, 0)
    body += attribute(RTA_GATEWAY, inet_aton(gateway)) + attribute(RTA_OIF, index)
    return Request("RTM_NEWROUTE", RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, body, f"default via {gateway}")


def all_links(netlink: Netlink) -> list[Link]:
    """Return every link of the namespace."""
    ask = Request("RTM_GETLINK", RTM_GETLINK, NLM_F_DUMP, IFINFOMSG.pack(AF_UNSPEC, 0, 0, 0, 0))
    return [Link(body) for kind, body in netlink.ask(ask) if kind == RTM_NEWLINK]


def all_addresses(netlink: Netlink) -> list[tuple[str, int, int]]:
    """Return (address, prefix length, link index) of every IPv4 address of the namespace."""
    ask = Request("RTM_GETADDR", RTM_GETADDR, NLM_F_DUMP, IFADDRMSG.pack(AF_INET, 0, 0, 0, 0))
    found = []
    for _, body in netlink.ask(ask):
        _, prefix, _, _, index = IFADDRMSG.unpack_from(body)
        attributes = parse_attributes(body, 8)
        packed = attributes.get(IFA_LOCAL) or attributes.get(IFA_ADDRESS, bytes(4))
        found.append((inet_ntoa(packed), prefix, index))
    return found


def all_routes(netlink: Netlink) -> list[tuple[str, int, int]]:
    """Return (destination, prefix length, output link index or 0) of every IPv4 route of every table."""
    ask = Request("RTM_GETROUTE", RTM_GETROUTE, NLM_F_DUMP, RTMSG.pack(AF_INET, 0, 0, 0, 0, 0, 0, 0, 0))
    found = []
    for _, body in netlink.ask(ask):
        prefix = body[1]
        attributes = parse_attributes(body, 12)
        destination = inet_ntoa(attributes.get(RTA_DST, bytes(4)))
        found.append((destination, prefix, int.from_bytes(attributes.get(RTA_OIF, b""), "little")))
    return found
