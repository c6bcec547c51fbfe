"""How a container is connected: mode, published ports, names, sysctls.

What belongs here: Docker's rules for the flags, as data for the shim. What does not: links, leases and rules
(section 6), and choosing a free port (the engine).
"""

from __future__ import annotations

from minidocker.errors import BadOption, NotSupported

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from minidocker.options import Options

_SYSCTLS = frozenset(
    """
    kernel.msgmax kernel.msgmnb kernel.msgmni kernel.sem kernel.shmall kernel.shmmax kernel.shmmni
    kernel.shm_rmid_forced kernel.domainname
    """.split()  # noqa: SIM905
)


class Port:
    """One published port; ``host_port`` 0 means any free one."""

    __slots__ = ("container_port", "host_ip", "host_port", "protocol")

    def __init__(self, host_ip: str, host_port: int, container_port: int, protocol: str) -> None:
        self.host_ip = host_ip
        self.host_port = host_port
        self.container_port = container_port
        self.protocol = protocol

    def __str__(self) -> str:
        return f"{self.host_ip or '0.0.0.0'}:{self.host_port or ''}:{self.container_port}/{self.protocol}"


def network_mode(options: Options, *, rootless: bool) -> tuple[str, str]:
    """Return (mode, argument): ``bridge`` with the network's name, or ``none``, ``host``, ``container`` and its name.

    Rootless, the default is ``none``: joining the host's bridge needs root. Raises BadOption.
    """
    text = options.network
    if not text or text == "default":
        text = "none" if rootless else "bridge"
    kind, colon, name = text.partition(":")
    if kind == "container":
        if not colon or not name:
            raise BadOption("--network", text, "not container:NAME")
        return "container", name
    if text in {"none", "host"}:
        return text, ""
    if rootless:
        hint = "--network none or host work without root"
        raise BadOption("--network", text, "a bridge network needs root", hint=hint)
    return "bridge", text


def check_combinations(options: Options, mode: str) -> None:
    """Raise BadOption for flags that contradict the network mode, as Docker does."""
    if mode == "container":
        for flag in ("publish", "hostname", "dns", "add_host", "mac_address"):
            if getattr(options, flag):
                shown = "--" + flag.replace("_", "-")
                value = getattr(options, flag)
                first = value[0] if value.__class__ is tuple else value
                raise BadOption(shown, first, "cannot be given with --network container:NAME, which shares the other's")
    for flag, given, right in (("--ip", options.ip, _is_ipv4), ("--mac-address", options.mac_address, _is_mac)):
        if given and mode != "bridge":
            raise BadOption(flag, given, f"--network {mode} has no address of its own")
        if given and not right(given):
            raise BadOption(flag, given, "not an address of one interface")


def ports(options: Options, free_port: Callable[[str], int]) -> list[Port]:
    """Return every published port; ranges are taken apart, ports left open are chosen. Raises BadOption."""
    out = [port for text in options.publish for port in parse_port(text)]
    taken = {(port.protocol, port.host_port) for port in out if port.host_port}
    for port in out:
        if not port.host_port:
            port.host_port = free_port(port.protocol)
            while port.host_port and (port.protocol, port.host_port) in taken:  # by another of our own
                port.host_port = free_port(port.protocol)
            taken.add((port.protocol, port.host_port))
    return out


def parse_port(text: str) -> list[Port]:
    """Return the ports of ``[ip:][host[-host]:]container[-container][/protocol]``. Raises BadOption.

    Host port 0 is none: any free one, as for docker.
    """
    body, slash, protocol = text.partition("/")
    protocol = protocol.lower() if slash else "tcp"
    if protocol not in {"tcp", "udp"}:
        raise BadOption("--publish", text, "the protocol is not tcp or udp")
    if body.startswith("["):
        raise NotSupported(f"cannot publish {text!r}: IPv6 addresses are not supported yet")
    parts = body.split(":")
    if len(parts) > 3:
        raise BadOption("--publish", text, "not [address:][host port:]container port[/protocol]")
    address = parts[0] if len(parts) == 3 else ""
    if address and not _is_ipv4(address):
        raise BadOption("--publish", text, f"{address!r} is not an IPv4 address")
    inside = _range(parts[-1], text)
    host_text = parts[-2] if len(parts) > 1 else ""
    outside = _range(host_text, text, least=0) if host_text else range(0)
    if outside and len(outside) != len(inside):
        raise BadOption("--publish", text, "the two ranges differ in length")
    return [Port(address, outside[i] if outside else 0, inside[i], protocol) for i in range(len(inside))]


