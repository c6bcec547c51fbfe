"""Other people's firewalls: our packets must pass a FORWARD chain whose policy is DROP (Docker's, an administrator's).

An ``accept`` of ours is final in our own chain only. So accepts that bear our name go where the owner of the other
chain wants them: into DOCKER-USER, else into FORWARD itself. What belongs here: asking (by nfnetlink, for one named
chain; foreign tables are never listed) and adding or removing those accepts (by ``iptables``). What does not: our own
table (``rules.py``).
"""

from __future__ import annotations

import os
from errno import ENOENT

from .core.netlink import NETLINK_NETFILTER, NLM_F_DUMP, Netlink, Request, attribute, parse_attributes
from .errors import FirewallError, NetlinkError
from .programs import Running, installed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .store import Network

NFNL_SUBSYS_NFTABLES = 10
NFT_MSG_GETTABLE, NFT_MSG_GETCHAIN, NFT_MSG_GETRULE = 1, 4, 7
NFTA_TABLE_NAME, NFTA_CHAIN_TABLE, NFTA_CHAIN_NAME, NFTA_CHAIN_POLICY, NFTA_RULE_TABLE, NFTA_RULE_CHAIN = (
    1,
    1,
    3,
    5,
    1,
    2,
)
NFPROTO_IPV4 = bytes([2, 0, 0, 0])  # struct nfgenmsg { u8 family; u8 version; be16 resource; }
NF_DROP = bytes(4)
CHAINS = ("DOCKER-USER", "FORWARD")
LEGACY_TABLES = "/proc/net/ip_tables_names"


def _ask(netlink: Netlink, kind: int, flags: int, *attributes: bytes) -> list[bytes] | None:
    """Ask nf_tables about family ip; None when what it is about does not exist."""
    body = NFPROTO_IPV4 + b"".join(attributes)
    try:
        answers = netlink.ask(Request("nf_tables", NFNL_SUBSYS_NFTABLES << 8 | kind, flags, body, "table ip"))
    except NetlinkError as error:
        if error.errno == ENOENT:
            return None
        raise
    return [body for _, body in answers]


def table_exists(netlink: Netlink, table: str) -> bool:
    """Return whether nft table ``ip table`` exists."""
    return _ask(netlink, NFT_MSG_GETTABLE, 0, attribute(NFTA_TABLE_NAME, table)) is not None


def chain_policy(netlink: Netlink, table: str, chain: str) -> str | None:
    """Return ``drop``, ``accept``, or '' (no base chain) of chain ``ip table chain``; None when there is none."""
    names = attribute(NFTA_CHAIN_TABLE, table), attribute(NFTA_CHAIN_NAME, chain)
    answers = _ask(netlink, NFT_MSG_GETCHAIN, 0, *names)
    if not answers:
        return None
    policy = parse_attributes(answers[0], 4).get(NFTA_CHAIN_POLICY)
    return "" if policy is None else "drop" if policy == NF_DROP else "accept"


def _count(netlink: Netlink, chain: str, network: Network) -> int:
    """Return how many rules of ``ip filter chain`` are our accepts for ``network``."""
    if chain_policy(netlink, "filter", chain) is None:
        return 0
    names = attribute(NFTA_RULE_TABLE, "filter"), attribute(NFTA_RULE_CHAIN, chain)
    rules = _ask(netlink, NFT_MSG_GETRULE, NLM_F_DUMP, *names) or []
    return sum(comment(network).encode() + b"\0" in rule for rule in rules)


def accepts(network: Network) -> list[list[str]]:
    """Return the rules, as iptables' words: all that leaves our bridge; into it, answers and published ports."""
    name = ["-m", "comment", "--comment", comment(network), "-j", "ACCEPT"]
    state = ["-m", "conntrack", "--ctstate"]
    inward = ["-o", network.bridge, *state]
    return [["-i", network.bridge, *name], [*inward, "RELATED,ESTABLISHED", *name], [*inward, "DNAT", *name]]


