"""The public surface is what it says, and taking a name from it stays cheap."""

import subprocess
import sys

import section06_network as surface

NAMES = [
    "AddressesExhausted", "BadPort", "Endpoint", "EndpointSpec", "FirewallError", "Leases", "Netlink", "NetlinkError",
    "Network", "NetworkError", "NetworkNotFound", "NetworkStore", "PortInUse", "PublishedPort", "STUMBLING_BLOCKS",
    "Subnet", "UPSTREAM", "held_ports", "hold_port", "hosts_file", "loopback_up", "needs_upstream", "netlink_in",
    "finish_releases", "parse_ports", "plan_endpoint", "port_owner", "release_endpoint", "reload", "resolv_conf",
]  # fmt: skip
SLOW = {"typing", "enum", "dataclasses", "json", "re", "socket", "subprocess", "contextlib", "collections", "pathlib"}


def test_names():
    assert sorted(surface.__all__) == sorted(NAMES)
    assert all(hasattr(surface, name) for name in NAMES)


def test_the_fast_path_loads_nothing_slow():
    program = (
        f"import sys; sys.path[:0] = {[p for p in sys.path if p.endswith('project')]!r}; "
        "from section06_network import plan_endpoint, release_endpoint, hosts_file, resolv_conf, loopback_up; "
        "print(*sys.modules)"
    )
    done = subprocess.run([sys.executable, "-I", "-S", "-c", program], capture_output=True, text=True, check=True)
    assert not SLOW & set(done.stdout.split())
