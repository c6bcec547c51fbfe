"""What a network and an endpoint are, and the folder ``networks/`` that remembers them.

    networks/bridge/network.json        which link, subnet and table the network has (written before they are made)
    networks/bridge/lock                flock held around making and removing the shared parts
    networks/bridge/endpoints/<id>.json one per container: the intent, written before the first change
    networks/bridge/endpoints/<id>.leaving the same, of an endpoint that has only links left
    networks/bridge/leases/<address>    symbolic link -> owner's id (core/leases.py)
    networks/bridge/ports/<key>         symbolic link -> id of the endpoint that published the port last

The shared parts (bridge, rules, sysctls) live as long as ``endpoints/`` has an entry: the records are the reference
count. What belongs here: shapes and files. What does not: the kernel (``network.py``, ``endpoint.py``).
"""

from __future__ import annotations

import os
from _blake2 import blake2b

from section01_processes import format_json, read_json, write_file

from .core.leases import Leases, Subnet
from .errors import NetworkNotFound
from .lock import Lock
from .ports import PublishedPort

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

#: The network that exists without being created.
DEFAULT = "bridge"
#: Link ``mdk<n>`` always has subnet number n: the kernel lets one process make a name, so it also settles the subnet.
SUBNETS = (
    *("172.29.0.0/16", "172.30.0.0/16", "10.89.0.0/16", "10.90.0.0/16", "10.91.0.0/16", "172.28.0.0/16"),
    *("10.92.0.0/16", "10.93.0.0/16", "192.168.212.0/22", "192.168.216.0/22", "192.168.220.0/22", "10.213.0.0/16"),
)

#: Our links are in groups (``ip link show group …``) from here on: "md" and the network's number.
GROUP = 0x6D640000


class Network:
    """A bridge with its subnet: ``name``, ``number`` (of the link and the subnet), ``mtu`` (bytes)."""

    __slots__ = ("folder", "mtu", "name", "number", "subnet")

    def __init__(self, folder: str, name: str, number: int, mtu: int = 1500) -> None:
        self.folder = folder
        self.name = name
        self.number = number
        self.mtu = mtu
        self.subnet = Subnet(SUBNETS[number])

    def __repr__(self) -> str:
        return f"Network({self.name}: {self.bridge}, {self.subnet})"

    @property
    def bridge(self) -> str:
        """The name of its link."""
        return f"mdk{self.number}"

    @property
    def table(self) -> str:
        """The name of its nft table (family ip)."""
        return f"lcm{self.number or ''}"

    @property
    def group(self) -> int:
        """The number of the link group that its links are in."""
        return GROUP + self.number

    @property
    def gateway(self) -> str:
        """The bridge's own address, in the containers' eyes the way out."""
        return self.subnet.gateway

    @property
    def leases(self) -> Leases:
        """Its address leases."""
        return Leases(f"{self.folder}/leases", self.subnet)

    def as_dict(self) -> dict[str, object]:
        """Return it as network.json has it."""
        facts = {"bridge": self.bridge, "subnet": str(self.subnet), "gateway": self.gateway, "table": self.table}
        return {"name": self.name, "number": self.number, "mtu": self.mtu, **facts}


class EndpointSpec:
    """What a container wants of a network. ``address`` and ``mac`` empty: chosen; ``host_if`` empty: from the id."""

    __slots__ = ("address", "host_if", "hostname", "id", "mac", "network", "ports")

    def __init__(
        self,
        id: str,  # noqa: A002 - the field's own name
        network: str = DEFAULT,
        host_if: str = "",
        mac: str = "",
        address: str | None = "",
        ports: Sequence[PublishedPort] = (),
        hostname: str = "",
    ) -> None:
        self.id = id
        self.network = network
        self.host_if = host_if or host_link(id)
        self.mac = mac
        self.address = address or ""
        self.ports = list(ports)
        self.hostname = hostname

    def __repr__(self) -> str:
        return f"EndpointSpec({self.id[:12]!r}, network={self.network!r}, ports={self.ports})"

    def as_dict(self) -> dict[str, object]:
        """Return it as its record has it."""
        ports = [port.as_dict() for port in self.ports]
        return {name: getattr(self, name) for name in EndpointSpec.__slots__} | {"ports": ports}


class Endpoint(EndpointSpec):
    """An endpoint on record: the specification with the address and the host ports that it got."""

    __slots__ = ()


