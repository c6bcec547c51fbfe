"""/etc/hosts and /etc/resolv.conf as text."""

import pytest

from section06_network import NetworkError, hosts_file, needs_upstream, resolv_conf

STUB = "# systemd-resolved\nnameserver 127.0.0.53\noptions edns0 trust-ad\nsearch example.org\n"


def test_hosts():
    text = hosts_file(
        "web.example", "172.29.0.5", ["db:10.0.0.9", "host:host-gateway", "six:[2001:db8::1]"], "172.29.0.1"
    )
    assert text.splitlines()[0] == "127.0.0.1\tlocalhost"
    assert text.endswith(
        "10.0.0.9\tdb\n172.29.0.1\thost\n2001:db8::1\tsix\n172.29.0.5\tweb.example web\n",
    )
    assert "web" not in hosts_file("web")


@pytest.mark.parametrize("entry", ["db", "db:", ":1.2.3.4", "db:nowhere", "a b:1.2.3.4", "gw:host-gateway"])
def test_bad_host_entries(entry):
    with pytest.raises(NetworkError, match="NAME:ADDRESS"):
        hosts_file("web", "172.29.0.5", [entry])


def test_the_stub_is_recognized_and_left_out():
    assert needs_upstream(STUB)
    assert not needs_upstream(STUB + "nameserver 9.9.9.9\n")
    assert not needs_upstream("")
    assert resolv_conf(STUB + "nameserver 9.9.9.9\n") == (
        "nameserver 9.9.9.9\nsearch example.org\noptions edns0 trust-ad\n"
    )
    assert resolv_conf(STUB).startswith("nameserver 8.8.8.8\nnameserver 8.8.4.4\n")
    assert resolv_conf(STUB, loopback=True).startswith("nameserver 127.0.0.53\n")


def test_what_the_user_asks_for_wins():
    asked = resolv_conf(STUB, ["1.1.1.1"], ["corp"], ["ndots:2"])
    assert asked == "nameserver 1.1.1.1\nsearch corp\noptions ndots:2\n"
    assert "search" not in resolv_conf(STUB, search=["."])
    with pytest.raises(NetworkError, match="not an address"):
        resolv_conf("", ["dns.example"])
