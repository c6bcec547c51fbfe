"""Subnets and leases: files in a temporary directory."""

import ipaddress
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from section06_network import AddressesExhausted, Leases, NetworkError, Subnet

networks = st.builds(
    lambda address, prefix: f"{ipaddress.IPv4Network((address, prefix), strict=False)}",
    st.integers(0, 2**32 - 1),
    st.integers(0, 32),
)


@pytest.fixture
def leases(tmp_path):
    os.mkdir(tmp_path / "leases")
    return Leases(str(tmp_path / "leases"), Subnet("10.1.2.0/29"))


@given(networks, networks)
def test_overlap_agrees_with_the_standard_library(one, other):
    assert Subnet(one).overlaps(Subnet(other)) == ipaddress.ip_network(one).overlaps(ipaddress.ip_network(other))
    assert str(Subnet(one)) == one


@pytest.mark.parametrize("text", ["", "10.0.0.0", "10.0.0.0/33", "10.0.0/8", "a.b.c.d/8", "10.0.0.0/-1", "::/8"])
def test_what_is_no_subnet(text):
    with pytest.raises(NetworkError):
        Subnet(text)


def test_an_address_is_not_given_again_at_once(leases):
    first = leases.take("a")
    leases.release(first, "a")
    assert (first, leases.take("b")) == ("10.1.2.2", "10.1.2.3")


def test_the_search_wraps_around_and_ends(leases):
    assert [leases.take(f"c{n}") for n in range(5)] == [f"10.1.2.{n}" for n in range(2, 7)]
    with pytest.raises(AddressesExhausted, match=r"all 5 addresses of .* are leased"):
        leases.take("late")
    leases.release("10.1.2.4", "c2")
    assert leases.take("late") == "10.1.2.4"


def test_only_the_owner_ends_a_lease(leases):
    leases.take("a", "10.1.2.5")
    leases.release("10.1.2.5", "b")
    assert leases.all() == {"10.1.2.5": "a"}
    with pytest.raises(NetworkError, match="leased to a"):
        leases.take("b", "10.1.2.5")


@pytest.mark.parametrize("address", ["10.1.2.0", "10.1.2.1", "10.1.2.7", "10.1.3.2"])
def test_base_gateway_broadcast_and_strangers_are_not_for_containers(leases, address):
    with pytest.raises(NetworkError, match="not an address for containers"):
        leases.take("a", address)


@pytest.mark.parametrize("text", ["", "nonsense", "192.168.0.9"])
def test_a_spoilt_memory_of_the_last_address_costs_nothing_but_the_order(leases, text):
    with open(f"{leases.folder}/../last", "w") as file:
        file.write(text)
    assert leases.take("a") in {f"10.1.2.{n}" for n in range(2, 7)}
