"""netman: networks, leases, links; connecting a network namespace, and taking it back.

What belongs here: parse, call one function of the library, print. Slow path: click here, rich inside the commands.
"""

from __future__ import annotations

import json
import os
from typing import Any, NoReturn

import click

from section01_processes import Plan, Recorder, Slot, describe_plan, explain_lines, run_tool

from .core import links
from .core.netlink import netlink_in
from .endpoint import plan_endpoint, release_endpoint, reload
from .ports import parse_ports
from .rules import table_text
from .store import DEFAULT, EndpointSpec, Network, NetworkStore

JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
DRY_RUN = click.option("--dry-run", is_flag=True, help="Show the steps and do nothing.")
STORE = click.make_pass_decorator(NetworkStore)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--root", envvar="MINIDOCKER_ROOT", default="/var/lib/minidocker", show_default=True, help="State folder."
)
@click.pass_context
def cli(context: click.Context, root: str) -> None:
    """Connect network namespaces to a bridge, publish ports, look at what is there (section 6)."""
    context.obj = NetworkStore(f"{root}/networks")


@cli.command("ls")
@JSON
@STORE
def ls_command(store: NetworkStore, as_json: bool) -> None:
    """List networks that have been used."""
    rows = [network.as_dict() | {"endpoints": len(store.owners(network.name))} for network in _networks(store)]
    _table(rows, ("name", "bridge", "subnet", "gateway", "endpoints"), as_json)


@cli.command()
@JSON
@STORE
def leases(store: NetworkStore, as_json: bool) -> None:
    """List leased addresses and their owners."""
    found = [(network, a, owner) for network in _networks(store) for a, owner in network.leases.all().items()]
    rows = [{"network": network.name, "address": address, "owner": owner} for network, address, owner in found]
    _table(rows, ("network", "address", "owner"), as_json)


@cli.command()
@JSON
@STORE
def endpoints(store: NetworkStore, as_json: bool) -> None:
    """List endpoints on record with their published ports."""
    found = [endpoint for name in store.names() for endpoint in store.endpoints(name)]
    rows = [e.as_dict() | {"ports": [str(port) for port in e.ports]} for e in found]
    _table(rows, ("id", "network", "address", "mac", "host_if", "ports"), as_json)


@cli.command("links")
@click.argument("netns", default="self", metavar="[PID|PATH]")
@JSON
def links_command(netns: str, as_json: bool) -> None:
    """List the links and IPv4 addresses of a network namespace (default: this one)."""
    fd = _netns(netns)
    with netlink_in(fd) as netlink:
        found, addresses = links.all_links(netlink), links.all_addresses(netlink)
    os.close(fd)
    names = {link.index: link.name for link in found}
    rows: list[dict[str, Any]] = [
        {
            "index": link.index,
            "name": link.name,
            "kind": link.kind,
            "up": bool(link.flags & links.IFF_UP),
            "mtu": link.mtu,
            "mac": link.mac.hex(":"),
            "master": names.get(link.master, ""),
            "addresses": [f"{address}/{prefix}" for address, prefix, index in addresses if index == link.index],
        }
        for link in found
    ]
    _table(rows, ("index", "name", "kind", "up", "mtu", "mac", "master", "addresses"), as_json)


@cli.command()
@click.argument("name")
@click.option("--netns", required=True, metavar="PID|PATH", help="The network namespace to connect.")
@click.option("-p", "--publish", multiple=True, metavar="PORT", help="Publish, as in 8080:80; see --hold.")
@click.option("--ip", "address", default="", help="This address, and no other.")
@click.option("--hold", is_flag=True, help="Stay until Ctrl-C, holding the published ports; then release.")
@click.option("--explain", is_flag=True, help="Show each step as it happens.")
@DRY_RUN
@STORE
def attach(
    store: NetworkStore,
    name: str,
    netns: str,
    publish: tuple[str, ...],
    address: str,
    hold: bool,
    explain: bool,
    dry_run: bool,
) -> None:
    """Connect a network namespace to the default network as endpoint NAME."""
    spec = EndpointSpec(name, address=address, ports=[port for text in publish for port in parse_ports(text)])
    plan = Plan("cli", plan_endpoint(store, spec, Slot("netns", f"network namespace of {netns}")))
    if dry_run:
        click.echo("\n".join(describe_plan(plan)))
        return
    slots = _run(store, plan, name, _netns(netns), explain)
    network = slots["network"]
    click.echo(f"{name}: {slots['address']}/{network.subnet.prefix} via {network.gateway} on {network.bridge}")
    if hold:
        _wait()
        release_endpoint(store, name)


