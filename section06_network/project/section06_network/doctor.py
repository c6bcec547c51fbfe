"""What on this machine helps or hinders a container's network: found by looking, and by trying in a namespace.

What belongs here: the checks, as data. What does not: printing them (``cli.py``), repairing (``endpoint.reload``). Slow
path.
"""

from __future__ import annotations

import os

from section01_processes import LcmError, spawn
from section02_namespaces import CLONE_NEWNET, unshare

from .core import links
from .core.leases import Subnet
from .core.netlink import NETLINK_NETFILTER, Netlink
from .foreign import LEGACY_TABLES, chain_policy, table_exists
from .forwarding import IP_FORWARD, read_sysctl
from .names import UPSTREAM, needs_upstream
from .network import used_subnets
from .programs import installed
from .store import SUBNETS, NetworkStore

OK, NOTE, MISSING = "ok", "note", "missing"
BRIDGE_NETFILTER = "/proc/sys/net/bridge/bridge-nf-call-iptables"


class Finding:
    """One check: its name, ``ok``, ``note`` or ``missing``, what was seen, and what to do."""

    __slots__ = ("explain", "name", "remedy", "seen", "state")

    def __init__(self, name: str, state: str, seen: str, remedy: str = "", explain: str = "") -> None:
        self.name = name
        self.state = state
        self.seen = seen
        self.remedy = remedy
        self.explain = explain

    def as_dict(self) -> dict[str, str]:
        """Return it as JSON has it."""
        return {name: getattr(self, name) for name in ("name", "state", "seen", "remedy", "explain")}


def examine(store: NetworkStore) -> list[Finding]:
    """Return what was found, most basic things first. Changes nothing."""
    machine = [_nft(), _kernel(), _forwarding(store), _bridge_netfilter(), *_forward_chains(), _subnet(store), _names()]
    return machine + [finding for name in store.names() if store.owners(name) for finding in _network(store, name)]


def _network(store: NetworkStore, name: str) -> list[Finding]:
    """Return what became of a network's parts that the records say should be there."""
    network = store.network(name)
    if not network:
        return [Finding("bridge", MISSING, "on record, never made", "netman reload")]
    with Netlink() as netlink:
        found = {link.name: link for link in links.all_links(netlink)}
    bridge = found.get(network.bridge)
    up = bridge is not None and bool(bridge.flags & links.IFF_UP)
    seen = f"{network.bridge} is {'up' if up else 'down' if bridge else 'gone'}"
    findings = [_expected("bridge", up, seen, "netman reload")]
    try:
        with Netlink(NETLINK_NETFILTER) as netlink:
            there = table_exists(netlink, network.table)
        seen = f"table ip {network.table} {'exists' if there else 'is gone'}"
        findings.append(_expected("rules", there, seen, "netman reload"))
    except LcmError as error:
        findings.append(Finding("rules", NOTE, f"cannot be asked: {error}", "sudo ./course run netman doctor"))
    for endpoint in store.endpoints(name):
        link = found.get(endpoint.host_if)
        joined = link is not None and bridge is not None and link.master == bridge.index
        seen = f"{endpoint.host_if} {'on ' + network.bridge if joined else 'not on its bridge' if link else 'is gone'}"
        remedy = "netman reload" if link else f"netman release {endpoint.id}"
        findings.append(_expected(f"endpoint {endpoint.id[:8]}", joined, seen, remedy))
    return findings


def _expected(name: str, there: bool, seen: str, remedy: str) -> Finding:
    return Finding(name, OK, seen) if there else Finding(name, MISSING, seen, remedy, "LCM-NET-01")


def _nft() -> Finding:
    path = installed("nft")
    if path:
        return Finding("nft", OK, path)
    return Finding("nft", MISSING, "not installed", "apt-get install nftables")


