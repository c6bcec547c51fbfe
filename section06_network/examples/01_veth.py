"""Two network namespaces and a cable between them, made with three netlink datagrams.

Run: sudo ./course run python section06_network/examples/01_veth.py
Needs: root. Everything happens in namespaces of its own and ends with the program.
You should see: the links of both sides, and `10.99.0.2 says hello`: a message that went through the cable.
"""

import os
import socket
import sys

from section01_processes import spawn
from section02_namespaces import CLONE_NEWNET, setns, unshare
from section06_network import Netlink, netlink_in
from section06_network.core import links


def new_namespace() -> int:
    """Move to a new network namespace and return a descriptor of it."""
    unshare(CLONE_NEWNET)
    return os.open("/proc/self/ns/net", os.O_RDONLY)


def socket_in(netns: int) -> socket.socket:
    """Return a socket that for ever belongs to ``netns``."""
    setns(os.dup(netns), CLONE_NEWNET)
    return socket.socket()


def show(where: str, netns: int) -> None:
    with netlink_in(netns) as netlink:
        for link in links.all_links(netlink):
            print(f"{where:9} {link.index}: {link.name:6} {link.kind or '-':6} {'up' if link.flags & 1 else 'down'}")


def main() -> int:
    container, host = new_namespace(), new_namespace()  # the latter is where we stay
    with Netlink() as netlink:
        netlink.ask(links.new_bridge("br0", b"\x02demo0", 1500, 0))
        bridge = links.get_link(netlink, "br0").index
        pair = links.new_veth("cable", bridge, "eth0", container, b"\x02demo1", 1500, 0)
        netlink.ask(links.add_address(bridge, "10.99.0.1", 24), pair)
    with netlink_in(container) as netlink:
        eth0 = links.get_link(netlink, "eth0").index
        netlink.ask(links.set_up("eth0"), links.add_address(eth0, "10.99.0.2", 24))
    show("host", host)
    show("container", container)
    server, client = socket_in(host), socket_in(container)
    server.bind(("10.99.0.1", 80))
    server.listen()
    client.connect(("10.99.0.1", 80))
    connection, (address, _) = server.accept()
    client.sendall(b"hello")
    print(address, "says", connection.recv(100).decode())
    sys.stdout.flush()  # a spawned process ends by _exit, which flushes nothing
    return 0


raise SystemExit(spawn(main).wait())
