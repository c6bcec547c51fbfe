"""What was made is taken back: after kills, by many processes at once, whatever else lives on the machine."""

import os
import signal
import socket
import time

import pytest

from section01_processes import Slot
from section06_network import (
    EndpointSpec,
    NetworkError,
    NetworkStore,
    PortInUse,
    PublishedPort,
    finish_releases,
    held_ports,
    hold_port,
    plan_endpoint,
    release_endpoint,
    reload,
)
from section06_network import programs as firewall_programs

pytestmark = pytest.mark.lane("host")
FORWARD = "/proc/sys/net/ipv4/ip_forward"
PORTS = ("8080:80", "127.0.0.1::53/udp")


def steps(world):
    return plan_endpoint(world.store, EndpointSpec("c" * 64, ports=map(PublishedPort.parse, PORTS)), Slot("netns"))


def test_killed_after_every_step_then_released(in_world, shell):
    @in_world
    def story(world):
        shell("iptables -P FORWARD DROP; echo 0 > /proc/sys/net/ipv4/ip_forward")
        before = world.snapshot()
        count = len(steps(world))
        assert count == 10
        for number in range(count):
            pid = os.fork()
            if pid == 0:
                world.attach("c" * 64, *PORTS, crash=f"shim:{number}")
                os._exit(0)
            assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == -signal.SIGKILL
            release_endpoint(world.store, "c" * 64)
            assert world.snapshot() == before, f"killed after step {number}"
            release_endpoint(world.store, "c" * 64)


def test_killed_while_releasing_then_released_again(in_world, shell):
    @in_world
    def story(world):
        shell("iptables -P FORWARD DROP; echo 0 > /proc/sys/net/ipv4/ip_forward")
        before = world.snapshot()
        for number in range(12):
            box = world.attach("c" * 64, *PORTS)
            os.close(box["netns"])
            pid = os.fork()
            if pid == 0:
                release_endpoint(world.store, "c" * 64)
                os._exit(0)
            time.sleep(number * 0.006)
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            for fd in held_ports(box):
                os.close(fd)
            release_endpoint(world.store, "c" * 64)
            assert world.snapshot() == before, f"killed after {number * 6} ms"


def test_port_of_a_killed_container_is_taken_over_and_kept(in_world):
    """The dead one's element must not lead astray, and its late release must not take the new one's."""

    @in_world
    def story(world):
        dead = world.attach("d" * 64, "8080:80")
        os.close(dead["held0"])  # its shim was killed: the kernel closed the socket, nobody released the rest
        alive = world.attach("e" * 64, "8080:80")
        web = world.listen(alive["netns"], 80)
        assert world.talk(world.internet, ("203.0.113.1", 8080), web)
        release_endpoint(world.store, "d" * 64)
        assert world.talk(world.internet, ("203.0.113.1", 8080), web)


def test_eight_processes_at_once(in_world, shell):
    @in_world
    def story(world):
        shell("echo 0 > /proc/sys/net/ipv4/ip_forward")
        before = world.snapshot()
        workers = []
        for worker in range(8):
            pid = os.fork()
            if pid == 0:
                status = 1
                try:
                    for turn in range(5):
                        box = world.attach(
                            f"{worker}{turn}" + "0" * 62, *([f"{9000 + worker}:80"] if worker % 2 else [])
                        )
                        assert os.readlink(f"{world.folder}/networks/bridge/leases/{box['address']}") == box["id"]
                        with open(FORWARD) as file:
                            assert file.read() == "1\n"
                        web = world.listen(box["netns"], 80)
                        assert world.talk(world.host, (box["address"], 80), web) == "172.29.0.1"
                        web.close()
                        world.end(box)
                    status = 0
                finally:
                    os._exit(status)
            workers.append(pid)
        assert [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in workers] == [0] * 8
        assert world.snapshot() == before


def test_forwarding_is_left_on_for_who_came_later_and_off_otherwise(in_world, shell):
    @in_world
    def story(world):
        def forwarding():
            with open(FORWARD) as file:
                return file.read().strip()

        shell("echo 0 > /proc/sys/net/ipv4/ip_forward; ip link add before0 type bridge")
        world.end(world.attach("a" * 64))
        assert forwarding() == "0"
        box = world.attach("a" * 64)
        shell("ip link add docker0 type bridge")
        world.end(box)
        assert forwarding() == "1"


def test_what_the_kernel_changes_along_with_forwarding_is_given_back(in_world, shell):
    @in_world
    def story(world):
        shell("cd /proc/sys/net/ipv4; echo 0 | tee ip_forward conf/all/accept_redirects; echo 1 > conf/wan0/forwarding")
        before = world.snapshot()
        world.end(world.attach("a" * 64))
        assert world.snapshot() == before


