"""Host port 0, or none: MiniDocker chooses a free one, as docker does, and inspect and ps tell which."""

from __future__ import annotations

import json
import socket

import pytest

pytestmark = [pytest.mark.lane("host"), pytest.mark.needs("root", "nft")]

SERVE = "while :; do echo answer | nc -l -p 80; done"


def answers(address, port):
    """Return what the server at ``address`` says, "" while there is none."""
    try:
        with socket.create_connection((address, port), 2) as connection:
            connection.settimeout(2)
            return connection.recv(100).decode().strip()
    except OSError:
        return ""


@pytest.mark.parametrize(
    ("wish", "address"),
    [("127.0.0.1:0:80", "127.0.0.1"), ("0:80", "0.0.0.0"), ("0-0:80", "0.0.0.0"), ("127.0.0.1::80", "127.0.0.1")],
)
def test_a_port_is_chosen_and_answers(minidocker, wish, address):
    minidocker("run", "-d", "--name", "web", "-p", wish, "tiny", "sh", "-c", SERVE)
    bindings = json.loads(minidocker("inspect", "-f", "{{json .NetworkSettings.Ports}}", "web"))["80/tcp"]
    (port,) = [int(entry["HostPort"]) for entry in bindings]
    assert [entry["HostIp"] for entry in bindings] == [address]
    assert 0 < port < 65536
    assert minidocker("ps", "--format", "{{.Ports}}") == f"{address}:{port}->80/tcp"
    minidocker.until(lambda: answers("127.0.0.1", port) == "answer")


def test_several_are_several(minidocker):
    minidocker("run", "-d", "--name", "web", "-p", "0:80", "-p", "0:81", "-p", "0:82/udp", "tiny", "sleep", "600")
    found = json.loads(minidocker("inspect", "-f", "{{json .NetworkSettings.Ports}}", "web"))
    assert sorted(found) == ["80/tcp", "81/tcp", "82/udp"]
    assert found["80/tcp"][0]["HostPort"] != found["81/tcp"][0]["HostPort"]


@pytest.mark.parametrize("wish", ["80", "0:80", "127.0.0.1:0:80"])
def test_a_dry_run_chooses_none(minidocker, wish):
    assert "-- shim: " in minidocker("run", "--dry-run", "-p", wish, "tiny", "true")
