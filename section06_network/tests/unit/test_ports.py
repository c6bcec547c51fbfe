"""How -p reads."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from section06_network import BadPort, PublishedPort, parse_ports
from section06_network.ports import parse_socket_table

numbers = st.integers(1, 65535)
published = st.builds(PublishedPort, st.ip_addresses(v=4).map(str), numbers, numbers, st.sampled_from(["tcp", "udp"]))


@pytest.mark.parametrize(
    ("text", "fields"),
    [
        ("80", ("0.0.0.0", 0, 80, "tcp")),
        ("8080:80", ("0.0.0.0", 8080, 80, "tcp")),
        ("127.0.0.1:8080:80", ("127.0.0.1", 8080, 80, "tcp")),
        ("127.0.0.1::80/udp", ("127.0.0.1", 0, 80, "udp")),
        (":80", ("0.0.0.0", 0, 80, "tcp")),
        ("53:53/UDP", ("0.0.0.0", 53, 53, "udp")),
    ],
)
def test_forms(text, fields):
    assert PublishedPort.parse(text) == PublishedPort(*fields)


def test_ranges_pair_up():
    assert [(p.host_port, p.container_port) for p in parse_ports("8000-8002:80-82")] == [
        (8000, 80),
        (8001, 81),
        (8002, 82),
    ]
    assert [(p.host_port, p.container_port) for p in parse_ports("80-81")] == [(0, 80), (0, 81)]


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("", "not a port"),
        ("0", "not a port"),
        ("70000:80", "not a port"),
        ("82-80", "not a port"),
        ("80-82:80", "cannot lead"),
        ("a:b", "not a port"),
        ("80/sctp", "sctp"),
        ("[::1]:80:80", "IPv6"),
        ("::1:80:80", "IPv6"),
        ("localhost:80:80", "IPv4 address"),
        ("1.2.3:80:80", "IPv4 address"),
        ("８０", "not a port"),
    ],
)
def test_bad_forms(text, word):
    with pytest.raises(BadPort, match=word):
        parse_ports(text)


@given(published)
def test_text_and_key_name_the_same_port(port):
    text = f"{port.host_ip}:{port.host_port}:{port.container_port}/{port.protocol}"
    assert PublishedPort.parse(text) == port
    assert PublishedPort.from_key(port.key).key == port.key


def test_socket_table():
    text = """\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4711 1 0000 100 0 0 10 0
   1: 00000000:0016 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4712 1 0000 100 0 0 10 0
   2: 0100007F:1F90 0100007F:D431 06 00000000:00000000 03:00000A2B 00000000     0        0 0 3 0000
"""
    assert parse_socket_table(text, 8080) == {"4711"}
    assert parse_socket_table("", 8080) == set()
