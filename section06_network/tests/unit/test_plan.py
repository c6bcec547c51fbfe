"""A plan is data: making it touches nothing, and it reads well."""

import os

from hypothesis import given
from hypothesis import strategies as st

from section01_processes import Plan, Slot, describe_plan
from section06_network import EndpointSpec, NetworkStore, PublishedPort, plan_endpoint
from section06_network.rules import table_text
from section06_network.store import SUBNETS, Endpoint, Network, host_link


def test_planning_touches_nothing_and_names_what_it_will_make(tmp_path):
    spec = EndpointSpec("ab12" * 16, ports=[PublishedPort.parse("8080:80")])
    lines = describe_plan(Plan("shim", plan_endpoint(NetworkStore(str(tmp_path / "networks")), spec, Slot("netns"))))
    assert [line.split()[2].partition("(")[0] for line in lines] == [
        "hold_port", "declare_endpoint", "ensure_network", "ensure_forwarding", "ensure_rules", "take_address",
        "create_veth", "configure_inside", "publish_ports",
    ]  # fmt: skip
    assert "<address from 172.29.0.0/16>" in lines[5]
    assert "mdvab12ab12ab1" in lines[6]
    assert os.listdir(tmp_path) == []


@given(st.text(min_size=1, max_size=80))
def test_host_links_fit_and_differ(owner):
    assert len(os.fsencode(host_link(owner))) <= 15
    assert host_link(owner) != host_link(owner + "x")


def test_records_survive_the_disk_and_a_spoilt_one_can_still_be_released(tmp_path):
    store = NetworkStore(str(tmp_path))
    store.make("bridge")
    spec = EndpointSpec("c" * 64, ports=[PublishedPort.parse("127.0.0.1:53:53/udp")], address="172.29.0.9")
    store.record(spec)
    found = store.endpoint("c" * 64)
    assert isinstance(found, Endpoint)
    assert found.as_dict() == spec.as_dict()
    (tmp_path / "bridge" / "endpoints" / f"{'c' * 64}.json").write_text("")
    assert store.endpoint("c" * 64).host_if == spec.host_if


def test_published_ports_stand_in_the_table_with_their_owner():
    endpoint = EndpointSpec(
        "d" * 64, address="172.29.0.5", ports=[PublishedPort.parse(p) for p in ("8080:80", "1.2.3.4:53:53/udp")]
    )
    text = table_text(Network("/nowhere", "bridge", 0), [endpoint])
    assert f'add element ip lcm anyports {{ tcp . 8080 comment "{"d" * 64}" : 172.29.0.5 . 80 }}' in text
    assert f'add element ip lcm ports {{ 1.2.3.4 . udp . 53 comment "{"d" * 64}" : 172.29.0.5 . 53 }}' in text


def test_link_subnet_and_table_go_together():
    found = [Network("/nowhere", "bridge", number) for number in range(len(SUBNETS))]
    assert (
        len({(n.bridge, str(n.subnet), n.table) for n in found}) == len({str(n.subnet) for n in found}) == len(SUBNETS)
    )
    assert not any(a.subnet.overlaps(b.subnet) for a in found for b in found if a is not b)