def test_two_state_folders_do_not_meet(in_world, shell):
    @in_world
    def story(world):
        shell("echo 0 > /proc/sys/net/ipv4/ip_forward")
        before = world.snapshot()
        other = NetworkStore(f"{world.folder}/other/networks")
        one = world.attach("a" * 64, "8080:80")
        two = world.attach("b" * 64, "8081:80", store=other)
        assert (one["network"].bridge, one["address"]) == ("mdk0", "172.29.0.2")
        assert (two["network"].bridge, two["address"]) == ("mdk1", "172.30.0.2")
        web = world.listen(two["netns"], 80)
        world.end(one)
        assert world.talk(world.internet, ("203.0.113.1", 8081), web)
        world.store = other
        world.end(two)
        assert world.snapshot() == before


def test_a_taken_subnet_is_avoided(in_world, shell):
    @in_world
    def story(world):
        shell("ip route add 172.16.0.0/12 dev wan0")
        assert world.attach("a" * 64)["address"] == "10.89.0.2"


def test_the_way_out_sets_the_size_of_packets(in_world, shell):
    @in_world
    def story(world):
        shell("ip link set wan0 mtu 1400")
        box = world.attach("a" * 64)
        with world.at(box["netns"]):
            assert "mtu 1400" in shell("ip link show eth0")
        assert "mtu 1400" in shell("ip link show mdk0")


def test_reload_after_somebody_flushed_everything(in_world, shell):
    @in_world
    def story(world):
        box = world.attach("a" * 64, "8080:80")
        web = world.listen(box["netns"], 80)
        shell("nft flush ruleset; ip link del mdk0; echo 0 > /proc/sys/net/ipv4/ip_forward")
        assert world.talk(world.internet, ("203.0.113.1", 8080), web, seconds=0.3) is None
        assert reload(world.store) == ["bridge"]
        assert world.talk(world.internet, ("203.0.113.1", 8080), web) == "203.0.113.2"


def test_without_ports_a_second_container_starts_no_program(in_world, monkeypatch):
    monkeypatch.setattr(firewall_programs, "FOLDERS", ())

    @in_world
    def story(world):
        with pytest.raises(NetworkError, match="apt-get install nftables"):
            world.attach("a" * 64)
        firewall_programs.FOLDERS = ("/usr/sbin",)
        release_endpoint(world.store, "a" * 64)
        world.attach("a" * 64)
        firewall_programs.FOLDERS = ()
        assert world.attach("b" * 64)["address"]


@pytest.mark.parametrize("listening", [True, False])
def test_port_in_use_names_its_user(in_world, listening):
    @in_world
    def story(world):
        user = socket.socket()
        user.bind(("0.0.0.0", 8080))
        if listening:
            user.listen()
        with open("/proc/self/comm") as file:
            name = file.read().strip()
        with pytest.raises(PortInUse, match=rf"port 8080/tcp is already in use by {os.getpid()} \({name}\)"):
            hold_port("0.0.0.0", 8080, "tcp")
        assert world.store.names() == []


@pytest.mark.parametrize("owner", ["", "../x", 'a"; flush ruleset', "a\nb", ".hidden", "x" * 121])
def test_an_id_is_a_file_name_and_a_comment_and_nothing_else(in_world, owner):
    @in_world
    def story(world):
        with pytest.raises(NetworkError, match="cannot be the id"):
            world.attach(owner, "8080:80")
        assert world.store.names() == []


def test_address_of_another_machine_cannot_be_published(in_world):
    @in_world
    def story(world):
        with pytest.raises(NetworkError, match="not an address of this machine"):
            world.attach("a" * 64, "198.51.100.7:80:80")


def test_what_others_could_miss_goes_first_and_the_links_later(in_world, shell):
    """``finish=False``: ports, rules, address at once; bridge and table by finish_releases, or whoever comes next."""

    @in_world
    def story(world):
        before, owner = world.snapshot(), "c" * 64
        slots = world.attach(owner, "8080:80")
        release_endpoint(world.store, owner, finish=False)
        assert world.store.endpoint(owner) is None
        assert os.listdir(f"{world.folder}/networks/bridge/leases") == []
        assert os.listdir(f"{world.folder}/networks/bridge/ports") == []
        assert slots["address"] not in shell("nft list ruleset")
        assert "mdk0" in shell("ip -o link")
        os.close(slots["netns"])
        for fd in held_ports(slots):
            os.close(fd)
        finish_releases(world.store)
        assert world.snapshot() == before
        finish_releases(world.store)

        slots = world.attach(owner, "8080:80")
        release_endpoint(world.store, owner, finish=False)
        again = world.attach("d" * 64)  # the bridge is there again, or still
        world.end(slots)
        assert "mdk0" in shell("ip -o link")
        world.end(again)  # as healing does: it finds what was left to do
        assert world.snapshot() == before
