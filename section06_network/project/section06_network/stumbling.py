"""The stumbling blocks of this section: where learners get stuck, as data.

What belongs here: id → (symptom, cause, remedy, where to read). What does not: printing them (``./course explain``).
"""

from __future__ import annotations

STUMBLING_BLOCKS: dict[str, dict[str, str]] = {
    "LCM-NET-01": {
        "symptom": "ping to the gateway works, to the world it does not; or: Network is unreachable",
        "cause": "somewhere on the way a packet is not forwarded: lo or eth0 is down, there is no default route, "
        "ip_forward is 0, nothing masquerades, or another table's FORWARD chain drops (Docker's does)",
        "remedy": "netman doctor names the hop; netman reload makes again what somebody flushed",
        "link": "rtnetlink(7), nft(8)",
        "verified": "not verified here: the test comes with section 6's exercises",
    },
    "LCM-NET-02": {
        "symptom": "addresses work, names do not",
        "cause": "resolv.conf names 127.0.0.53, the stub of systemd-resolved: in the container's network namespace "
        "that is the container's own loopback, where nobody listens",
        "remedy": "use the real servers in /run/systemd/resolve/resolv.conf (MiniDocker does), or --dns",
        "link": "resolv.conf(5), systemd-resolved.service(8)",
        "verified": "not verified here: the test comes with section 6's exercises",
    },
    "LCM-NET-03": {
        "symptom": "a veth, a bridge or rules are left after a crash",
        "cause": "what lives in the host's namespace has no owner that the kernel knows: it stays until it is removed",
        "remedy": "netman release ID, or ./course clean",
        "link": "veth(4)",
        "verified": "not verified here: the test comes with section 6's exercises",
    },
}
