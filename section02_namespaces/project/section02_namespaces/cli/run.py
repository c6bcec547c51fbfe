"""``nsman run``: a command in new namespaces."""

from __future__ import annotations

import os
from typing import Any

import click

from section01_processes import UsageError

from ..core.kinds import flags_of, namespaces_of
from ..launch import Wish, plan_run, require_kinds
from ..mapping import Maps, map_auto, map_root, parse_map
from ..timens import parse_offset
from .common import DRY_RUN, EXPLAIN, KIND_OPTIONS, chosen, kind_options
from .launching import carry_out

GROUPS = (
    click.option("--all", "everything", is_flag=True,
                 help="Every kind this kernel has. For root without user, unless that is asked for or ids are mapped; "
                 "for others with user, and --map-root unless other ids are mapped."),
    click.option("--map-root", is_flag=True, help="A user namespace in which we are root; needs no root outside."),
    click.option("--map-auto", is_flag=True,
                 help="The same, and our subordinate ids (/etc/subuid, /etc/subgid) are those from 1 on."),
    click.option("--map", "both", multiple=True, metavar="U:H:N",
                 help="N ids from U on inside are those from H on outside, for users and groups."),
    click.option("--map-users", "users", multiple=True, metavar="U:H:N", help="The same, for users only."),
    click.option("--map-groups", "groups", multiple=True, metavar="G:H:N", help="The same, for groups only."),
    click.option("--hostname", metavar="H", help="Host name inside (with --uts)."),
    click.option("--mount-proc", is_flag=True, help="A /proc of the new pid namespace (with --pid --mount)."),
    click.option("--boottime", metavar="OFF", help="Set the clock since boot by OFF seconds (with --time)."),
    click.option("--monotonic", metavar="OFF", help="Set the monotonic clock by OFF seconds (with --time)."),
    click.option("--keep-caps", is_flag=True,
                 help="Keep the capabilities of a new user namespace, also for who is not root inside."),
    DRY_RUN,
    EXPLAIN,
)  # fmt: skip


def options(command: Any) -> Any:
    """Give ``command`` all the options above, after the kinds."""
    for option in reversed(GROUPS):
        command = option(command)
    return kind_options(command)


@click.command("run", context_settings={"allow_interspersed_args": False})
@options
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)
def run_command(command: tuple[str, ...], dry_run: bool, explain: bool, **given: Any) -> int:
    """Run COMMAND in new namespaces; ends with its exit code (128 + n when signal n killed it).

    Signals sent to nsman reach COMMAND; when nsman is killed, COMMAND is, too (with --pid: with all its descendants).
    As PID 1 it gets only signals that it handles, see ./course explain LCM-INIT-01.
    """
    wish = wanted(given)
    if not dry_run:
        require_kinds(wish.flags)
    return carry_out(plan_run(wish, command), dry_run=dry_run, explain=explain)


def wanted(given: dict[str, Any]) -> Wish:
    """Return what the options ask for. Raises LcmError."""
    kinds = {name: given[name] for name in KIND_OPTIONS}
    names, maps = chosen(kinds), chosen_maps(given)
    if given["everything"]:
        names += [name for name in namespaces_of("self") if name != "user"]
        if os.geteuid() and "user" not in names and not maps:
            maps = map_root()
    offsets = {clock: parse_offset(given[clock], f"--{clock}") for clock in ("boottime", "monotonic") if given[clock]}
    return Wish(
        flags_of(names),
        maps=maps,
        hostname=given["hostname"],
        proc=given["mount_proc"],
        offsets=offsets,
        keep_caps=given["keep_caps"],
    )


def chosen_maps(given: dict[str, Any]) -> Maps:
    """Return the id maps that the options ask for; none without. Raises UsageError for two ways at once, IdMapError."""
    lines = [given[name] for name in ("both", "users", "groups")]
    if sum((given["map_root"], given["map_auto"], any(lines))) > 1:
        raise UsageError("--map-root, --map-auto and --map exclude each other", exit_code=2)
    if given["map_root"]:
        return map_root()
    if given["map_auto"]:
        return map_auto()
    both, users, groups = ([parse_map(text) for text in texts] for texts in lines)
    return Maps(both + users, both + groups)
