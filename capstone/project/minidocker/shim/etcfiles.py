"""The container's /etc/hosts, /etc/hostname and /etc/resolv.conf, which are files in its folder, bind-mounted.

What belongs here: when they are made and from what. What does not: how they read (section 6's pure functions).

The files must exist before the init mounts them, but the address is known only when the network has been made; so they
are made empty first, and filled in place (a rename would leave the mounted file behind).
"""

from __future__ import annotations

import os

from section01_processes import action

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

NAMES = ("hosts", "hostname", "resolv.conf")


@action("open(2)")
def touch_etc_files(folder: str) -> None:
    """Make the three files, empty, readable by everyone inside."""
    for name in NAMES:
        fd = os.open(os.path.join(folder, name), os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o644)
        os.fchmod(fd, 0o644)
        os.close(fd)


@action("write(2)")
def fill_etc_files(folder: str, config: dict[str, Any], address: str, network: Any = None) -> None:
    """Write the contents: host name and address, further hosts, the name servers. ``network``: whose gateway counts."""
    from section06_network import hosts_file, resolv_conf

    name = config.get("hostname", "")
    full = f"{name}.{config['domainname']}" if name and config.get("domainname") else name
    shared = (config.get("network") or {}).get("mode") == "host"
    servers, search, options = (config.get(key) or () for key in ("dns", "dns_search", "dns_options"))
    texts = {
        "hosts": hosts_file(full, address, config.get("extra_hosts") or (), network.gateway if network else ""),
        "hostname": f"{full}\n",
        "resolv.conf": resolv_conf(host_resolv_conf(), servers, search, options, loopback=shared),
    }
    for file, text in texts.items():
        with open(os.path.join(folder, file), "r+b", buffering=0) as handle:
            handle.write(text.encode())
            handle.truncate()  # a restart may have less to say


def host_resolv_conf() -> str:
    """Return the text of the host's resolv.conf, the real servers' where it names systemd-resolved's stub only."""
    from section06_network import UPSTREAM, needs_upstream

    text = _text("/etc/resolv.conf")
    return (_text(UPSTREAM) or text) if needs_upstream(text) else text


def _text(path: str) -> str:
    """Return a file's text, "" if there is none."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:
        return ""
