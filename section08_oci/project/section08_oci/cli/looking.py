"""ociman state, list, spec, features."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from section01_processes import LcmError

from ..core.state import State
from ..defaults import default_spec
from ..errors import ContainerExists
from ..features import supported

if TYPE_CHECKING:
    from .tool import Root


def show(value: Any) -> None:
    """Print JSON as runc does."""
    click.echo(json.dumps(value, indent=2))


@click.command("state")
@click.argument("container_id")
@click.pass_obj
def state_command(root: Root, container_id: str) -> None:
    """Show the state of a container (JSON of the runtime spec)."""
    show(row_of(State.load(root.folder(container_id))))


def row_of(record: State) -> dict[str, Any]:
    """Return the OCI state and, as runc does, what a person asks next."""
    created = datetime.fromtimestamp(record.values.get("created", 0), UTC).isoformat()
    return {**record.oci(), "rootfs": record.values.get("rootfs", ""), "created": created}


@click.command("list")
@click.option("-f", "--format", "form", type=click.Choice(["table", "json"]), default="table", help="How to print.")
@click.option("--json", "as_json", is_flag=True, help="The same as --format json.")
@click.option("-q", "--quiet", is_flag=True, help="Ids only.")
@click.pass_obj
def list_command(root: Root, form: str, as_json: bool, quiet: bool) -> None:
    """List the containers under the root folder."""
    rows = []
    for name in sorted(os.listdir(root.path)) if os.path.isdir(root.path) else []:
        try:
            rows.append(row_of(State.load(f"{root.path}/{name}")))
        except LcmError:
            continue  # being made, or being deleted
    if quiet:
        click.echo("".join(f"{row['id']}\n" for row in rows), nl=False)
    elif as_json or form == "json":
        show(rows)
    else:
        click.echo(f"{'ID':20} {'PID':>8} {'STATUS':8} {'CREATED':32} BUNDLE")
        for row in rows:
            fields = f"{row['id']:20} {row.get('pid', 0):8} {row['status']:8} {row['created']:32}"
            click.echo(f"{fields} {row['bundle']}")


@click.command()
@click.option("-b", "--bundle", default=".", metavar="DIR", help="Where config.json is written [.].")
@click.option("--rootless", is_flag=True, help="For an ordinary user: a user namespace, no network namespace.")
@click.option("--print", "only_print", is_flag=True, help="Print it instead of writing it.")
def spec(bundle: str, rootless: bool, only_print: bool) -> None:
    """Write a config.json with Docker's defaults."""
    value = default_spec(terminal=True)
    if rootless:
        make_rootless(value)
    if only_print:
        show(value)
        return
    path = os.path.join(bundle, "config.json")
    try:
        with open(path, "x", encoding="utf-8") as file:
            file.write(json.dumps(value, indent="\t") + "\n")
    except FileExistsError:
        raise ContainerExists(f"{path} exists already") from None


def make_rootless(value: dict[str, Any]) -> None:
    """Change ``value`` so that an ordinary user can run it: own ids only, the host's network, no limits."""
    linux = value["linux"]
    linux["namespaces"] = [e for e in linux["namespaces"] if e["type"] != "network"] + [{"type": "user"}]
    linux["uidMappings"] = [{"containerID": 0, "hostID": os.geteuid(), "size": 1}]
    linux["gidMappings"] = [{"containerID": 0, "hostID": os.getegid(), "size": 1}]
    del linux["resources"]
    value["mounts"] = [m for m in value["mounts"] if m["type"] not in ("sysfs", "cgroup")]
    for mount in value["mounts"]:
        mount["options"] = [option for option in mount["options"] if option != "gid=5"]
    sys = {
        "destination": "/sys",
        "type": "bind",
        "source": "/sys",
        "options": ["rbind", "nosuid", "noexec", "nodev", "ro"],
    }
    value["mounts"].append(sys)


@click.command()
def features() -> None:
    """Show what this runtime supports (JSON of the runtime spec)."""
    show(supported())