def _run(store: NetworkStore, plan: Plan, name: str, netns: int, explain: bool) -> dict[str, Any]:
    """Run the plan; an endpoint that was begun and failed is released, one that was there before is not."""
    existed = store.endpoint(name) is not None
    reader, writer = os.pipe()
    try:
        return plan.run({"netns": netns}, Recorder(writer, "cli"))
    except BaseException:
        if not existed:
            release_endpoint(store, name)
        raise
    finally:
        os.close(writer)
        if explain:
            from section01_processes import read_records

            click.echo("\n".join(explain_lines([plan], read_records(reader))), err=True)
        os.close(reader)


def _wait() -> None:
    from signal import SIGINT, SIGTERM, pthread_sigmask, sigwait

    pthread_sigmask(0, (SIGINT, SIGTERM))
    sigwait((SIGINT, SIGTERM))


@cli.command()
@click.argument("name")
@DRY_RUN
@STORE
def release(store: NetworkStore, name: str, dry_run: bool) -> None:
    """Take back everything that endpoint NAME has; nothing there is fine."""
    if not dry_run:
        release_endpoint(store, name)
        return
    endpoint = store.endpoint(name)
    if endpoint:
        last = len(store.owners(endpoint.network)) == 1
        click.echo(f"link {endpoint.host_if}, address {endpoint.address or 'none'}, ports {endpoint.ports}")
        click.echo("bridge, nft table, sysctl: the last endpoint" if last else "others stay: the bridge stays")


@cli.command("reload")
@DRY_RUN
@STORE
def reload_command(store: NetworkStore, dry_run: bool) -> None:
    """Make bridge, sysctls, rules and published ports again, after somebody flushed them."""
    for name in [n for n in store.names() if store.owners(n)] if dry_run else reload(store):
        click.echo(name)


@cli.command()
@STORE
def rules(store: NetworkStore) -> None:
    """Print the nft table that a network has, or will have."""
    network = store.network() or Network(store.folder(DEFAULT), DEFAULT, 0)
    click.echo(table_text(network, store.endpoints(network.name)), nl=False)


@cli.command()
@JSON
@STORE
def doctor(store: NetworkStore, as_json: bool) -> int:
    """Say what helps or hinders a container's network here. Changes nothing."""
    from .doctor import MISSING, examine

    found = examine(store)
    if as_json:
        click.echo(json.dumps([finding.as_dict() for finding in found]))
    for finding in [] if as_json else found:
        advice = "".join(f" → {text}" for text in (finding.remedy, finding.explain) if text)
        click.echo(f"{finding.state:8} {finding.name:17} {finding.seen}{advice}")
    return 1 if any(finding.state == MISSING for finding in found) else 0


def _networks(store: NetworkStore) -> list[Network]:
    return [network for network in map(store.network, store.names()) if network]


def _netns(text: str) -> int:
    """Return a descriptor of the network namespace of a pid, ``self``, or a path."""
    path = text if "/" in text else f"/proc/{text}/ns/net"
    return os.open(path, os.O_RDONLY | os.O_CLOEXEC)


def _table(rows: list[dict[str, Any]], columns: tuple[str, ...], as_json: bool) -> None:
    """Print ``rows`` as JSON, or as columns."""
    if as_json:
        click.echo(json.dumps(rows))
        return
    texts = [[column.upper() for column in columns], *([_cell(row[column]) for column in columns] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*texts, strict=True)]
    for line in texts:
        click.echo("  ".join(word.ljust(width) for word, width in zip(line, widths, strict=True)).rstrip())


def _cell(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "-"
    return {True: "up", False: "down"}[value] if isinstance(value, bool) else str(value) or "-"


def main() -> NoReturn:
    """Run netman (the entry point of the package)."""
    run_tool(cli, "netman")
