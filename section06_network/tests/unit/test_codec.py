"""Our netlink bytes mean to another implementation (pyroute2) what they should; and its bytes to us."""

import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyroute2.netlink.rtnl.ifaddrmsg import ifaddrmsg
from pyroute2.netlink.rtnl.ifinfmsg import ifinfmsg
from pyroute2.netlink.rtnl.rtmsg import rtmsg

from section06_network.core import links
from section06_network.core.netlink import (
    NLMSG_ERROR,
    Netlink,
    Request,
    attribute,
    nested,
    parse_attributes,
    parse_messages,
)
from section06_network.core.netlink import _failure as failure
from section06_network.errors import NetlinkError


def decoded(kind, request):
    message = kind(request.pack(7))
    message.decode()
    return message


def test_a_veth_pair_in_one_message():
    message = decoded(ifinfmsg, links.new_veth("mdv0", 9, "eth0", 33, bytes.fromhex("0242ac1d0005"), 1450, 77))
    assert message["header"]["type"] == 16
    assert message["header"]["flags"] == 0x1 | 0x4 | 0x200 | 0x400  # REQUEST, ACK, EXCL, CREATE
    assert (message["flags"], message["change"]) == (1, 1)
    outer = {name: message.get_attr(name) for name in ("IFLA_IFNAME", "IFLA_MASTER", "IFLA_MTU", "IFLA_GROUP")}
    assert outer == {"IFLA_IFNAME": "mdv0", "IFLA_MASTER": 9, "IFLA_MTU": 1450, "IFLA_GROUP": 77}
    peer = message.get_attr("IFLA_LINKINFO").get_attr("IFLA_INFO_DATA").get_attr("VETH_INFO_PEER")
    assert peer["flags"] == 0  # born down: it has no partner yet
    inner = {name: peer.get_attr(name) for name in ("IFLA_IFNAME", "IFLA_NET_NS_FD", "IFLA_ADDRESS")}
    assert inner == {"IFLA_IFNAME": "eth0", "IFLA_NET_NS_FD": 33, "IFLA_ADDRESS": "02:42:ac:1d:00:05"}


def test_addresses_and_routes():
    address = decoded(ifaddrmsg, links.add_address(3, "172.29.0.5", 16))
    assert (address["family"], address["prefixlen"], address["index"]) == (socket.AF_INET, 16, 3)
    assert address.get_attr("IFA_LOCAL") == "172.29.0.5"
    route = decoded(rtmsg, links.add_default_route(3, "172.29.0.1"))
    assert (route["dst_len"], route["table"], route["type"]) == (0, 254, 1)
    assert (route.get_attr("RTA_GATEWAY"), route.get_attr("RTA_OIF")) == ("172.29.0.1", 3)


def test_a_link_that_another_implementation_describes():
    message = ifinfmsg()
    message["index"], message["flags"] = 12, 1
    message["attrs"] = [
        ("IFLA_IFNAME", "docker0"),
        ("IFLA_ADDRESS", "02:42:ac:1d:00:05"),
        ("IFLA_MTU", 1400),
        ("IFLA_LINKINFO", {"attrs": [("IFLA_INFO_KIND", "bridge")]}),
    ]
    message.encode()
    ((_, _, body),) = parse_messages(bytes(message.data))
    link = links.Link(body)
    assert (link.name, link.kind, link.index, link.mtu, link.master) == ("docker0", "bridge", 12, 1400, 0)
    assert link.mac.hex(":") == "02:42:ac:1d:00:05"


@given(st.dictionaries(st.integers(1, 0x3FFF), st.binary(max_size=40)))
def test_attributes_survive_the_journey(values):
    data = b"".join(attribute(kind, value) for kind, value in values.items())
    assert parse_attributes(data) == values
    assert parse_attributes(parse_attributes(nested(5, data))[5]) == values


@given(st.binary(max_size=200))
def test_no_bytes_hang_or_break_the_parsers(data):
    parse_attributes(data)
    list(parse_messages(data))


@pytest.mark.parametrize(("flags", "hint"), [(0x300, "the kernel says: Nexthop has invalid gateway"), (0x100, "")])
def test_an_error_speaks_with_the_kernels_words(flags, hint):
    body = (-101).to_bytes(4, "little", signed=True) + bytes(16) + attribute(1, "Nexthop has invalid gateway")
    (error,) = failure(Request("RTM_NEWROUTE", 24, 0, b"", "default via 1.2.3.4"), NLMSG_ERROR, flags, body)
    assert (error.errno, error.hint) == (101, hint)
    assert str(error).startswith("RTM_NEWROUTE('default via 1.2.3.4'): Network is unreachable")
    assert failure(Request("RTM_NEWROUTE", 24, 0, b""), NLMSG_ERROR, 0x100, bytes(20)) == []


def test_a_netlink_protocol_that_the_kernel_does_not_have_is_told_by_name():
    with pytest.raises(NetlinkError, match=r"socket\('AF_NETLINK', 31\): Protocol not supported"):
        Netlink(31)  # MAX_LINKS is 32; nobody has taken the last one
