"""A container's place in a network: the plan that makes it, and the one function that takes it back.

What belongs here: the order of things, and why. What does not: how each is done (``core/``, ``network.py``,
``rules.py``, ``ports.py``).

The order: ports first (a port in use must cost nothing), then the record (from here on ``release_endpoint`` knows), the
shared parts, the address, the pair of links, the inside, and the published ports last (nobody is led to a container
that cannot answer).
"""

from __future__ import annotations

import os
from _socket import inet_aton

from section01_processes import Slot, Step, action

from .conntrack import forget
from .core import links
from .core.netlink import NETLINK_ROUTE, Netlink, netlink_in
from .errors import NetworkError
from .foreign import begin_removing_accepts, remove_accepts
from .forwarding import ensure_forwarding
from .network import drop_link, ensure_network, own_link, remove_links
from .ports import PublishedPort, held_port, hold_port
from .rules import add_elements, delete_elements, delete_table, ensure_rules, finish_deleting, own_ports, replace_rules
from .store import Endpoint, EndpointSpec, Network, NetworkStore

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

#: The name of the link inside the container.
INSIDE = "eth0"
ID_CHARACTERS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-")


def plan_endpoint(store: NetworkStore, spec: EndpointSpec, netns: Slot) -> list[Step]:
    """Return the steps that connect the network namespace behind slot ``netns`` (a descriptor) as ``spec`` says.

    They fill the slots ``network`` (Network), ``address`` (str) and, per published port, ``held<n>`` (a descriptor that
    the caller keeps open for the container's life; see :func:`held_ports`). Pure.
    """
    subnet = store.subnet(spec.network)
    held = [Slot(f"held{n}", f"socket on {port.protocol} port {port.host_port or 'free'}") for n, port in _count(spec)]
    network = Slot("network", f"network {spec.network}")
    address = Slot("address", spec.address or f"address from {subnet}")
    steps = [
        Step(hold_port, port.host_ip, port.host_port, port.protocol, about=f"hold host port {port}", out=held[n])
        for n, port in _count(spec)
    ]
    steps += [
        Step(declare_endpoint, store.root, spec, *held, about="write the endpoint's record, before anything is made"),
        Step(ensure_network, store.root, spec.network, about=f"bridge of network {spec.network}, up", out=network),
        Step(ensure_forwarding, network, about="let the machine forward packets"),
        Step(ensure_rules, network, about="the nft table: masquerading, published ports, guards"),
        Step(take_address, network, spec.id, spec.address, about=f"lease an address from {subnet}", out=address),
        Step(create_veth, network, spec.host_if, netns, address, spec.mac, about=f"veth {spec.host_if} ↔ {INSIDE}"),
        Step(configure_inside, network, netns, address, about=f"inside: lo and {INSIDE} up, address, default route"),
    ]
    if spec.ports:
        steps.append(Step(publish_ports, network, spec.id, about=f"publish {', '.join(map(str, spec.ports))}"))
    return steps


def _count(spec: EndpointSpec) -> list[tuple[int, PublishedPort]]:
    return list(enumerate(spec.ports))


def held_ports(slots: Mapping[str, Any]) -> list[int]:
    """Return the descriptors of the held host ports among a plan's slots; close them after the release."""
    return [value for name, value in slots.items() if name.startswith("held") and name[4:].isdigit()]


@action("rename(2)")
def declare_endpoint(root: str, spec: EndpointSpec, *held: int) -> None:
    """Write the endpoint's record, with the host ports that the descriptors ``held`` really hold.

    Raises NetworkError when the container has an endpoint on record (it must be released first), or when the id has
    other characters than file names and nft comments bear.
    """
    if not spec.id or len(spec.id) > 120 or not set(spec.id) <= ID_CHARACTERS or spec.id.startswith("."):
        raise NetworkError(f"{spec.id[:130]!r} cannot be the id of an endpoint", hint="letters, digits, . _ -")
    store = NetworkStore(root)
    store.make(spec.network)
    if store.endpoint(spec.id):
        raise NetworkError(f"container {spec.id[:12]} has an endpoint already", hint="release it first")
    got = [
        PublishedPort(port.host_ip, port.host_port or held_port(fd), port.container_port, port.protocol)
        for port, fd in zip(spec.ports, held, strict=True)
    ]
    endpoint = Endpoint(spec.id, spec.network, spec.host_if, spec.mac, spec.address, got, spec.hostname)
    with store.lock(spec.network):  # so that the last one out sees it, or we see that everything is gone
        store.record(endpoint)


@action("symlink(2)")
def take_address(network: Network, owner: str, wanted: str) -> str:
    """Lease ``wanted`` or the next free address to ``owner`` and put it on record; return it."""
    store = NetworkStore(os.path.dirname(network.folder))
    endpoint = store.endpoint(owner, network.name)
    if not endpoint:
        raise NetworkError(f"the endpoint of {owner[:12]} was released while it was made")
    endpoint.address = network.leases.take(owner, wanted)
    endpoint.mac = endpoint.mac or mac_text(endpoint.address)
    store.record(endpoint)
    return endpoint.address


def mac_text(address: str) -> str:
    """Return the MAC address for IPv4 ``address``: 02:42 and its four bytes, so that ARP caches stay true."""
    return (b"\x02\x42" + inet_aton(address)).hex(":")