def _range(text: str, whole: str, least: int = 1) -> range:
    """Return the ports of ``80`` or ``8000-8010``, from ``least`` on. Raises BadOption."""
    first, dash, last = text.partition("-")
    last = last if dash else first
    digits = text.isascii() and first.isdigit() and last.isdigit()
    if not (digits and least <= int(first) <= int(last) < 65536):
        raise BadOption("--publish", whole, f"{text!r} is not a port between {least} and 65535")
    return range(int(first), int(last) + 1)


def _is_ipv4(text: str) -> bool:
    parts = text.split(".")
    return len(parts) == 4 and all(p.isdigit() and int(p) < 256 for p in parts)


def _is_mac(text: str) -> bool:
    """Return whether ``text`` is the hardware address of one card (the lowest bit of the first byte: of a group)."""
    try:
        digits = bytes.fromhex(text.replace(":", ""))
    except ValueError:
        return False
    return len(text) == 17 and text.count(":") == 5 and len(digits) == 6 and not digits[0] & 1


def extra_hosts(options: Options) -> list[str]:
    """Return ``name:address`` for each --add-host. Raises BadOption."""
    for text in options.add_host:
        name, _, address = text.replace("=", ":", 1).partition(":")
        if not name or not (address == "host-gateway" or _is_ipv4(address) or ":" in address):
            raise BadOption("--add-host", text, "not name:address")
    return [text.replace("=", ":", 1) if ":" not in text else text for text in options.add_host]


def name_servers(options: Options) -> list[str]:
    """Return the addresses of --dns. Raises BadOption."""
    for text in options.dns:
        if not _is_ipv4(text) and ":" not in text:
            raise BadOption("--dns", text, "not an address")
    return list(options.dns)


def sysctls(options: Options, mode: str) -> dict[str, str]:
    """Return OCI's ``linux.sysctl``: only those that belong to a namespace of the container. Raises BadOption."""
    out: dict[str, str] = {}
    for text in options.sysctl:
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise BadOption("--sysctl", text, "not name=value")
        own_network = name.startswith("net.") and mode in {"bridge", "none"}
        if not own_network and name not in _SYSCTLS and not name.startswith("fs.mqueue."):
            raise BadOption("--sysctl", text, "not a setting of a namespace of the container")
        out[name] = value
    return out


def hostname(options: Options, mode: str, identity: str, host_name: str) -> str:
    """Return the container's host name: given, the host's with ``--network host``, else the id's first 12 digits."""
    text = options.hostname
    if text and (len(text) > 64 or "/" in text or " " in text):
        raise BadOption("--hostname", text, "not a host name")
    if text:
        return str(text)
    return host_name if mode == "host" else identity[:12]


def etc_files(mode: str) -> bool:
    """Return whether the shim writes hosts, hostname and resolv.conf for this mode."""
    return mode != "container"


def network_object(
    options: Options, mode: str, name: str, identity: str, published: list[Port], host: str
) -> dict[str, Any]:
    """Return shim.json's ``network``."""
    if mode != "bridge":
        return {"mode": mode, "network": "", "host_if": "", "mac": "", "address": "", "ports": [], "hostname": host}
    return {
        "mode": mode,
        "network": name,
        "host_if": "mdk" + identity[:11],
        "mac": options.mac_address or own_mac(identity),
        "address": options.ip,
        "ports": [str(port) for port in published],
        "hostname": host,
    }


def own_mac(identity: str) -> str:
    """Return a locally administered address made of the id."""
    digits = "02" + identity[:10]
    return ":".join(digits[i : i + 2] for i in range(0, 12, 2))
