"""The errors of section 6.

LcmError (section 1)
├── NetworkError                 something about networks cannot be done
│   ├── AddressesExhausted       every address of the subnet is leased
│   ├── NetworkNotFound          no network has that name
│   ├── PortInUse                the host port belongs to another process
│   └── FirewallError            nft or iptables is missing, or refused
├── BadPort (UsageError)         ``-p`` with a text that is no published port
└── NetlinkError (SyscallError)  the kernel refused a netlink request, in its own words

What belongs here: the tree. What does not: finding out who holds a port (``ports.py``).
"""

from __future__ import annotations

from section01_processes import LcmError, SyscallError, UsageError


class NetworkError(LcmError):
    """Something about networks cannot be done."""


class AddressesExhausted(NetworkError):
    """Every address of the subnet is leased."""


class NetworkNotFound(NetworkError):
    """No network has that name."""


class PortInUse(NetworkError):
    """The host port belongs to another process."""


class FirewallError(NetworkError):
    """``nft`` or ``iptables`` is missing, or refused what it was given."""


class BadPort(UsageError):
    """A text that should describe a published port does not."""


class NetlinkError(SyscallError):
    """The kernel refused a netlink request; ``hint`` is its extended acknowledgement (NLMSGERR_ATTR_MSG)."""
