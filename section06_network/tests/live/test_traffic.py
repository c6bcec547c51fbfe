"""Packets find their way: out through NAT, in through published ports, and nowhere else."""

import socket

import pytest

pytestmark = pytest.mark.lane("host")
HOST, OUTSIDE = "203.0.113.1", "203.0.113.2"

FIREWALLS = {
    "open": "true",
    "forward-drops": "iptables -P FORWARD DROP",
    "docker": "iptables -P FORWARD DROP; iptables -N DOCKER-USER; iptables -A DOCKER-USER -j RETURN; "
    "iptables -I FORWARD -j DOCKER-USER",
    "legacy": "iptables-legacy -P FORWARD DROP",
    "strict-reverse-path": "for name in all default; do echo 1 > /proc/sys/net/ipv4/conf/$name/rp_filter; done",
}


@pytest.mark.parametrize("bridge_netfilter", [0, 1])
@pytest.mark.parametrize("firewall", FIREWALLS)
def test_ways_out_and_in(in_world, shell, firewall, bridge_netfilter):
    @in_world
    def story(world):
        shell(FIREWALLS[firewall])
        shell(f"echo {bridge_netfilter} > /proc/sys/net/bridge/bridge-nf-call-iptables")
        before = world.snapshot()
        box = world.attach("a" * 64, "8080:80")
        other = world.attach("b" * 64)
        outside = world.listen(world.internet, 80)
        assert world.talk(box["netns"], (OUTSIDE, 80), outside) == HOST  # masqueraded
        web = world.listen(box["netns"], 80)
        ways = {
            "loopback": world.talk(world.host, ("127.0.0.1", 8080), web),
            "the host's address": world.talk(world.host, (HOST, 8080), web),
            "outside": world.talk(world.internet, (HOST, 8080), web),
            "another container": world.talk(other["netns"], (HOST, 8080), web),
            "another container, by the gateway": world.talk(other["netns"], ("172.29.0.1", 8080), web),
            "the container itself": world.talk(box["netns"], (HOST, 8080), web),
            "a container directly": world.talk(other["netns"], (box["address"], 80), web),
        }
        assert ways == {
            "loopback": "172.29.0.1",
            "the host's address": HOST,
            "outside": OUTSIDE,
            "another container": "172.29.0.1",
            "another container, by the gateway": "172.29.0.1",
            "the container itself": "172.29.0.1",
            "a container directly": other["address"],
        }
        world.end(other)
        world.end(box)
        assert world.snapshot() == before


def test_firewall_that_comes_later_is_passed_after_the_next_start(in_world, shell):
    @in_world
    def story(world):
        before = world.snapshot()
        box = world.attach("a" * 64)
        outside = world.listen(world.internet, 80)
        shell(FIREWALLS["docker"])
        assert world.talk(box["netns"], (OUTSIDE, 80), outside, seconds=0.3) is None
        other = world.attach("b" * 64)
        assert world.talk(box["netns"], (OUTSIDE, 80), outside) == HOST
        world.end(box)
        world.end(other)
        shell("iptables -D FORWARD -j DOCKER-USER; iptables -F DOCKER-USER; iptables -X DOCKER-USER")
        shell("iptables -P FORWARD ACCEPT; nft delete table ip filter")
        assert world.snapshot() == before


def test_datagrams_and_single_addresses(in_world):
    @in_world
    def story(world):
        box = world.attach("a" * 64, "127.0.0.1::53/udp", "127.0.0.1:8080:80")
        name_server = world.listen(box["netns"], 53, socket.SOCK_DGRAM)
        port = world.store.endpoint("a" * 64).ports[0].host_port
        client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        client.connect(("127.0.0.1", port))
        client.send(b"who?")
        name_server.settimeout(30)
        question, peer = name_server.recvfrom(100)
        name_server.sendto(b"me", peer)
        client.settimeout(30)
        assert (question, client.recv(10)) == (b"who?", b"me")
        web = world.listen(box["netns"], 80)
        assert world.talk(world.host, ("127.0.0.1", 8080), web) == "172.29.0.1"
        assert world.talk(world.internet, (HOST, 8080), web, seconds=0.3) is None
        assert world.talk(world.host, (HOST, 8080), web, seconds=0.3) is None


def test_a_conversation_moves_to_the_next_container(in_world):
    """A UDP client that keeps its port must reach the container that publishes the port now."""

    @in_world
    def story(world):
        with world.at(world.internet):
            client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        client.connect((HOST, 5353))
        for owner in ("a" * 64, "b" * 64):
            box = world.attach(owner, "5353:53/udp")
            server = world.listen(box["netns"], 53, socket.SOCK_DGRAM)
            server.settimeout(30)
            client.send(owner.encode())
            assert server.recv(100) == owner.encode()
            world.end(box)


def test_loopback_of_the_host_stays_closed(in_world, shell):
    """CVE-2020-8558. The attack must work when the guard is gone: otherwise this test proves nothing."""

    @in_world
    def story(world):
        box = world.attach("a" * 64, "8080:80")
        secret = world.listen(world.host, 9999, address="127.0.0.1")
        with world.at(box["netns"]):
            shell("echo 1 > /proc/sys/net/ipv4/conf/eth0/route_localnet")
            shell("ip addr del 127.0.0.1/8 dev lo; ip route add 127.0.0.1 via 172.29.0.1")
        assert world.talk(box["netns"], ("127.0.0.1", 9999), secret, seconds=0.3) is None
        shell("nft flush chain ip lcm guard")
        assert world.talk(box["netns"], ("127.0.0.1", 9999), secret) == box["address"]


def test_unpublished_ports_stay_closed(in_world, shell):
    @in_world
    def story(world):
        box = world.attach("a" * 64, "8080:80")
        hidden = world.listen(box["netns"], 22)
        with world.at(world.internet):
            shell(f"ip route add 172.29.0.0/16 via {HOST}")
        assert world.talk(world.internet, (box["address"], 22), hidden, seconds=0.3) is None
        assert world.talk(world.host, (box["address"], 22), hidden) == "172.29.0.1"