def _try_kernel() -> int:
    """Make a bridge and a veth pair, ask nf_tables; in a namespace that ends with this process."""
    unshare(CLONE_NEWNET)
    own = os.open("/proc/self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    with Netlink() as netlink:
        netlink.ask(links.new_bridge("mdk0", b"\x02mdtry", 1500, 0))
        link = links.get_link(netlink, "mdk0")
        netlink.ask(links.new_veth("mdv0", link.index if link else 0, "eth0", own, b"\x02mdtwo", 1500, 0))
    with Netlink(NETLINK_NETFILTER) as netlink:
        table_exists(netlink, "lcm")
    return 0


def _quietly() -> int:
    try:
        return _try_kernel()
    except LcmError as error:
        return getattr(error, "errno", None) or 255


def _kernel() -> Finding:
    status = spawn(_quietly).wait()
    if status == 0:
        return Finding("kernel", OK, "bridge, veth and nf_tables work")
    if status == 1:
        return Finding("kernel", NOTE, "cannot be tried without root", "sudo ./course run netman doctor")
    reason = os.strerror(status) if status < 134 else "failed"
    return Finding("kernel", MISSING, f"bridge, veth or nf_tables: {reason}", "modprobe bridge veth nf_tables")


def _forwarding(store: NetworkStore) -> Finding:
    value = read_sysctl(IP_FORWARD)
    used = any(store.owners(name) for name in store.names())
    if value == "0" and used:
        return Finding("ip_forward", MISSING, "0, and containers need it", "netman reload", "LCM-NET-01")
    return Finding(
        "ip_forward", OK, value + ("" if value == "1" else ": the first container sets it, the last resets it")
    )


def _bridge_netfilter() -> Finding:
    if not os.path.exists(BRIDGE_NETFILTER):
        return Finding("bridge netfilter", OK, "not loaded: traffic between containers passes no FORWARD chain")
    value = read_sysctl(BRIDGE_NETFILTER)
    seen = "traffic between containers passes the FORWARD chains, too" if value == "1" else "off"
    return Finding("bridge netfilter", NOTE if value == "1" else OK, f"{value}: {seen}")


def _forward_chains() -> list[Finding]:
    try:
        with Netlink(NETLINK_NETFILTER) as netlink:
            policy = chain_policy(netlink, "filter", "FORWARD")
            docker = chain_policy(netlink, "filter", "DOCKER-USER") is not None
    except (LcmError, OSError) as error:
        return [Finding("FORWARD", NOTE, f"cannot be asked: {error}", "sudo ./course run netman doctor")]
    found = [Finding("FORWARD", NOTE if policy == "drop" else OK, f"policy {policy or 'accept (no such chain)'}")]
    if policy == "drop" and not installed("iptables"):
        found[0] = Finding("FORWARD", MISSING, "policy drop", "apt-get install iptables", "LCM-NET-01")
    found.append(Finding("DOCKER-USER", OK, "our accepts go there" if docker else "no such chain"))
    if _text(LEGACY_TABLES).split():
        found.append(Finding("iptables-legacy", NOTE, "has tables of its own here: two firewalls at once"))
    return found


def _subnet(store: NetworkStore) -> Finding:
    network = store.network()
    if network and store.owners(network.name):
        return Finding("subnet", OK, f"{network.subnet} on {network.bridge}, in use")
    with Netlink() as netlink:
        taken = used_subnets(netlink)
    free = [text for text in SUBNETS if not any(used.overlaps(Subnet(text)) for used in taken)]
    if not free:
        return Finding("subnet", MISSING, "routes of this machine cover every candidate", explain="LCM-NET-01")
    return Finding("subnet", OK, f"{free[0]} is free")


def _names() -> Finding:
    if not needs_upstream(_text("/etc/resolv.conf")):
        return Finding("name servers", OK, "can be reached from containers")
    if os.path.exists(UPSTREAM):
        return Finding("name servers", OK, f"a stub on loopback; containers get those in {UPSTREAM}")
    return Finding("name servers", NOTE, "only on loopback", "minidocker run --dns ADDRESS", "LCM-NET-02")


def _text(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:
        return ""
