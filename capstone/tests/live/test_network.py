"""Published ports, shared networks, and that the last one out leaves the machine as it was."""

from __future__ import annotations

import os
import socket
import subprocess
import time

import pytest

pytestmark = [pytest.mark.lane("host"), pytest.mark.needs("root", "nft")]

SERVE = "while :; do echo answer | nc -l -p 80; done"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def fetch(address, port):
    """Return what the server at ``address`` says; wait for it up to a minute."""
    deadline = time.monotonic() + 60
    while True:
        try:
            with socket.create_connection((address, port), 10) as connection:
                connection.settimeout(10)
                if text := connection.recv(100):
                    return text.decode().strip()
        except OSError:
            pass
        assert time.monotonic() < deadline, f"nothing answers at {address}:{port}"
        time.sleep(0.05)


def host_address():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(("10.255.255.1", 9))
        return probe.getsockname()[0]


def machine():
    """Return links, our nft table and the forwarding switches."""
    table = subprocess.run(["nft", "list", "table", "ip", "lcm"], capture_output=True, text=True)
    switches = []
    for name in ("net/ipv4/ip_forward", "net/ipv4/conf/all/route_localnet"):
        with open(f"/proc/sys/{name}") as file:
            switches.append(file.read())
    links = sorted(name for name in os.listdir("/sys/class/net") if name.startswith("mdk"))
    return links, table.stdout, switches


def test_a_published_port_answers_everywhere_and_nothing_is_left(minidocker):
    before = machine()
    port = free_port()
    minidocker("run", "-d", "--name", "web", "-p", f"{port}:80", "tiny", "sh", "-c", SERVE)
    assert fetch("127.0.0.1", port) == "answer"
    assert fetch(host_address(), port) == "answer"
    address = minidocker("inspect", "-f", "{{.NetworkSettings.IPAddress}}", "web")
    assert fetch(address, 80) == "answer"
    said = minidocker("run", "--rm", "tiny", "sh", "-c", f"nc {host_address()} {port} < /dev/null")
    assert said == "answer"
    assert minidocker("ps", "--format", "{{.Ports}}") == f"0.0.0.0:{port}->80/tcp"
    minidocker("rm", "-f", "web")
    if not any(link.startswith("mdk") for link in before[0]):
        minidocker.until(lambda: machine() == before)


def test_a_port_is_chosen_when_none_is_given(minidocker):
    minidocker("run", "-d", "--name", "web", "-p", "127.0.0.1::80", "tiny", "sh", "-c", SERVE)
    port = int(
        minidocker("inspect", "-f", "{{json .NetworkSettings.Ports}}", "web").split('"HostPort":"')[1].split('"')[0]
    )
    assert fetch("127.0.0.1", port) == "answer"


def test_another_container_s_network(minidocker):
    minidocker("run", "-d", "--name", "web", "--hostname", "inner", "tiny", "sleep", "99")
    mine, theirs = (
        minidocker(*words, "sh", "-c", "readlink /proc/self/ns/net; hostname; cat /etc/hosts")
        for words in (("run", "--rm", "--network", "container:web", "tiny"), ("exec", "web"))
    )
    assert mine.splitlines()[0] == theirs.splitlines()[0]
    assert mine.splitlines()[2:] == theirs.splitlines()[2:]
    minidocker("create", "--name", "later", "--network", "container:web", "tiny", "ip", "-o", "addr")
    minidocker("restart", "-t", "0", "web")
    address = minidocker("inspect", "-f", "{{.NetworkSettings.IPAddress}}", "web")
    assert address in minidocker("start", "-a", "later")


def test_the_host_s_network(minidocker):
    out = minidocker("run", "--rm", "--network", "host", "tiny", "sh", "-c", "readlink /proc/self/ns/net; hostname")
    assert out.splitlines() == [os.readlink("/proc/self/ns/net"), os.uname().nodename]


def test_names_and_resolver(minidocker):
    out = minidocker(
        "run", "--rm", "--add-host", "db:10.9.8.7", "--dns", "10.1.1.1", "--hostname", "box", "tiny",
        "sh", "-c", "cat /etc/hosts /etc/resolv.conf",
    )  # fmt: skip
    assert "10.9.8.7\tdb" in out
    assert "nameserver 10.1.1.1" in out
    assert "\tbox" in out


def test_a_joined_network_brings_its_host_name(minidocker):
    minidocker("run", "-d", "--name", "named", "--hostname", "one", "--network", "none", "tiny", "sleep", "99")
    script = "hostname; echo $HOSTNAME; cat /etc/hostname"
    out = minidocker("run", "--rm", "--network", "container:named", "tiny", "sh", "-c", script)
    assert out.split() == ["one"] * 3


def test_links_that_a_killed_shim_left_go_with_the_next_command(minidocker):
    """What a shim does last, after its client was answered, somebody else does when it was killed there (adr/0010)."""
    from minidocker.engine.settle import LEAVING
    from section06_network import NetworkStore, release_endpoint

    identity = minidocker("run", "-d", "tiny", "sleep", "99")
    store = NetworkStore(f"{minidocker.root}/networks")
    link = store.endpoint(identity).host_if
    began = time.monotonic()
    release_endpoint(store, identity, finish=False)  # as the shim does; then it would be killed
    minidocker("ps")
    kept = link in os.listdir("/sys/class/net")
    assert kept or time.monotonic() - began > LEAVING  # too young: its shim may be at work
    minidocker.until(lambda: minidocker("ps") and link not in os.listdir("/sys/class/net"))
    assert store.leaving("bridge") == []
