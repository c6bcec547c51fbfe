"""``jailman mounts``: the mounts that a process sees, how they are related, how two processes' differ."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import click

from section01_processes import UsageError

from ..mountinfo import MountTable
from ..relations import View, compare_tables
from .common import JSON

if TYPE_CHECKING:
    from ..mountinfo import Mount


def find_pid(text: str) -> int:
    """Return the pid that ``text`` means: a number, self, or the name of a container. Raises NamespaceError."""
    from section02_namespaces import resolve_target

    return resolve_target(text)


@click.command()
@click.argument("target", default="self", metavar="[PID|NAME]")
@click.option("--tree", is_flag=True, help="What is mounted on what (the default).")
@click.option("--peers", is_flag=True, help="Peer groups and their slaves, over all mount namespaces that we can see.")
@click.option("--diff", "other", default="", metavar="PID|NAME", help="What only one of the two has, what differs.")
@JSON
def mounts(target: str, tree: bool, peers: bool, other: str, as_json: bool) -> int:
    """Show the mounts that a process sees (default: this one), with their propagation.

    Targets are quoted when they hold a blank or an unprintable character. With --diff it ends with 1 when they differ.
    """
    if tree + peers + bool(other) > 1:
        raise UsageError("--tree, --peers and --diff exclude each other", exit_code=2)
    pid = find_pid(target)
    if peers:
        show_peers(View.of_all(pid), as_json)
        return 0
    table = MountTable.of(pid)
    if other:
        return show_difference(compare_tables(table, MountTable.of(find_pid(other))), as_json)
    rows = list(table.walk())
    if as_json:
        click.echo(json.dumps([{**mount.as_dict(), "depth": depth} for depth, mount in rows]))
    else:
        click.echo("\n".join(draw(rows)))
    return 0


def draw(rows: list[tuple[int, Mount]]) -> list[str]:
    """Return a line per mount, each below the one that it lies on. Deep trees need no recursion."""
    more: list[bool] = []  # per level: whether another mount of the same parent follows
    lines: list[str] = []
    for depth, mount in reversed(rows):
        last = len(more) <= depth or not more[depth]
        stem = "".join("│  " if level < len(more) and more[level] else "   " for level in range(1, depth))
        lines.append(f"{stem}{('└─ ' if last else '├─ ') if depth else ''}{describe(mount)}")
        more[depth + 1 :] = []
        more += [False] * (depth + 1 - len(more))
        more[depth] = True
    return lines[::-1]


def describe(mount: Mount) -> str:
    """Return a mount as words."""
    source = f" {quoted(mount.source)}" if mount.source else ""
    part = f" of {quoted(mount.root)}" if mount.root != "/" else ""
    return f"{quoted(mount.target)}  {mount.fstype}{source}{part} {','.join(mount.flags)}  [{mount.propagation}]"


def quoted(text: str) -> str:
    """Return a path so that it is one word in one line: as it is, or as a literal of Python."""
    plain = text.isprintable() and not set(text) & set(" '\"\\") and text != ""
    return text if plain else repr(text) if text.isprintable() else ascii(text)


def show_peers(view: View, as_json: bool) -> None:
    """Print the groups; each member with the process by which its namespace was seen."""
    groups = view.groups()
    if as_json:
        click.echo(json.dumps({"groups": groups, "namespaces": len(view.tables), "hidden_processes": view.hidden}))
        return
    for group in groups:
        above = f", slave of group {group['master']}" if group["master"] else ""
        above += f", receives by way of {group['above']}" if group["above"] else ""
        click.echo(f"group {group['group']}{above}")
        for kind in ("peers", "slaves"):
            members = group[kind]
            for member in members if isinstance(members, list) else []:
                where = f"mnt:[{member['namespace']}] by pid {member['pid']}"
                click.echo(f"  {kind[:-1]:6} {quoted(str(member['target']))}  {where}")
    click.echo(f"{counted(len(groups), 'group')} in {counted(len(view.tables), 'mount namespace')}")
    if view.hidden:
        advice = " (try sudo)" if os.geteuid() else ""
        whose = counted(view.hidden, "process", "processes")
        click.echo(f"jailman: not ours to see: the mount namespaces of {whose}{advice}", err=True)


def counted(number: int, one: str, many: str = "") -> str:
    """Return ``number`` with its noun."""
    return f"{number} {one if number == 1 else many or one + 's'}"


def show_difference(rows: list[dict[str, object]], as_json: bool) -> int:
    """Print how two tables differ: < only in the first, > only in the second, ! in both and not the same."""
    if as_json:
        click.echo(json.dumps(rows))
        return int(bool(rows))
    signs = {"left": "<", "right": ">", "differs": "!"}
    for row in rows:
        click.echo(f"{signs[str(row['what'])]} {quoted(str(row['target']))}  {row['fstype']}")
        changes = row["changes"]
        for name, (one, two) in changes.items() if isinstance(changes, dict) else ():
            click.echo(f"    {name}: {quoted(one)} | {quoted(two)}")
    return int(bool(rows))
