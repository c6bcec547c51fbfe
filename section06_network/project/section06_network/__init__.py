"""Network: bridge, veth, address leases, masquerading, published ports, names.

The public surface of the section; names load on first use (PEP 562).
"""

from __future__ import annotations

from section01_processes import lazy_exports

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .core.leases import Leases as Leases
    from .core.leases import Subnet as Subnet
    from .core.netlink import Netlink as Netlink
    from .core.netlink import netlink_in as netlink_in
    from .endpoint import finish_releases as finish_releases
    from .endpoint import held_ports as held_ports
    from .endpoint import loopback_up as loopback_up
    from .endpoint import plan_endpoint as plan_endpoint
    from .endpoint import release_endpoint as release_endpoint
    from .endpoint import reload as reload
    from .errors import AddressesExhausted as AddressesExhausted
    from .errors import BadPort as BadPort
    from .errors import FirewallError as FirewallError
    from .errors import NetlinkError as NetlinkError
    from .errors import NetworkError as NetworkError
    from .errors import NetworkNotFound as NetworkNotFound
    from .errors import PortInUse as PortInUse
    from .names import UPSTREAM as UPSTREAM
    from .names import hosts_file as hosts_file
    from .names import needs_upstream as needs_upstream
    from .names import resolv_conf as resolv_conf
    from .ports import PublishedPort as PublishedPort
    from .ports import hold_port as hold_port
    from .ports import parse_ports as parse_ports
    from .ports import port_owner as port_owner
    from .store import Endpoint as Endpoint
    from .store import EndpointSpec as EndpointSpec
    from .store import Network as Network
    from .store import NetworkStore as NetworkStore
    from .stumbling import STUMBLING_BLOCKS as STUMBLING_BLOCKS

_WHERE = {
    "AddressesExhausted": "errors",
    "BadPort": "errors",
    "Endpoint": "store",
    "EndpointSpec": "store",
    "FirewallError": "errors",
    "Leases": "core.leases",
    "Netlink": "core.netlink",
    "NetlinkError": "errors",
    "Network": "store",
    "NetworkError": "errors",
    "NetworkNotFound": "errors",
    "NetworkStore": "store",
    "PortInUse": "errors",
    "PublishedPort": "ports",
    "STUMBLING_BLOCKS": "stumbling",
    "Subnet": "core.leases",
    "UPSTREAM": "names",
    "held_ports": "endpoint",
    "hold_port": "ports",
    "hosts_file": "names",
    "loopback_up": "endpoint",
    "needs_upstream": "names",
    "netlink_in": "core.netlink",
    "parse_ports": "ports",
    "plan_endpoint": "endpoint",
    "port_owner": "ports",
    "finish_releases": "endpoint",
    "release_endpoint": "endpoint",
    "reload": "endpoint",
    "resolv_conf": "names",
}
__all__ = list(_WHERE)
__getattr__ = lazy_exports(__name__, _WHERE)