class NetworkStore:
    """The folder ``root`` (``networks/``). Making the object touches nothing."""

    __slots__ = ("root",)

    def __init__(self, root: str) -> None:
        self.root = root

    def __repr__(self) -> str:
        return f"NetworkStore({self.root!r})"

    def folder(self, name: str) -> str:
        """Return the folder of network ``name``."""
        return f"{self.root}/{name}"

    def make(self, name: str) -> None:
        """Make the folders of network ``name`` where they are missing. Raises NetworkNotFound."""
        if os.path.isdir(f"{self.folder(name)}/ports"):
            return
        if name != DEFAULT:
            raise NetworkNotFound(f"there is no network {name!r}", hint=f"the one there is: {DEFAULT}")
        for part in ("", "/endpoints", "/leases", "/ports"):
            os.makedirs(self.folder(name) + part, 0o700, exist_ok=True)

    def lock(self, name: str) -> Lock:
        """Return the lock of network ``name``."""
        return Lock(f"{self.folder(name)}/lock")

    def names(self) -> list[str]:
        """Return the networks that have a folder."""
        try:
            return sorted(n for n in os.listdir(self.root) if os.path.isdir(f"{self.root}/{n}/endpoints"))
        except FileNotFoundError:
            return []

    def network(self, name: str = DEFAULT) -> Network | None:
        """Return network ``name`` as it was last made, or None when it never was."""
        try:
            facts = read_json(f"{self.folder(name)}/network.json")
        except FileNotFoundError:
            return None
        return Network(self.folder(name), name, facts["number"], facts["mtu"])

    def save(self, network: Network) -> None:
        """Write network.json."""
        write_file(f"{network.folder}/network.json", format_json(network.as_dict()), durable=False)

    def subnet(self, name: str) -> str:
        """Return the subnet that ``name`` has or, before its first use, most likely will have."""
        network = self.network(name)
        return str(network.subnet) if network else SUBNETS[0]

    def record(self, endpoint: EndpointSpec) -> None:
        """Write the endpoint's record. Not durable: after a power cut there is nothing in the kernel to release."""
        path = f"{self.folder(endpoint.network)}/endpoints/{endpoint.id}.json"
        write_file(path, format_json(endpoint.as_dict()), durable=False)

    def endpoint(self, owner: str, name: str = "") -> Endpoint | None:
        """Return the endpoint of container ``owner`` (in network ``name``, or in any), or None."""
        for network in [name] if name else self.names():
            endpoint = self._read(owner, network, ".json")
            if endpoint:
                return endpoint
        return None

    def _read(self, owner: str, network: str, ending: str) -> Endpoint | None:
        """Return what the record of ``owner`` in ``network`` says, None when there is none."""
        try:
            facts = read_json(f"{self.folder(network)}/endpoints/{owner}{ending}")
        except FileNotFoundError:
            return None
        except ValueError:  # a power cut emptied it; the names that derive from the id are enough to release it
            return Endpoint(owner, network)
        return Endpoint(**facts | {"ports": [PublishedPort(**port) for port in facts["ports"]]})

    def note_leaving(self, owner: str, name: str) -> None:
        """Turn the record of ``owner``'s endpoint into that of one that is leaving; fine if it is gone."""
        path = f"{self.folder(name)}/endpoints/{owner}"
        try:
            os.rename(path + ".json", path + ".leaving")
        except FileNotFoundError:
            pass

    def forget_leaving(self, owner: str, name: str) -> None:
        """Remove the record of an endpoint that was leaving; fine if it is gone."""
        try:
            os.unlink(f"{self.folder(name)}/endpoints/{owner}.leaving")
        except FileNotFoundError:
            pass

    def leaving(self, name: str) -> list[Endpoint]:
        """Return the endpoints of network ``name`` that are leaving: nothing but links is left of them."""
        try:
            names = os.listdir(f"{self.folder(name)}/endpoints")
        except FileNotFoundError:
            return []
        owners = sorted(n.removesuffix(".leaving") for n in names if n.endswith(".leaving"))
        return [self._read(owner, name, ".leaving") or Endpoint(owner, name) for owner in owners]

    def endpoints(self, name: str) -> list[Endpoint]:
        """Return the endpoints on record in network ``name``."""
        found = (self.endpoint(owner, name) for owner in self.owners(name))
        return [endpoint for endpoint in found if endpoint]

    def owners(self, name: str) -> list[str]:
        """Return the ids of the endpoints on record in network ``name``."""
        try:
            names = os.listdir(f"{self.folder(name)}/endpoints")
        except FileNotFoundError:
            return []
        return sorted(n.removesuffix(".json") for n in names if n.endswith(".json"))


def host_link(owner: str) -> str:
    """Return the name of the host's end of container ``owner``'s veth pair: 14 bytes, of 15 that a name may have.

    Container ids are random: their beginning will do. Of any other name, a hash.
    """
    if len(owner) < 12 or not set(owner) <= set("0123456789abcdef"):
        owner = blake2b(os.fsencode(owner), digest_size=6).hexdigest()
    return f"mdv{owner[:11]}"
