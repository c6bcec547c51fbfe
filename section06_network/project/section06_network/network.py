"""A network's bridge, made by the first endpoint and removed after the last.

What belongs here: choosing, making and removing the link. What does not: sysctls (``forwarding.py``), packet filter
rules (``rules.py``, ``foreign.py``), a container's own parts (``endpoint.py``).

Several state folders (``--root``) can exist on one machine, so a link is *ours* only if it bears our MAC address,
which is made from the folder's path.
"""

from __future__ import annotations

import os
from _blake2 import blake2b
from errno import EEXIST

from section01_processes import action

from .core import links
from .core.leases import Subnet
from .core.netlink import Netlink, Request
from .errors import NetlinkError, NetworkError
from .forwarding import restore_forwarding
from .store import SUBNETS, Network, NetworkStore


@action("rtnetlink(7)")
def ensure_network(root: str, name: str) -> Network:
    """Return network ``name``, its bridge up and with the gateway's address. Raises NetworkError, NetlinkError."""
    store = NetworkStore(root)
    with store.lock(name), Netlink() as netlink:
        network = store.network(name)
        link = network and own_link(netlink, network)
        if not network or not link:
            network = _make(netlink, store, name, network)
            link = own_link(netlink, network)
            assert link
        repair = [links.set_up(network.bridge)] if not link.flags & links.IFF_UP else []
        _tolerate(netlink, *repair, links.add_address(link.index, network.gateway, network.subnet.prefix))
        return network


def own_link(netlink: Netlink, network: Network) -> links.Link | None:
    """Return the network's bridge if it exists and is this state folder's."""
    link = links.get_link(netlink, network.bridge)
    return link if link and link.mac == bridge_mac(network.folder) else None


def bridge_mac(folder: str) -> bytes:
    """Return the MAC address that marks the bridge of network folder ``folder``: 02:6d and four bytes."""
    return b"\x02m" + blake2b(os.fsencode(os.path.realpath(folder)), digest_size=4).digest()


def _make(netlink: Netlink, store: NetworkStore, name: str, last: Network | None) -> Network:
    """Make the bridge under the first number whose link name and subnet are free; the number is recorded first."""
    leased = last is not None and bool(last.leases.all())  # then containers live in the subnet: it cannot change
    numbers = [last.number] if last and leased else range(len(SUBNETS))
    taken = [] if leased else used_subnets(netlink)
    for number in numbers:
        network = Network(store.folder(name), name, number, _mtu(netlink))
        link = links.get_link(netlink, network.bridge)
        if link and link.mac != bridge_mac(network.folder):
            continue
        if not link and any(subnet.overlaps(network.subnet) for subnet in taken):
            continue
        store.save(network)
        try:
            if not link:
                netlink.ask(links.new_bridge(network.bridge, bridge_mac(network.folder), network.mtu, network.group))
        except NetlinkError as error:
            if error.errno == EEXIST:  # another state folder was faster
                continue
            raise
        return network
    raise NetworkError(
        f"no subnet is free for network {name!r}", hint=f"tried {', '.join(SUBNETS[n] for n in numbers)}"
    )


def used_subnets(netlink: Netlink) -> list[Subnet]:
    """Return the subnets that the machine's addresses and routes (but the default route) cover."""
    pairs = [(address, prefix) for address, prefix, _ in links.all_addresses(netlink)]
    pairs += [(destination, prefix) for destination, prefix, _ in links.all_routes(netlink) if prefix]
    return [Subnet(f"{address}/{prefix}") for address, prefix in pairs]


def _mtu(netlink: Netlink) -> int:
    """Return the MTU of the link that the default route leaves by, 1500 at most (bytes)."""
    out = {index for _, prefix, index in links.all_routes(netlink) if not prefix}
    return min([1500, *(link.mtu for link in links.all_links(netlink) if link.index in out and link.mtu >= 576)])


def _tolerate(netlink: Netlink, *requests: Request) -> None:
    """Send ``requests``; that something exists already is fine."""
    try:
        netlink.ask(*requests)
    except NetlinkError as error:
        if error.errno != EEXIST:
            raise


def remove_links(netlink: Netlink, network: Network) -> None:
    """Remove the bridge and its ports, give ip_forward back its old value. The caller holds the lock."""
    link = own_link(netlink, network)
    if not link and links.get_link(netlink, network.bridge):
        return  # ours is long gone, and another state folder has the name
    if link:
        restore_forwarding(netlink, link)
    _drop(netlink, links.delete_group(network.group))


def drop_link(netlink: Netlink, name: str) -> None:
    """Remove link ``name``; that it is gone is fine."""
    _drop(netlink, links.delete_link(name))


def _drop(netlink: Netlink, request: Request) -> None:
    try:
        netlink.ask(request)
    except NetlinkError as error:
        if error.errno != links.ENODEV:
            raise
