"""Modes, ports, names, sysctls; capabilities, security options."""

from __future__ import annotations

import pytest

from minidocker.errors import BadOption, NotSupported
from minidocker.options import Options
from minidocker.translate import network as n
from minidocker.translate import security as s

KNOWN = ("CAP_CHOWN", "CAP_KILL", "CAP_NET_ADMIN", "CAP_SYS_ADMIN")
DEFAULT = ("CAP_CHOWN", "CAP_KILL")


@pytest.mark.parametrize(
    ("network", "rootless", "expected"),
    [
        ("", False, ("bridge", "bridge")),
        ("default", False, ("bridge", "bridge")),
        ("", True, ("none", "")),
        ("none", False, ("none", "")),
        ("host", True, ("host", "")),
        ("container:web", True, ("container", "web")),
    ],
)
def test_modes(network, rootless, expected):
    assert n.network_mode(Options("i", network=network), rootless=rootless) == expected


@pytest.mark.parametrize(("network", "rootless"), [("bridge", True), ("container", False), ("container:", False)])
def test_bad_modes(network, rootless):
    with pytest.raises(BadOption, match="--network"):
        n.network_mode(Options("i", network=network), rootless=rootless)


def test_what_contradicts_a_shared_network():
    with pytest.raises(BadOption, match="--publish"):
        n.check_combinations(Options("i", publish=("80",)), "container")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("8080:80", ["0.0.0.0:8080:80/tcp"]),
        ("127.0.0.1:53:53/udp", ["127.0.0.1:53:53/udp"]),
        ("80", ["0.0.0.0::80/tcp"]),
        ("127.0.0.1::80", ["127.0.0.1::80/tcp"]),
        ("0:80", ["0.0.0.0::80/tcp"]),
        ("0-0:80/udp", ["0.0.0.0::80/udp"]),
        ("127.0.0.1:0:80", ["127.0.0.1::80/tcp"]),
        ("0-2:80-82", ["0.0.0.0::80/tcp", "0.0.0.0:1:81/tcp", "0.0.0.0:2:82/tcp"]),
        ("8000-8002:80-82", ["0.0.0.0:8000:80/tcp", "0.0.0.0:8001:81/tcp", "0.0.0.0:8002:82/tcp"]),
    ],
)
def test_ports(text, expected):
    assert [str(port) for port in n.parse_port(text)] == expected


@pytest.mark.parametrize(
    "text",
    ["80:0", "0", "0:80-81", "\u00b2:80", "70000:80", "a:80", "80/sctp", "1-2:80", "9.9.9:1:80", "1:2:3:4", "", "2-1"],
)
def test_bad_ports_name_the_flag(text):
    with pytest.raises(BadOption, match="--publish"):
        n.parse_port(text)


def test_chosen_ports_differ_from_each_other_and_from_those_asked_for():
    offers = iter([4000, 4000, 4001, 4000])
    chosen = n.ports(
        Options("i", publish=("4001:80", "0:81", "127.0.0.1:0:82", "83/udp")), lambda protocol: next(offers, 5)
    )
    assert [(p.host_port, p.protocol) for p in chosen] == [(4001, "tcp"), (4000, "tcp"), (5, "tcp"), (5, "udp")]


def test_ipv6_is_refused_by_name():
    with pytest.raises(NotSupported, match="IPv6"):
        n.parse_port("[::1]:80:80")


def test_names():
    assert n.hostname(Options("i"), "bridge", "abcdef0123456789", "h") == "abcdef012345"
    assert n.hostname(Options("i"), "host", "abcdef0123456789", "h") == "h"
    assert n.extra_hosts(Options("i", add_host=("a:1.2.3.4", "b=host-gateway"))) == ["a:1.2.3.4", "b:host-gateway"]
    for flag, value in (("add_host", "a"), ("add_host", "a:b"), ("dns", "localhost")):
        with pytest.raises(BadOption, match="--" + flag.replace("_", "-")):
            (n.extra_hosts if flag == "add_host" else n.name_servers)(Options("i", **{flag: (value,)}))


def test_sysctls_must_belong_to_the_container():
    assert n.sysctls(Options("i", sysctl=("net.ipv4.ip_forward=1", "kernel.shmmax=9")), "bridge") == {
        "net.ipv4.ip_forward": "1",
        "kernel.shmmax": "9",
    }
    for text, mode in (("kernel.panic=1", "bridge"), ("net.core.somaxconn=9", "host"), ("x", "bridge")):
        with pytest.raises(BadOption, match="--sysctl"):
            n.sysctls(Options("i", sysctl=(text,)), mode)


@pytest.mark.parametrize(
    ("added", "dropped", "privileged", "expected"),
    [
        ((), (), False, ["CAP_CHOWN", "CAP_KILL"]),
        (("net_admin",), ("CAP_KILL",), False, ["CAP_CHOWN", "CAP_NET_ADMIN"]),
        (("ALL",), ("SYS_ADMIN",), False, ["CAP_CHOWN", "CAP_KILL", "CAP_NET_ADMIN"]),
        (("kill",), ("all",), False, ["CAP_KILL"]),
        ((), ("ALL",), False, []),
        ((), ("ALL",), True, list(KNOWN)),
    ],
)
def test_capabilities(added, dropped, privileged, expected):
    options = Options("i", cap_add=added, cap_drop=dropped, privileged=privileged)
    assert s.capability_names(options, DEFAULT, KNOWN, KNOWN) == expected


def test_an_unknown_capability_is_named():
    with pytest.raises(BadOption, match="'fly' for --cap-add"):
        s.capability_names(Options("i", cap_add=("fly",)), DEFAULT, KNOWN, KNOWN)


def test_security_options():
    found = s.SecurityOptions(("no-new-privileges", "seccomp=unconfined", "apparmor:unconfined", "label=disable"))
    assert (found.no_new_privileges, found.seccomp, found.apparmor) == (True, "unconfined", "unconfined")
    assert not s.SecurityOptions(("no-new-privileges:false",)).no_new_privileges
    for text in ("what", "seccomp", "apparmor=docker-default"):
        with pytest.raises(BadOption, match="--security-opt"):
            s.SecurityOptions((text,))


def test_privileged_masks_nothing():
    none = {"maskedPaths": [], "readonlyPaths": []}
    assert s.linux_security(Options("i", privileged=True), s.SecurityOptions(()), ["/m"], ["/r"]) == none
    assert s.linux_security(Options("i"), s.SecurityOptions(("systempaths=unconfined",)), ["/m"], ["/r"]) == none


def test_what_we_lack_ourselves_cannot_be_given():
    ours = KNOWN[:3]
    assert s.capability_names(Options("i", privileged=True), DEFAULT, KNOWN, ours) == list(ours)
    assert s.capability_names(Options("i", cap_add=("ALL",)), DEFAULT, KNOWN, ours) == list(ours)
    with pytest.raises(BadOption, match="itself runs without"):
        s.capability_names(Options("i", cap_add=("SYS_ADMIN",)), DEFAULT, KNOWN, ours)
