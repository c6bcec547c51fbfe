"""``nsman inspect``: the namespaces of one process, or one namespace by its file."""

from __future__ import annotations

from shutil import get_terminal_size
from typing import Any

import click

from ..core import kinds as k
from ..errors import NamespaceError
from ..explore.compare import links_of
from ..explore.model import Found, Survey
from ..explore.rows import Rows, held, table
from ..explore.survey import survey_with, take_survey
from ..namespace import Namespace
from ..targets import resolve_target
from .common import JSON
from .exploring import describe, details, name_all, note_partial, note_zombie, print_json


@click.command()
@click.argument("target", metavar="PID|NAME|PATH")
@JSON
def inspect(target: str, as_json: bool) -> None:
    """Show the namespaces of a process (a pid, self, a container's name), or one namespace by its file or its name.

    OURS tells which of them we are in, too. A PATH is a namespace file: /proc/PID/ns/net, or a pinned one; a NAME may
    also be that of `nsman pin` and of `ip netns`.
    """
    if "/" in target:
        space = Namespace.at(target)
        survey, found = survey_with(space.kind.name, space.inode, target)
        name_all(survey)
        show_spaces(survey, [found], as_json)
        return
    try:
        pid = resolve_target(target)
    except NamespaceError:
        survey = take_survey()
        name_all(survey)
        named = [space for space in survey if target and target in space.name.split(",")]
        if not named:
            raise
        show_spaces(survey, named, as_json)
        return
    show_process(pid, as_json)


def show_spaces(survey: Survey, spaces: list[Found], as_json: bool) -> None:
    """Print what is known of each of ``spaces``."""
    rows = Rows()
    if as_json:
        print_json({"unreadable": survey.unreadable, "namespaces": [details(rows, space) for space in spaces]})
    else:
        click.echo("\n\n".join("\n".join(describe(rows, survey, space)) for space in spaces))
    note_partial(survey)


def show_process(pid: int, as_json: bool) -> None:
    """Print the namespaces of process ``pid``, and its id maps."""
    links = links_of(pid)
    maps = {name: read_map(pid, name) for name in ("uid_map", "gid_map")}
    survey = take_survey()
    name_all(survey)
    ours = set(k.namespaces_of("self").values())
    rows = [process_row(name, survey.at(link), ours) for name, link in links.items()]
    if as_json:
        print_json({"pid": pid, "unreadable": survey.unreadable, "namespaces": rows, **maps})
        return
    titles = ["kind", "inode", "ours", "owner", "parent", "name", "held", "isolates"]
    cells = [[cell(name, fields[name]) for name in titles] for fields in rows]
    shown = table([title.upper() for title in titles], cells)
    if max(map(len, shown)) > get_terminal_size((1 << 16, 0)).columns:  # of a terminal; a file's lines have no end
        shown = table([title.upper() for title in titles[:-1]], [row[:-1] for row in cells])
    click.echo("\n".join(shown))
    note_zombie(pid, links)
    for name, lines in maps.items():
        click.echo(f"{name}: " + "; ".join(" ".join(map(str, line)) for line in lines))


def process_row(name: str, space: Found, ours: set[int]) -> dict[str, Any]:
    """Return what is said of the namespace behind one file of /proc/PID/ns."""
    return {
        "kind": name,
        "inode": space.inode,
        "shared": space.inode in ours,
        "ours": "yes" if space.inode in ours else "no",
        "name": space.name or None,
        "processes": len(space.pids),
        "owner": space.owner,
        "parent": space.parent,
        "owner_uid": space.owner_uid,
        "kept_by": space.kept_by,
        "held": held(space),
        "isolates": k.kind_named(name.partition("_")[0]).isolates,
    }


def cell(title: str, value: Any) -> str:
    """Return one cell of the table."""
    text = ", ".join(value) if title == "held" else str(value or "-")
    return text or "-"


def read_map(pid: int, name: str) -> list[list[int]]:
    """Return the lines (inside, outside, count) of a process's id map. Raises NamespaceError."""
    try:
        with open(f"/proc/{pid}/{name}", encoding="ascii") as file:
            return [[int(word) for word in line.split()] for line in file]
    except (FileNotFoundError, ProcessLookupError):
        raise NamespaceError(f"process {pid} has ended") from None
