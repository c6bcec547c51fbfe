"""Address leases without a database: one symbolic link per address, whose text is its owner's id.

    leases/172.29.0.5 -> 3f1c…

symlink(2) either makes the name or fails with EEXIST: two processes can never take the same address, and no lock is
needed. The search starts after the address handed out last, so that an address is not given to a new owner while
others still hold connections and ARP entries for the old one. What belongs here: subnets and leases, IPv4 only. What
does not: links.
"""

from __future__ import annotations

import os
from _socket import AF_INET, inet_ntoa, inet_pton

from section06_network.errors import AddressesExhausted, NetworkError


class Subnet:
    """An IPv4 range such as 172.29.0.0/16. The first address after its base is the gateway."""

    __slots__ = ("base", "prefix")

    def __init__(self, text: str) -> None:
        """``text``: ``address/prefix length``. Raises NetworkError when it is no such thing."""
        address, _, length = text.partition("/")
        try:
            self.prefix = int(length)
            self.base = int.from_bytes(inet_pton(AF_INET, address), "big") & -self.size
        except (OSError, ValueError):
            raise NetworkError(f"{text!r} is not an IPv4 subnet such as 172.29.0.0/16") from None
        if not 0 <= self.prefix <= 32:
            raise NetworkError(f"{text!r}: an IPv4 prefix has 0 to 32 bits")

    def __str__(self) -> str:
        return f"{self.at(0)}/{self.prefix}"

    @property
    def size(self) -> int:
        """How many addresses it has, base and broadcast included."""
        return 1 << max(0, 32 - self.prefix)

    @property
    def gateway(self) -> str:
        """The address of the bridge: the first after the base."""
        return self.at(1)

    def at(self, number: int) -> str:
        """Return the address number ``number`` of the subnet."""
        return inet_ntoa((self.base + number).to_bytes(4, "big"))

    def number(self, address: str) -> int:
        """Return the place of ``address`` in the subnet; negative or ≥ size when it is outside."""
        return int.from_bytes(inet_pton(AF_INET, address), "big") - self.base

    def overlaps(self, other: Subnet) -> bool:
        """Return whether the two have an address in common."""
        return self.base < other.base + other.size and other.base < self.base + self.size


class Leases:
    """The leases in ``folder``, out of ``subnet``."""

    __slots__ = ("folder", "subnet")

    def __init__(self, folder: str, subnet: Subnet) -> None:
        self.folder = folder
        self.subnet = subnet

    def take(self, owner: str, wanted: str = "") -> str:
        """Lease ``wanted``, or the next free address, to ``owner``. Raises AddressesExhausted, NetworkError."""
        if wanted:
            if not 2 <= self.subnet.number(wanted) < self.subnet.size - 1:
                raise NetworkError(f"{wanted} is not an address for containers of {self.subnet}")
            if not self._claim(wanted, owner):
                raise NetworkError(f"address {wanted} is leased to {self.owner(wanted)}")
            return wanted
        places = self.subnet.size - 3  # without base, gateway, broadcast
        start = self._last() - 1
        for step in range(places):
            address = self.subnet.at(2 + (start + step) % places)
            if self._claim(address, owner):
                self._remember(address)
                return address
        raise AddressesExhausted(f"all {max(places, 0)} addresses of {self.subnet} are leased")

    def release(self, address: str, owner: str) -> None:
        """End the lease of ``address`` if it is ``owner``'s; otherwise nothing."""
        if self.owner(address) == owner:
            os.unlink(f"{self.folder}/{address}")

    def owner(self, address: str) -> str:
        """Return the owner of ``address``, or ''."""
        try:
            return os.readlink(f"{self.folder}/{address}")
        except FileNotFoundError:
            return ""

    def all(self) -> dict[str, str]:
        """Return owner by address."""
        try:
            names = os.listdir(self.folder)
        except FileNotFoundError:
            return {}
        return {name: self.owner(name) for name in names}

    def _claim(self, address: str, owner: str) -> bool:
        try:
            os.symlink(owner, f"{self.folder}/{address}")
        except FileExistsError:
            return False
        return True

    def _last(self) -> int:
        """Return the place of the address handed out last (best effort: 1, the gateway's, when unknown)."""
        try:
            with open(f"{self.folder}/../last", encoding="ascii") as file:
                return max(1, self.subnet.number(file.read().strip()))
        except (OSError, ValueError):
            return 1

    def _remember(self, address: str) -> None:
        with open(f"{self.folder}/../last", "w", encoding="ascii") as file:
            file.write(address)
