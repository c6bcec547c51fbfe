"""A world for network tests: a machine ("host"), an internet behind it, and containers — all in new namespaces.

Each test runs in a child whose network namespace is the world's host. Sockets belong to the namespace that they were
made in, so one process can hold both ends of every conversation: no servers, no threads.
"""

import os
import select
import socket
import subprocess
import sys
import time
import traceback
from contextlib import contextmanager

import pytest

from section01_processes import Plan, Recorder, Slot
from section02_namespaces import CLONE_NEWNET, setns, unshare
from section06_network import EndpointSpec, NetworkStore, PublishedPort, held_ports, plan_endpoint, release_endpoint

SYSCTLS = ("ip_forward", "conf/all/route_localnet", "conf/default/route_localnet", "conf/all/accept_local",
           "conf/all/rp_filter", "conf/all/forwarding", "conf/default/forwarding", "conf/wan0/forwarding",
           "conf/all/accept_redirects", "conf/wan0/accept_redirects")  # fmt: skip
ANSWER_SECONDS = 30


def sh(command):
    """Run a shell command, return what it wrote; its failure fails the test."""
    done = subprocess.run(command, shell=True, capture_output=True, text=True)
    assert done.returncode == 0, f"{command}: {done.stderr}"
    return done.stdout


def here():
    return os.open("/proc/self/ns/net", os.O_RDONLY | os.O_CLOEXEC)


class World:
    def __init__(self, folder):
        unshare(CLONE_NEWNET)
        self.folder = str(folder)
        self.store = NetworkStore(f"{folder}/networks")
        self.host = here()
        # A new namespace copies the sysctls of the machine's first: one with Docker, or a container of ours, forwards.
        sh("echo 1 > /proc/sys/net/ipv4/ip_forward; echo 0 > /proc/sys/net/ipv4/ip_forward")
        sh("ip link set lo up")
        self.internet = self.namespace()
        sh("ip link add wan0 type veth peer name wan1")
        sh(f"ip link set wan1 netns /proc/{os.getpid()}/fd/{self.internet}")
        sh("ip addr add 203.0.113.1/24 dev wan0; ip link set wan0 up")
        with self.at(self.internet):
            sh("ip link set lo up; ip addr add 203.0.113.2/24 dev wan1; ip link set wan1 up")
        sh("ip route add default via 203.0.113.2")

    def namespace(self):
        """Return a descriptor of a new, empty network namespace."""
        with self.at(None):
            unshare(CLONE_NEWNET)
            return here()

    @contextmanager
    def at(self, netns):
        """Be in namespace ``netns`` for a block."""
        if netns is not None:
            setns(os.dup(netns), CLONE_NEWNET)
        try:
            yield
        finally:
            setns(os.dup(self.host), CLONE_NEWNET)

    def attach(self, owner, *ports, crash="", store=None, **wanted):
        """Give a new namespace an endpoint, as a shim would; return the plan's slots."""
        spec = EndpointSpec(owner, ports=[PublishedPort.parse(p) for p in ports], **wanted)
        plan = Plan("shim", plan_endpoint(store or self.store, spec, Slot("netns")))
        slots = {"netns": self.namespace(), "id": owner}
        return plan.run(slots, Recorder(-1, "shim", crash) if crash else None)

    def end(self, slots):
        """End a container: its namespace goes, its endpoint is released, its ports are free."""
        os.close(slots["netns"])
        release_endpoint(self.store, slots["id"])
        for fd in held_ports(slots):
            os.close(fd)

    def listen(self, netns, port, kind=socket.SOCK_STREAM, address=""):
        with self.at(netns):
            server = socket.create_server((address, port)) if kind == socket.SOCK_STREAM else None
            if server is None:
                server = socket.socket(socket.AF_INET, kind)
                server.bind((address, port))
        return server

    def talk(self, netns, target, server, seconds=ANSWER_SECONDS):
        """Connect from ``netns`` to ``target``; return who the server thinks it is. None: nobody answered."""
        with self.at(netns):
            client = socket.socket()
        client.setblocking(False)
        client.connect_ex(target)
        if not select.select([server], [], [], seconds)[0]:
            client.close()
            return None
        connection, peer = server.accept()
        connection.sendall(b"hello")
        client.settimeout(seconds)
        assert client.recv(5) == b"hello"
        client.close()
        connection.close()
        return peer[0]

    def snapshot(self):
        """Return everything that an endpoint may change on the machine."""
        links = sorted(line.split()[1] for line in sh("ip -o link").splitlines())
        sysctls = [sh(f"cat /proc/sys/net/ipv4/{name}") for name in SYSCTLS]
        rules = sh("nft -s list ruleset; test ! -s /proc/net/ip_tables_names || iptables-legacy -S")
        found = sh(f"find {self.folder} \\( -path '*/leases/*' -o -path '*/endpoints/*' -o -path '*/ports/*' \\)")
        return links, sysctls, rules, found


def in_child(story, *arguments):
    """Run ``story(*arguments)`` in a child process; its failure fails the test with its own traceback."""
    told, tell = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(told)
        try:
            story(*arguments)
        except BaseException:
            os.write(tell, traceback.format_exc()[-60000:].encode())
            os._exit(1)
        finally:
            sys.stdout.flush()
        os._exit(0)
    os.close(tell)
    with os.fdopen(told) as file:
        text = file.read()
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    if status:
        pytest.fail(text or f"the test's child ended with {status}", pytrace=False)


@pytest.fixture
def in_world(tmp_path):
    """Return a decorator that runs ``story(world)`` at once, in a child in a new world."""

    def run(story):
        in_child(lambda: story(World(tmp_path)))

    return run


@pytest.fixture
def shell():
    return sh


@pytest.fixture
def eventually():
    """Return a function that waits until ``condition()`` holds."""

    def wait(condition, seconds=60):
        until = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < until, "it never came true"
            time.sleep(0.02)

    return wait
