"""A container's endpoint from the plan to the release: planned, made, used through a published port, taken back.

Run: sudo ./course run python section06_network/examples/03_published_port.py
Needs: root and nft. The "host" is a network namespace of its own: this machine's firewall is not touched.
You should see: the plan, `127.0.0.1:8080 answered: hello from 172.29.0.2`, the rule that led there, and no link left.
"""

import os
import socket
import subprocess
import tempfile

from section01_processes import Plan, Slot, describe_plan, spawn
from section02_namespaces import CLONE_NEWNET, setns, unshare
from section06_network import EndpointSpec, Netlink, NetworkStore, PublishedPort, plan_endpoint, release_endpoint
from section06_network.core import links


def main() -> int:
    unshare(CLONE_NEWNET)
    container = os.open("/proc/self/ns/net", os.O_RDONLY)
    server = socket.socket()  # it belongs to the container: that is where we are
    server.bind(("", 80))
    server.listen()
    unshare(CLONE_NEWNET)
    host = os.open("/proc/self/ns/net", os.O_RDONLY)
    with Netlink() as netlink:
        netlink.ask(links.set_up("lo"))
    with tempfile.TemporaryDirectory() as folder:
        store = NetworkStore(f"{folder}/networks")
        spec = EndpointSpec("web", ports=[PublishedPort.parse("8080:80")])
        plan = Plan("cli", plan_endpoint(store, spec, Slot("netns")))
        print(*describe_plan(plan), sep="\n")
        slots = plan.run({"netns": container})
        client = socket.create_connection(("127.0.0.1", 8080), timeout=3)
        connection, _ = server.accept()
        connection.sendall(f"hello from {slots['address']}".encode())
        print("127.0.0.1:8080 answered:", client.recv(100).decode(), flush=True)
        subprocess.run(["/usr/sbin/nft", "list", "map", "ip", "lcm", "anyports"], check=True)
        setns(host, CLONE_NEWNET)
        release_endpoint(store, "web")
        with Netlink() as netlink:
            print("links left:", [link.name for link in links.all_links(netlink)], flush=True)
    return 0


raise SystemExit(spawn(main).wait())
