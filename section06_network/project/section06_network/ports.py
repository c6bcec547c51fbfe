"""Published ports: how ``-p`` reads, and holding the host's port.

What belongs here: texts and sockets. What does not: the rules that lead packets (``rules.py``).

IPv4 only: an IPv6 host address, ``::1`` included, would need a proxy process per port (the kernel has no route_localnet
for IPv6); we refuse it rather than pretend.
"""

from __future__ import annotations

import _socket
import os
from errno import EACCES, EADDRINUSE, EADDRNOTAVAIL

from section01_processes import action

from .errors import BadPort, NetworkError, PortInUse

ANY = "0.0.0.0"
KINDS = {"tcp": _socket.SOCK_STREAM, "udp": _socket.SOCK_DGRAM}


class PublishedPort:
    """A host port that leads to a container's port. ``host_port`` 0: the kernel picks one."""

    __slots__ = ("container_port", "host_ip", "host_port", "protocol")

    def __init__(self, host_ip: str = ANY, host_port: int = 0, container_port: int = 0, protocol: str = "tcp") -> None:
        self.host_ip = host_ip or ANY
        self.host_port = host_port
        self.container_port = container_port
        self.protocol = protocol

    def __str__(self) -> str:
        return f"{self.host_ip}:{self.host_port or '<free>'}->{self.container_port}/{self.protocol}"

    def __repr__(self) -> str:
        return f"PublishedPort({self})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, PublishedPort) and self.as_dict() == other.as_dict()

    def __hash__(self) -> int:
        return hash(str(self))

    @classmethod
    def parse(cls, text: str) -> PublishedPort:
        """Return the one port of ``text``: ``80``, ``8080:80``, ``127.0.0.1:8080:80/udp``. Raises BadPort."""
        ports = parse_ports(text)
        if len(ports) != 1:
            raise BadPort(f"{text!r} publishes {len(ports)} ports, not one")
        return ports[0]

    @property
    def key(self) -> str:
        """The name that stands for the host's side: two published ports with one key exclude each other."""
        return f"{self.protocol}.{self.host_ip}.{self.host_port}"

    @classmethod
    def from_key(cls, key: str) -> PublishedPort:
        """Return the host's side of the port that ``key`` stands for."""
        protocol, _, rest = key.partition(".")
        host_ip, _, host_port = rest.rpartition(".")
        return cls(host_ip, int(host_port), 0, protocol)

    def as_dict(self) -> dict[str, str | int]:
        """Return it as JSON has it."""
        return {name: getattr(self, name) for name in self.__slots__}


def parse_ports(text: str) -> list[PublishedPort]:
    """Return the ports that ``-p text`` publishes; ranges (``8000-8002:80-82``) become several. Raises BadPort."""
    spec, _, protocol = text.partition("/")
    protocol = protocol.lower() or "tcp"
    if protocol not in KINDS:
        raise BadPort(f"{text!r}: protocol {protocol!r} cannot be published", hint="tcp and udp can")
    if "[" in spec or spec.count(":") > 2:
        raise BadPort(f"{text!r}: IPv6 host addresses are not served", hint="leave the address out, or use an IPv4 one")
    *address, host, container = ("", "", *spec.split(":"))[-3:]
    inside = _range(container, text)
    outside = _range(host, text) if host else [0] * len(inside)
    if len(outside) != len(inside):
        raise BadPort(f"{text!r}: {len(outside)} host ports cannot lead to {len(inside)} container ports")
    host_ip = _address(address[0], text)
    return [PublishedPort(host_ip, o, i, protocol) for o, i in zip(outside, inside, strict=True)]


def _address(text: str, whole: str) -> str:
    try:
        return _socket.inet_ntoa(_socket.inet_pton(_socket.AF_INET, text)) if text else ANY
    except OSError:
        raise BadPort(f"{whole!r}: {text!r} is not an IPv4 address of this machine") from None


