"""``nsman tree``: the hierarchies of user and pid namespaces, and who owns what."""

from __future__ import annotations

import sys

import click

from ..explore import hierarchy as h
from ..explore.model import Found, Survey
from ..explore.rows import Rows, held
from ..explore.survey import take_survey
from .common import JSON
from .exploring import name_all, note_partial, print_json


@click.command()
@click.option("--user", is_flag=True, help="Only the user namespaces, and what each owns.")
@click.option("--pid", is_flag=True, help="Only the pid namespaces.")
@click.option("--owned/--no-owned", default=True, help="Below a user namespace, those of other kinds that it owns.")
@JSON
def tree(user: bool, pid: bool, owned: bool, as_json: bool) -> None:
    """Draw which user namespace lies in which, which namespaces each owns, and which pid namespace lies in which.

    Asked of the kernel, not guessed from who forked whom: ioctl_ns(2). Owners and parents outside of what may be seen
    from here are not shown.
    """
    survey = take_survey()
    name_all(survey)
    trees = {
        kind: h.grow(survey, kind, owned=owned and kind == "user")
        for kind, wanted in (("user", user or not pid), ("pid", pid or not user))
        if wanted
    }
    rows = Rows()
    if as_json:
        nested = {kind: [h.nested(root, rows.row) for root in roots] for kind, roots in trees.items()}
        print_json({"unreadable": survey.unreadable, **nested})
    else:
        for number, roots in enumerate(trees.values()):
            click.echo("\n" * bool(number) + "\n".join(drawn(roots, rows)))
        if "user" in trees and owned:
            tell_orphans(survey, rows)
    note_partial(survey)


def drawn(roots: list[h.Node], rows: Rows) -> list[str]:
    """Return the lines of trees; in plain ASCII where the output knows no other."""
    art = h.LINES if can_encode("".join(h.LINES)) else h.ASCII
    return [line for root in roots for line in h.draw(root, lambda space: words(rows, space), art)]


def can_encode(text: str) -> bool:
    """Whether standard output can show ``text``."""
    try:
        text.encode(getattr(sys.stdout, "encoding", None) or "ascii")  # a closed standard output is None
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def words(rows: Rows, space: Found) -> str:
    """Return what a node says: which namespace, its name, who is in it, what else holds it, who made it."""
    command, user = rows.process(space.first)
    many = f"{len(space.pids)} process{'es' if len(space.pids) != 1 else ''}"
    parts = [
        f"{space.kind}:[{space.inode}]",
        space.name,
        f"{many}: {space.first} {command} ({user})" if space.pids else "no process",
        f"made by uid {space.owner_uid}" if space.owner_uid is not None and space.parent else "",
        "; ".join(held(space)),
    ]
    return "  ".join(filter(None, parts))


def tell_orphans(survey: Survey, rows: Rows) -> None:
    """List what hangs on no user namespace that we see."""
    lost = h.orphans(survey)
    if lost:
        click.echo("\nowned by a user namespace out of sight:")
        click.echo("\n".join("   " + words(rows, space) for space in lost))
