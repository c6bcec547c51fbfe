"""The sysctls that a network needs, and giving them back their old values.

What belongs here: ip_forward, what the kernel changes along with it, and route_localnet on our own bridge. What does
not: links (``network.py``).

Writing ip_forward writes more: ``forwarding`` of every link, and accept_redirects. So what the machine had is noted
first, in the bridge's *alias*: it dies with the bridge and at a reboot, exactly when it stops being true.

    lcm ip_forward=0 accept_redirects=1 forwarding=eth1/tun0
"""

from __future__ import annotations

import os

from section01_processes import action

from .core import links
from .core.netlink import Netlink
from .errors import NetworkError
from .store import Network, NetworkStore

CONF = "/proc/sys/net/ipv4/conf"
IP_FORWARD = "/proc/sys/net/ipv4/ip_forward"
ACCEPT_REDIRECTS = f"{CONF}/all/accept_redirects"
WAS_ON, WAS_OFF = "lcm ip_forward=1", "lcm ip_forward=0"
LONGEST_ALIAS = 255
#: Links that forward packets of somebody else: when one came after us, ip_forward stays on.
FORWARDERS = ("bridge", "tun", "wireguard", "vxlan")


@action("proc_sys_net(5)")
def ensure_forwarding(network: Network) -> None:
    """Let the machine route: ip_forward (the old state is noted first), and route_localnet on our bridge.

    route_localnet lets a published port answer on 127.0.0.1; ``rules.py`` closes what it opens.
    """
    with NetworkStore(os.path.dirname(network.folder)).lock(network.name), Netlink() as netlink:
        link = links.get_link(netlink, network.bridge)
        if not link:
            raise NetworkError(f"bridge {network.bridge} vanished", hint="netman reload makes it again")
        off = read_sysctl(IP_FORWARD) == "0"
        if off or not link.alias:
            netlink.ask(links.set_alias(network.bridge, _now() if off else _earlier(netlink)))
        if off:
            write_sysctl(IP_FORWARD, "1")
        local = f"{CONF}/{network.bridge}/route_localnet"
        if read_sysctl(local) == "0":
            write_sysctl(local, "1")


def _now() -> str:
    """Return the note on what writing ip_forward is about to change. If it does not fit, forwarding will stay on."""
    names = [name for name in os.listdir(CONF) if name != "all"]
    forwarding = "/".join(name for name in names if read_sysctl(f"{CONF}/{name}/forwarding") == "1")
    note = f"{WAS_OFF} accept_redirects={read_sysctl(ACCEPT_REDIRECTS)} forwarding={forwarding}"
    return note if len(os.fsencode(note)) <= LONGEST_ALIAS else WAS_ON


def _earlier(netlink: Netlink) -> str:
    """Return the note of another bridge of ours that turned forwarding on: the last of us turns it off."""
    notes = [link.alias for link in links.all_links(netlink) if link.alias.startswith(WAS_OFF)]
    return notes[0] if notes else WAS_ON


def restore_forwarding(netlink: Netlink, link: links.Link) -> None:
    """Give back what :func:`ensure_forwarding` noted on ``link``, unless somebody else needs forwarding by now."""
    if not link.alias.startswith(WAS_OFF) or _others_forward(netlink, link):
        return
    note = dict(word.split("=", 1) for word in link.alias.split(" ") if "=" in word)
    write_sysctl(IP_FORWARD, "0")
    write_sysctl(ACCEPT_REDIRECTS, note.get("accept_redirects", "1"))
    for name in filter(None, note.get("forwarding", "").split("/")):
        if os.path.exists(f"{CONF}/{name}/forwarding"):
            write_sysctl(f"{CONF}/{name}/forwarding", "1")
    if _others_forward(netlink, link):  # somebody came in between and saw it on
        write_sysctl(IP_FORWARD, "1")


def _others_forward(netlink: Netlink, ours: links.Link) -> bool:
    """Return whether another link needs ip_forward: a bridge of another of our roots, or any that came after ours."""
    others = [link for link in links.all_links(netlink) if link.kind in FORWARDERS and link.index != ours.index]
    return any(link.index > ours.index or link.alias.startswith(WAS_OFF) for link in others)


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
