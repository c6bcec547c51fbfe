"""What the commands of the explorer share: which kinds, JSON, and the word about what could not be seen.

What belongs here: what two or more of ls, tree, inspect, diff, find and watch need. What does not: commands.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from section01_processes import LcmError

from ..core import kinds as k
from ..explore.compare import zombie_sentence
from ..explore.model import Found, Survey
from ..explore.names import name_containers, name_pins
from ..explore.rows import Rows, partial_view, printable

if TYPE_CHECKING:
    from collections.abc import Collection

KINDS = click.option(
    "--kind", "--type", "-t", "kinds", multiple=True, metavar="KIND",
    help="Only this kind (may be given again): " + " ".join(kind.name for kind in k.KINDS),
)  # fmt: skip


_MOST = 20  # processes and the like that are named in a text


def chosen_kinds(kinds: tuple[str, ...]) -> list[str]:
    """Return the kernel's names of ``kinds``, of all kinds when none is given. Raises NamespaceError."""
    return [k.kind_named(kind).name for kind in kinds] or [kind.name for kind in k.KINDS]


def print_json(value: Any) -> None:
    """Print ``value`` as JSON in one line."""
    import json

    click.echo(json.dumps(value))


def note_partial(survey: Survey) -> None:
    """Say on standard error when there were processes that we may not look at."""
    if survey.unreadable:
        click.echo(partial_view(survey.unreadable), err=True)


def note_zombie(pid: int, kinds: Collection[str]) -> None:
    """Say on standard error that process ``pid`` has ended, if it is no longer in a namespace of every kind."""
    if "mnt" not in kinds:
        click.echo(f"nsman: process {pid}: {zombie_sentence(kinds)}", err=True)


def name_all(survey: Survey) -> None:
    """Give every namespace its names, containers' too; say so when an engine cannot tell."""
    name_pins(survey)
    try:
        name_containers(survey)
    except LcmError as error:
        click.echo(f"nsman: names of containers are missing: {error}", err=True)


def details(rows: Rows, space: Found) -> dict[str, Any]:
    """Return everything known of one namespace, who is in it as well."""
    return {**rows.row(space), "pids": space.pids}


def describe(rows: Rows, survey: Survey, space: Found) -> list[str]:
    """Return the lines that say everything about one namespace."""
    lines = [f"{space.kind}:[{space.inode}] {space.name}".rstrip()]
    for fact, texts in facts(rows, survey, space).items():
        shown = [text for text in texts if text]
        title = f"{fact} ({len(shown)})" if len(shown) > 1 else fact
        if len(shown) > _MOST:
            shown = [*shown[:_MOST], f"and {len(shown) - _MOST} more (all with --json)"]
        if shown:
            lines.append(f"  {title:22} {', '.join(shown)}")
    return lines


def facts(rows: Rows, survey: Survey, space: Found) -> dict[str, list[str]]:
    """Return what is known of one namespace, by what it is about; "" and [] where there is nothing to say."""

    def who(pid: int) -> str:
        return f"{pid} {rows.process(pid)[0]}".strip()

    def link(inode: int | None) -> str:
        return f"{survey.spaces[inode].kind}:[{inode}]" if inode in survey.spaces else ""

    return {
        "isolates": [k.kind_named(space.kind).isolates],
        "owner": [link(space.owner)],
        "parent": [link(space.parent)],
        "made by uid": ["" if space.owner_uid is None else str(space.owner_uid)],
        "processes": [who(pid) for pid in space.pids],
        "threads": [f"{tid} of {who(pid)}" for pid, tid in space.threads],
        "next children of": [who(pid) for pid in space.heirs],
        "mounts": [f"{printable(path)} in {link(view)}" for path, view in space.mounts],
        "descriptors": [f"{fd} of {who(pid)}" for pid, fd in space.descriptors],
        "children": [link(inode) for inode in space.children],
        "owns": [link(inode) for inode in space.owned],
    }