def _range(text: str, whole: str) -> list[int]:
    first, _, last = text.partition("-")
    numbers = [n for n in (first, last or first) if n.isascii() and n.isdigit() and 1 <= int(n) <= 65535]
    if len(numbers) != 2 or int(numbers[0]) > int(numbers[1]):
        raise BadPort(f"{whole!r}: {text!r} is not a port, nor a range of ports, from 1 to 65535")
    return list(range(int(numbers[0]), int(numbers[1]) + 1))


@action("bind(2)")
def hold_port(host_ip: str, host_port: int, protocol: str) -> int:
    """Return a descriptor whose bound socket keeps everybody else off the port; ``host_port`` 0 picks a free one.

    The socket never listens: the rules redirect packets before they reach it. Raises PortInUse (and says by whom).
    """
    holder = _socket.socket(_socket.AF_INET, KINDS[protocol] | _socket.SOCK_CLOEXEC)
    try:
        holder.bind((host_ip, host_port))
        return holder.detach()
    except OSError as error:
        raise _refused(error, host_ip, host_port, protocol) from error
    finally:
        holder.close()


def held_port(fd: int) -> int:
    """Return the port number that descriptor ``fd`` holds. getsockname(2)."""
    holder = _socket.socket(fileno=fd)
    try:
        return int(holder.getsockname()[1])
    finally:
        holder.detach()


def _refused(error: OSError, host_ip: str, host_port: int, protocol: str) -> NetworkError:
    """Return the error that tells why the port cannot be held."""
    port = f"{host_port}/{protocol}"
    if error.errno == EADDRINUSE:
        owner = port_owner(host_port, protocol)
        by = f" by {owner}" if owner else ""
        return PortInUse(f"port {port} is already in use{by}", hint="publish another host port, or stop its user")
    if error.errno == EADDRNOTAVAIL:
        return NetworkError(f"cannot publish on {host_ip}: it is not an address of this machine")
    if error.errno == EACCES:
        return NetworkError(f"port {port} needs CAP_NET_BIND_SERVICE", hint="ports from 1024 on do not")
    return NetworkError(f"cannot hold port {port} on {host_ip}: {error.strerror}")


def parse_socket_table(text: str, port: int) -> set[str]:
    """Return the inodes of the sockets bound to ``port`` in a /proc/net/{tcp,udp}[6] text. proc_net(5)."""
    inodes = set()
    for line in text.splitlines()[1:]:
        fields = line.split()
        if len(fields) > 9 and int(fields[1].rpartition(":")[2], 16) == port and fields[9] != "0":
            inodes.add(fields[9])
    return inodes


def port_owner(port: int, protocol: str) -> str:
    """Return ``PID (name)`` of a process that holds a socket bound to ``port``, or '' when none can be seen.

    The socket's inode stands in /proc/net/tcp, its owner is who has ``socket:[inode]`` among its descriptors. A socket
    that is bound but does not listen is in no /proc/net/tcp; then the port's sole trace is sock_diag(7).
    """
    inodes = set()
    for table in (protocol, f"{protocol}6"):
        try:
            with open(f"/proc/net/{table}", encoding="ascii") as file:
                inodes |= parse_socket_table(file.read(), port)
        except OSError:
            continue
    if not inodes:
        from .sockets import bound_inodes

        inodes = bound_inodes(port, protocol)
    wanted = {f"socket:[{inode}]" for inode in inodes}
    return next((_process(pid) for pid in os.listdir("/proc") if pid.isdigit() and wanted & _descriptors(pid)), "")


def _descriptors(pid: str) -> set[str]:
    """Return what the descriptors of process ``pid`` are; the empty set when it may not be seen or is gone."""
    found = set()
    try:
        for fd in os.listdir(f"/proc/{pid}/fd"):
            try:
                found.add(os.readlink(f"/proc/{pid}/fd/{fd}"))
            except OSError:
                continue
    except OSError:
        pass
    return found


def _process(pid: str) -> str:
    try:
        with open(f"/proc/{pid}/comm", encoding="utf-8", errors="replace") as file:
            return f"{pid} ({file.read().strip()})"
    except OSError:
        return pid