@action("veth(4)")
def create_veth(network: Network, name: str, netns: int, address: str, mac: str) -> None:
    """Make the veth pair in one message: ``name`` on the bridge, its peer in the namespace of descriptor ``netns``."""
    if os.path.samestat(os.fstat(netns), os.stat("/proc/thread-self/ns/net")):
        raise NetworkError("the network namespace to connect is the host's own")
    with Netlink() as netlink:
        bridge = own_link(netlink, network)
        if not bridge:
            raise NetworkError(f"bridge {network.bridge} vanished", hint="netman reload makes it again")
        packed = bytes.fromhex((mac or mac_text(address)).replace(":", ""))
        pair = links.new_veth(name, bridge.index, INSIDE, netns, packed, network.mtu, network.group)
        netlink.ask(pair, links.set_hairpin(name))


@action("rtnetlink(7)")
def configure_inside(network: Network, netns: int, address: str) -> None:
    """Set lo and eth0 up in the container's namespace, give eth0 its address and the default route."""
    with netlink_in(netns) as netlink:
        link = links.get_link(netlink, INSIDE)
        if not link:
            raise NetworkError(f"{INSIDE} vanished from the container's network namespace")
        addressed = links.add_address(link.index, address, network.subnet.prefix)
        route = links.add_default_route(link.index, network.gateway)
        netlink.ask(links.set_up("lo"), links.set_up(INSIDE), addressed, route)


@action("netdevice(7)")
def loopback_up(netns: int) -> None:
    """Set lo up in the network namespace of descriptor ``netns``: all that ``--network none`` has."""
    with netlink_in(netns) as netlink:
        netlink.ask(links.set_up("lo"))


@action("nft(8)")
def publish_ports(network: Network, owner: str) -> None:
    """Lead the host ports on record to the container."""
    store = NetworkStore(os.path.dirname(network.folder))
    with store.lock(network.name):
        endpoint = store.endpoint(owner, network.name)
        if endpoint:
            add_elements(network, endpoint)


def release_endpoint(store: NetworkStore, owner: str, *, finish: bool = True) -> None:
    """Remove whatever exists of container ``owner``'s endpoints; the last one out removes the shared parts.

    Idempotent, from any process, after a kill at any point: until the end there is a record, and it can be repeated.
    With ``finish`` False only what others could miss goes at once: published ports, rules, the address. The links are
    left to :func:`finish_releases`, as the kernel makes their remover wait some ten milliseconds for their readers.
    """
    for name in store.names():
        endpoint = store.endpoint(owner, name)
        if endpoint:
            _leave(store, name, endpoint, finish)
    if finish:
        finish_releases(store)


def _leave(store: NetworkStore, name: str, endpoint: Endpoint, finish: bool) -> None:
    """End one endpoint: elements, lease; its record becomes that of an endpoint that is leaving."""
    with store.lock(name):
        network = store.network(name)
        if network:
            ports = own_ports(network, endpoint.id)
            if ports and not (finish and store.owners(name) == [endpoint.id]):  # else the whole table goes, at once
                delete_elements(network, ports)
            for port in ports:
                os.unlink(f"{network.folder}/ports/{port.key}")
            if endpoint.address and any(port.protocol == "udp" for port in endpoint.ports):
                forget(endpoint.address)
            _release_addresses(network, endpoint)
        store.note_leaving(endpoint.id, name)


def finish_releases(store: NetworkStore) -> None:
    """Remove the links of endpoints that are leaving and, after the last endpoint, the shared parts. Idempotent."""
    for name in store.names():
        if not store.leaving(name):
            continue
        with Netlink(NETLINK_ROUTE) as netlink:
            if store.owners(name):
                for endpoint in store.leaving(name):
                    drop_link(netlink, endpoint.host_if)  # slow, so before the lock
            with store.lock(name):
                _finish(netlink, store, name)


def _finish(netlink: Netlink, store: NetworkStore, name: str) -> None:
    """Remove what the endpoints that are leaving still have. The caller holds the lock."""
    network, leaving = store.network(name), store.leaving(name)
    if network and leaving and not store.owners(name):
        _remove_network(netlink, network)
    for endpoint in leaving:
        if network:
            drop_link(netlink, endpoint.host_if)
        store.forget_leaving(endpoint.id, name)


def _release_addresses(network: Network, endpoint: Endpoint) -> None:
    """End the endpoint's lease; without an address on record (killed in between) look for leases in its name."""
    leases = network.leases
    for address in [endpoint.address] if endpoint.address else leases.all():
        leases.release(address, endpoint.id)


def _remove_network(netlink: Netlink, network: Network) -> None:
    """Remove table, foreign accepts, bridge and sysctl. The caller holds the lock."""
    accepts = begin_removing_accepts(network)  # each waits in the kernel for readers, as removing links does,
    table = delete_table(network)  # so all at once
    try:
        remove_links(netlink, network)
    finally:
        for running in accepts:
            running.result()
        if table:
            finish_deleting(table)
    remove_accepts(network)  # what is left of them


def reload(store: NetworkStore) -> list[str]:
    """Make again what the records say should be there, after somebody flushed rules or removed the bridge.

    Returns the names of the networks it looked after.
    """
    cared = []
    for name in store.names():
        if not store.owners(name):
            continue
        network = ensure_network(store.root, name)
        ensure_forwarding(network)
        with store.lock(name), Netlink() as netlink:
            replace_rules(network)
            bridge = own_link(netlink, network)
            for endpoint in store.endpoints(name):
                link = links.get_link(netlink, endpoint.host_if)
                if bridge and link and link.master != bridge.index:
                    netlink.ask(links.set_master(endpoint.host_if, bridge.index), links.set_hairpin(endpoint.host_if))
        cared.append(name)
    return cared