def comment(network: Network) -> str:
    """Return the comment that marks our rules in a foreign chain."""
    return f"lcm {network.bridge} accept"


def ensure_accepts(network: Network) -> None:
    """Make packets of ``network`` pass the FORWARD chains of iptables, if one of those would drop them."""
    with Netlink(NETLINK_NETFILTER) as netlink:
        chain = _chain(netlink)
        found = _count(netlink, chain, network) if chain else 0
    if chain and found != len(accepts(network)) and installed("iptables"):
        _delete("iptables", chain, network, found)
        _edit("iptables", "-I", chain, network).check()
    if _legacy():
        chain = _legacy_chain()
        if chain and not all(_legacy_has(chain, rule) for rule in accepts(network)):
            _delete("iptables-legacy", chain, network, 1)
            _edit("iptables-legacy", "-I", chain, network).check()


def begin_removing_accepts(network: Network) -> list[Running]:
    """Start removing our accepts where they are complete; the caller waits, then calls :func:`remove_accepts`."""
    with Netlink(NETLINK_NETFILTER) as netlink:
        counts = [(chain, _count(netlink, chain, network)) for chain in CHAINS]
    return [_edit("iptables", "-D", chain, network) for chain, found in counts if found == len(accepts(network))]


def remove_accepts(network: Network) -> None:
    """Remove what :func:`ensure_accepts` added, from whichever chain it went to."""
    for chain in CHAINS:
        with Netlink(NETLINK_NETFILTER) as netlink:
            found = _count(netlink, chain, network)
        _delete("iptables", chain, network, found)
        if _legacy():
            _delete("iptables-legacy", chain, network, 1)


def _chain(netlink: Netlink) -> str:
    """Return the chain where accepts belong, or '' when nothing drops."""
    if chain_policy(netlink, "filter", "DOCKER-USER") is not None:
        return "DOCKER-USER"
    return "FORWARD" if chain_policy(netlink, "filter", "FORWARD") == "drop" else ""


def _edit(program: str, verb: str, chain: str, network: Network) -> Running:
    """Start inserting (``-I``) or deleting (``-D``) all our accepts, in one transaction."""
    lines = "".join(f"{verb} {chain} {_quoted(rule)}\n" for rule in accepts(network))
    return Running([f"{program}-restore", "-w", "--noflush"], f"*filter\n{lines}COMMIT\n")


def _quoted(rule: list[str]) -> str:
    return " ".join(f'"{word}"' if " " in word else word for word in rule)


def _delete(program: str, chain: str, network: Network, found: int) -> None:
    """Remove our accepts, of which ``found`` are in ``chain``; each as often as it is there."""
    if not found or (found == len(accepts(network)) and _edit(program, "-D", chain, network).result()[0] == 0):
        return
    for rule in accepts(network):
        while Running([program, "-w", "-D", chain, *rule]).result()[0] == 0:
            pass


def _legacy() -> bool:
    """Return whether the old iptables has a filter table here and we can speak to it (asking would create one)."""
    try:
        with open(LEGACY_TABLES, encoding="ascii") as file:
            return "filter" in file.read().split() and bool(installed("iptables-legacy"))
    except OSError:
        return False


def _legacy_chain() -> str:
    """Return the legacy chain where accepts belong, or ''."""
    if Running(["iptables-legacy", "-w", "-n", "-L", "DOCKER-USER"]).result()[0] == 0:
        return "DOCKER-USER"
    status, text = Running(["iptables-legacy", "-w", "-S", "FORWARD"]).result()
    if status:
        raise FirewallError(f"iptables-legacy -S FORWARD failed: {os.fsdecode(text)}")
    return "FORWARD" if "-P FORWARD DROP" in text.splitlines() else ""


def _legacy_has(chain: str, rule: list[str]) -> bool:
    return Running(["iptables-legacy", "-w", "-C", chain, *rule]).result()[0] == 0
