"""nsman: list, look at, make and join namespaces.

What belongs here: parse, call one function of the library, print. Slow path: click here.
"""

from __future__ import annotations

import json
import os
from typing import Any

import click

from section01_processes import Plan, describe_plan, run_tool

from .core.kinds import KINDS, flags_of, kind_named, namespaces_of
from .enter import differing_kinds, plan_enter
from .errors import NamespaceError
from .launch import plan_run, run
from .namespace import Namespace, list_namespaces

JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
DRY_RUN = click.option("--dry-run", is_flag=True, help="Show the steps and do nothing.")
_OPTIONS = {"pid": "pid", "mount": "mnt", "net": "net", "uts": "uts", "ipc": "ipc", "user": "user", "cgroup": "cgroup"}


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def cli() -> None:
    """List, look at, make and join namespaces (section 2)."""


@cli.command("ls")
@click.option("--kind", default="", metavar="KIND", help="Only this kind: " + " ".join(k.name for k in KINDS))
@JSON
def ls_command(kind: str, as_json: bool) -> None:
    """List the namespaces that some process is in."""
    rows = [row(space) for space in list_namespaces(kind)]
    if as_json:
        click.echo(json.dumps(rows))
        return
    click.echo(f"{'INODE':>10} {'KIND':7} {'PROCESSES':>9} {'PID':>7} COMMAND")
    for fields in rows:
        shown = f"{fields['inode']:10} {fields['kind']:7} {fields['processes']:9} {fields['pid']:7}"
        click.echo(f"{shown} {fields['command']}")


def row(space: Namespace) -> dict[str, Any]:
    """Return one line of ``ls``; the process shown is the one with the lowest pid."""
    pid = space.pids[0]
    try:
        with open(f"/proc/{pid}/comm", encoding="utf-8", errors="replace") as file:
            command = file.read().rstrip("\n")
    except OSError:
        command = ""
    return {
        "inode": space.inode,
        "kind": space.kind.name,
        "processes": len(space.pids),
        "pid": pid,
        "command": command,
    }


@cli.command()
@click.argument("pid")
@JSON
def inspect(pid: str, as_json: bool) -> None:
    """Show the namespaces of process PID: their owner, their parent, and whether they are the caller's."""
    spaces = [Namespace.of(process(pid), name) for name in namespaces_of("self")]  # the kinds that this kernel has
    rows = [
        {
            "kind": space.kind.name,
            "inode": space.inode,
            "shared": space.inode == Namespace.of("self", space.kind.name).inode,
            "owner": space.owner(),
            "parent": space.parent(),
            "owner_uid": space.owner_uid(),
            "isolates": space.kind.isolates,
        }
        for space in spaces
    ]
    maps = {name: read_map(pid, name) for name in ("uid_map", "gid_map")}
    if as_json:
        click.echo(json.dumps({"namespaces": rows, **maps}))
        return
    click.echo(f"{'KIND':7} {'INODE':>10} {'OURS':4} {'OWNER':>10} {'PARENT':>10} ISOLATES")
    for fields in rows:
        ours, owner, parent = "yes" if fields["shared"] else "no", fields["owner"] or "-", fields["parent"] or "-"
        shown = f"{fields['kind']:7} {fields['inode']:10} {ours:4} {owner:>10} {parent:>10}"
        click.echo(f"{shown} {fields['isolates']}")
    for name, lines in maps.items():
        click.echo(f"{name}: " + "; ".join(" ".join(map(str, line)) for line in lines))


def process(text: str) -> int | str:
    """Return the process that a user wrote: a number or ``self``. Raises NamespaceError."""
    if text == "self":
        return text
    if not text.isdecimal():
        raise NamespaceError(f"{text!r} is no process id")
    return int(text)


def read_map(pid: str, name: str) -> list[list[int]]:
    """Return the lines (inside, outside, count) of a process's id map."""
    with open(f"/proc/{pid}/{name}", encoding="ascii") as file:
        return [[int(word) for word in line.split()] for line in file]


def kind_options(command: Any) -> Any:
    """Add ``--pid``, ``--mount`` … to ``command``."""
    for option, kind in reversed(_OPTIONS.items()):
        isolates = kind_named(kind).isolates
        command = click.option(f"--{option}", is_flag=True, help=f"{kind} namespace: {isolates}.")(command)
    return command


def chosen(given: dict[str, bool]) -> list[str]:
    """Return the kinds that the options name."""
    return [_OPTIONS[option] for option, wanted in given.items() if wanted]


@cli.command("run", context_settings={"ignore_unknown_options": True})
@kind_options
@click.option("--all", "everything", is_flag=True, help="All of these but user (with --map-root: user too).")
@click.option("--map-root", is_flag=True, help="A user namespace in which we are root; needs no root outside.")
@click.option("--hostname", default="", metavar="H", help="Host name inside (with --uts).")
@click.option("--mount-proc", is_flag=True, help="A /proc of the new pid namespace (with --pid --mount).")
@DRY_RUN
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)
def run_command(
    everything: bool,
    map_root: bool,
    hostname: str,
    mount_proc: bool,
    dry_run: bool,
    command: tuple[str, ...],
    **kinds: bool,
) -> int:
    """Run COMMAND in new namespaces; ends with its exit code."""
    wanted = [kind for kind in _OPTIONS.values() if kind != "user"] if everything else []
    plans = plan_run(flags_of([*wanted, *chosen(kinds)]), map_root=map_root, hostname=hostname, proc=mount_proc)
    if dry_run:
        click.echo("\n".join(line for plan in plans for line in describe_plan(plan)))
        return 0
    return run(*plans, command)


@cli.command(context_settings={"ignore_unknown_options": True})
@click.argument("target", metavar="PID", type=int)
@kind_options
@DRY_RUN
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)
def enter(target: int, dry_run: bool, command: tuple[str, ...], **kinds: bool) -> int:
    """Run COMMAND in the namespaces of process PID (default: all in which it differs from us)."""
    try:
        names = chosen(kinds) or differing_kinds(target)
        pidfd = os.pidfd_open(target)
    except OSError as error:
        raise NamespaceError(f"cannot enter process {target}: {error.strerror}") from error
    try:
        plan = Plan("child", plan_enter(pidfd, names))
        if dry_run:
            click.echo("\n".join(describe_plan(plan)))
            return 0
        return run(plan, Plan("init"), command)
    finally:
        os.close(pidfd)


def main() -> None:
    """Run nsman."""
    run_tool(cli, "nsman")
