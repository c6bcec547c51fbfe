"""Our nft table: masquerading, published ports, and what must not pass. One table per bridge: ``ip lcm`` for mdk0.

Publishing a port adds an *element* to a map; the rules stay as they are, so a thousand ports cost one look-up. What
belongs here: the text that ``nft -f -`` reads in one atomic transaction, and when it is sent. What does not: chains of
others (``foreign.py``), links and sysctls (``network.py``).
"""

from __future__ import annotations

import os

from section01_processes import action

from .core.netlink import NETLINK_NETFILTER, Netlink
from .errors import FirewallError
from .foreign import ensure_accepts, table_exists
from .ports import ANY, PublishedPort
from .programs import Running
from .store import NetworkStore

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from .store import Endpoint, Network

#: %(…)s: table, bridge, subnet. ``fib daddr type local``: any address of this machine. An output chain, because packets
#: that the machine itself sends never see prerouting. ``guard`` comes before address translation (raw): route_localnet
#: would otherwise let a container, or a neighbour, talk to 127.0.0.1 (CVE-2020-8558), or as 127.0.0.1.
TABLE = """\
table ip %(table)s {
    map ports { type ipv4_addr . inet_proto . inet_service : ipv4_addr . inet_service; }
    map anyports { type inet_proto . inet_service : ipv4_addr . inet_service; }
    chain guard {
        type filter hook prerouting priority raw; policy accept;
        iifname != "lo" ip daddr 127.0.0.0/8 drop
        iifname "%(bridge)s" ip saddr 127.0.0.0/8 drop
    }
    chain publish {
        dnat ip to ip daddr . meta l4proto . th dport map @ports
        fib daddr type local dnat ip to meta l4proto . th dport map @anyports
    }
    chain prerouting { type nat hook prerouting priority dstnat; policy accept; jump publish; }
    chain output { type nat hook output priority -100; policy accept; jump publish; }
    chain forward {
        type filter hook forward priority filter; policy accept;
        iifname != "%(bridge)s" oifname "%(bridge)s" ct state new ct status ! dnat drop
    }
    chain postrouting {
        type nat hook postrouting priority srcnat; policy accept;
        ip saddr %(subnet)s oifname != "%(bridge)s" masquerade
        ip saddr %(subnet)s oifname "%(bridge)s" ct status dnat masquerade
        ip saddr 127.0.0.0/8 oifname "%(bridge)s" masquerade
    }
}
"""


def table_text(network: Network, endpoints: Iterable[Endpoint] = ()) -> str:
    """Return the table with the published ports of ``endpoints``, as ``nft -f -`` reads it."""
    names = {"table": network.table, "bridge": network.bridge, "subnet": network.subnet}
    elements = [_element(network, port, e.id, e.address) for e in endpoints for port in e.ports if e.address]
    return TABLE % names + "".join(f"add {element}\n" for element in elements)


def _element(network: Network, port: PublishedPort, owner: str = "", address: str = "") -> str:
    """Return ``element ip lcm anyports { tcp . 8080 … }``; without ``address`` only its key, as deleting takes it."""
    name, key = ("anyports", "") if port.host_ip == ANY else ("ports", f"{port.host_ip} . ")
    key += f"{port.protocol} . {port.host_port}"
    value = f' comment "{owner}" : {address} . {port.container_port}' if address else ""
    return f"element ip {network.table} {name} {{ {key}{value} }}"


@action("nft(8)")
def ensure_rules(network: Network) -> None:
    """Load our table if it is not there, and make packets pass a foreign FORWARD chain. Usually two short questions."""
    store = NetworkStore(os.path.dirname(network.folder))
    with store.lock(network.name):
        with Netlink(NETLINK_NETFILTER) as netlink:
            there = table_exists(netlink, network.table)
        loading = None if there else Running(["nft", "-f", "-"], table_text(network, _published(store, network)))
        try:
            ensure_accepts(network)  # both at once
        finally:
            if loading:
                loading.check()


def replace_rules(network: Network) -> None:
    """Load our table anew, whatever is left of it. The caller holds the lock."""
    store = NetworkStore(os.path.dirname(network.folder))
    anew = f"table ip {network.table} {{ }}\ndelete table ip {network.table}\n"
    Running(["nft", "-f", "-"], anew + table_text(network, _published(store, network))).check()
    ensure_accepts(network)


def _published(store: NetworkStore, network: Network) -> list[Endpoint]:
    """Return the endpoints with, of their ports, those that they published last."""
    found = store.endpoints(network.name)
    for endpoint in found:
        endpoint.ports = [port for port in endpoint.ports if publisher(network, port) == endpoint.id]
    return found


def publisher(network: Network, port: PublishedPort) -> str:
    """Return the id of the endpoint that published ``port`` last, or ''."""
    try:
        return os.readlink(f"{network.folder}/ports/{port.key}")
    except FileNotFoundError:
        return ""


def add_elements(network: Network, endpoint: Endpoint) -> None:
    """Lead the endpoint's host ports to it. The caller holds the lock, the endpoint the ports.

    Who holds a port owns it: an element that another endpoint left behind (killed, not yet released) is replaced.
    """
    for port in endpoint.ports:
        path = f"{network.folder}/ports/{port.key}"
        if publisher(network, port):
            os.unlink(path)
        os.symlink(endpoint.id, path)
    adds = [f"add {_element(network, port, endpoint.id, endpoint.address)}\n" for port in endpoint.ports]
    status, _ = Running(["nft", "-f", "-"], "".join(adds)).result()
    if status:
        delete_elements(network, endpoint.ports)
        Running(["nft", "-f", "-"], "".join(adds)).check()


def own_ports(network: Network, owner: str) -> list[PublishedPort]:
    """Return the host's side of the ports that ``owner`` published and that nobody published after it."""
    folder = f"{network.folder}/ports"
    return [PublishedPort.from_key(key) for key in os.listdir(folder) if os.readlink(f"{folder}/{key}") == owner]


def delete_elements(network: Network, ports: list[PublishedPort]) -> None:
    """Remove the elements of ``ports``; those that are gone are fine. The caller holds the lock."""
    deletes = [f"delete {_element(network, port)}\n" for port in ports]
    if not deletes or Running(["nft", "-f", "-"], "".join(deletes)).result()[0] == 0:
        return
    for line in deletes:  # one was missing, so the whole transaction was refused
        finish_deleting(Running(["nft", "-f", "-"], line))


def finish_deleting(running: Running) -> None:
    """Wait for an nft that deletes; that something is gone already is fine."""
    status, said = running.result()
    if status and "No such file or directory" not in said:
        raise FirewallError(f"nft failed to delete: {' '.join(said.split())}")


def delete_table(network: Network) -> Running | None:
    """Start removing our table, if there is one."""
    with Netlink(NETLINK_NETFILTER) as netlink:
        if not table_exists(netlink, network.table):
            return None
    return Running(["nft", "-f", "-"], f"delete table ip {network.table}\n")
