"""The shared parts of a network: its bridge and the sysctls. Made by the first endpoint, removed after the last.

What belongs here: choosing, making and removing the link; forwarding. What does not: packet filter rules
(``rules.py``, ``foreign.py``), a container's own parts (``endpoint.py``).

Several state folders (``--root``) can exist on one machine, so a link is *ours* only if it bears our MAC address,
which is made from the folder's path. What the machine's ``ip_forward`` was stands in the link's alias: it dies with
the link and at a reboot, exactly when it stops being true.
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
from .store import SUBNETS, Network, NetworkStore

IP_FORWARD = "/proc/sys/net/ipv4/ip_forward"
ALIAS = "lcm ip_forward="
#: Links that forward packets of somebody else: when one came after us, ip_forward stays on.
FORWARDERS = ("bridge", "tun", "wireguard", "vxlan")


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


@action("proc_sys_net(5)")
def ensure_forwarding(network: Network) -> None:
    """Let the machine route: ip_forward (its old value is noted in the bridge's alias first), route_localnet.

    route_localnet, on our bridge only, lets a published port answer on 127.0.0.1; ``rules.py`` closes what it opens.
    """
    with NetworkStore(os.path.dirname(network.folder)).lock(network.name), Netlink() as netlink:
        link = own_link(netlink, network)
        if not link:
            raise NetworkError(f"bridge {network.bridge} vanished")
        old = read_sysctl(IP_FORWARD)
        if old == "0" or not link.alias:
            was = "0" if old == "0" or _was_off(netlink) else "1"
            netlink.ask(links.set_alias(network.bridge, ALIAS + was))
        if old == "0":
            write_sysctl(IP_FORWARD, "1")
        local = f"/proc/sys/net/ipv4/conf/{network.bridge}/route_localnet"
        if read_sysctl(local) == "0":
            write_sysctl(local, "1")


def _was_off(netlink: Netlink) -> bool:
    """Return whether another bridge of ours turned forwarding on: then the last of us turns it off."""
    return any(link.alias == f"{ALIAS}0" for link in links.all_links(netlink))


def remove_links(netlink: Netlink, network: Network) -> None:
    """Remove the bridge and its ports, give ip_forward back its old value. The caller holds the lock."""
    link = own_link(netlink, network)
    if not link and links.get_link(netlink, network.bridge):
        return  # ours is long gone, and another state folder has the name
    if link and link.alias == f"{ALIAS}0" and not _others_forward(netlink, link):
        write_sysctl(IP_FORWARD, "0")
        if _others_forward(netlink, link):  # somebody came in between and saw it on
            write_sysctl(IP_FORWARD, "1")
    _drop(netlink, links.delete_group(network.group))


def _others_forward(netlink: Netlink, ours: links.Link) -> bool:
    """Return whether another link needs ip_forward: a bridge of another of our roots, or any that came after ours."""
    others = [link for link in links.all_links(netlink) if link.kind in FORWARDERS and link.index != ours.index]
    return any(link.index > ours.index or link.alias == f"{ALIAS}0" for link in others)


def drop_link(netlink: Netlink, name: str) -> None:
    """Remove link ``name``; that it is gone is fine."""
    _drop(netlink, links.delete_link(name))


def _drop(netlink: Netlink, request: Request) -> None:
    try:
        netlink.ask(request)
    except NetlinkError as error:
        if error.errno != links.ENODEV:
            raise


def read_sysctl(path: str) -> str:
    """Return the value of a sysctl file."""
    with open(path, encoding="ascii") as file:
        return file.read().strip()


def write_sysctl(path: str, value: str) -> None:
    """Write a sysctl file. Raises NetworkError when it may not be written (a container's /proc/sys is read-only)."""
    try:
        with open(path, "w", encoding="ascii") as file:
            file.write(value)
    except OSError as error:
        raise NetworkError(f"cannot write {value} to {path}: {error.strerror}", explain="LCM-NET-01") from error
