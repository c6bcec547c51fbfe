"""What stands in a container's /etc/hosts and /etc/resolv.conf, as text.

What belongs here: pure functions from text to text. What does not: reading the host's files or writing the
container's.
"""

from __future__ import annotations

from _socket import AF_INET, AF_INET6, inet_pton

from .errors import NetworkError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

#: systemd-resolved's list of the real servers; /etc/resolv.conf itself then names only its stub on 127.0.0.53.
UPSTREAM = "/run/systemd/resolve/resolv.conf"
#: What a container gets when the host has only servers that it cannot reach (Docker's choice, too).
FALLBACK_SERVERS = ("8.8.8.8", "8.8.4.4")

_LOCAL = """\
127.0.0.1\tlocalhost
::1\tlocalhost ip6-localhost ip6-loopback
fe00::0\tip6-localnet
ff00::0\tip6-mcastprefix
ff02::1\tip6-allnodes
ff02::2\tip6-allrouters
"""


def hosts_file(hostname: str, address: str = "", extra: Iterable[str] = (), gateway: str = "") -> str:
    """Return /etc/hosts (hosts(5)): localhost, ``extra`` (``name:address``, as --add-host), and the container itself.

    ``gateway`` is what the address ``host-gateway`` means. Raises NetworkError for an entry that makes no sense.
    """
    lines = [_extra(entry, gateway) for entry in extra]
    if address and hostname:
        short = hostname.partition(".")[0]
        lines.append(f"{address}\t{hostname}{' ' + short if short != hostname else ''}")
    return _LOCAL + "".join(f"{line}\n" for line in lines)


def _extra(entry: str, gateway: str) -> str:
    name, _, address = entry.partition("=") if "=" in entry else entry.partition(":")
    address = address.strip("[]")
    if address == "host-gateway":
        address = gateway
    if not name or not is_address(address) or any(c.isspace() for c in name):
        raise NetworkError(f"--add-host {entry!r} is not NAME:ADDRESS", hint="for example db:10.0.0.5")
    return f"{address}\t{name}"


def is_address(text: str) -> bool:
    """Return whether ``text`` is an IPv4 or IPv6 address."""
    for family in (AF_INET, AF_INET6):
        try:
            inet_pton(family, text)
        except (OSError, ValueError):
            continue
        return True
    return False


def needs_upstream(host_text: str) -> bool:
    """Return whether ``host_text`` has loopback servers only: then read :data:`UPSTREAM` instead, if it exists."""
    servers = _values(host_text, "nameserver")
    return bool(servers) and all(_is_loopback(s) for s in servers)


def resolv_conf(
    host_text: str,
    servers: Iterable[str] = (),
    search: Iterable[str] = (),
    options: Iterable[str] = (),
    *,
    loopback: bool = False,
) -> str:
    """Return /etc/resolv.conf (resolv.conf(5)) for a container, from the host's text and what the user asked for.

    ``servers``, ``search`` and ``options`` replace the host's. A loopback server of the host (127.0.0.53, dnsmasq) is
    another machine's loopback seen from a namespace of its own (LCM-NET-02), so it is left out unless ``loopback`` (the
    container shares the host's network). Pass the text of :data:`UPSTREAM` when :func:`needs_upstream` says so.
    """
    asked = list(servers)
    for server in asked:
        if not is_address(server):
            raise NetworkError(f"--dns {server!r} is not an address")
    chosen = asked or [s for s in _values(host_text, "nameserver") if loopback or not _is_loopback(s)]
    lines = [f"nameserver {server}" for server in chosen or FALLBACK_SERVERS]
    domains = list(search) or _last(host_text, "search") or _last(host_text, "domain")
    if domains and domains != ["."]:
        lines.append(f"search {' '.join(domains)}")
    flags = list(options) or [word for line in _lines(host_text, "options") for word in line]
    if flags:
        lines.append(f"options {' '.join(flags)}")
    return "".join(f"{line}\n" for line in lines)


def _lines(text: str, keyword: str) -> list[list[str]]:
    """Return the words after ``keyword`` of each line that begins with it."""
    split = (line.split() for line in text.splitlines())
    return [words[1:] for words in split if len(words) > 1 and words[0] == keyword]


def _values(text: str, keyword: str) -> list[str]:
    return [words[0] for words in _lines(text, keyword)]


def _last(text: str, keyword: str) -> list[str]:
    lines = _lines(text, keyword)
    return lines[-1] if lines else []


def _is_loopback(server: str) -> bool:
    return server.startswith("127.") or server.partition("%")[0] == "::1"
