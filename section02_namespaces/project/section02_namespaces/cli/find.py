"""``nsman find``: one namespace, by its inode."""

from __future__ import annotations

import re

import click

from ..core.kinds import kind_named
from ..errors import NamespaceError
from ..explore.rows import Rows
from ..explore.survey import take_survey
from .common import JSON
from .exploring import describe, details, name_all, note_partial, print_json


@click.command()
@click.argument("inode", metavar="INODE")
@JSON
def find(inode: str, as_json: bool) -> None:
    """Show who is in the namespace with this INODE (a number, or net:[number]), what keeps it alive, whose it is."""
    number = inode_number(inode)
    survey = take_survey()
    space = survey.spaces.get(number)
    if space is None or ("[" in inode and inode != f"{space.kind}:[{number}]"):
        note_partial(survey)
        hint = f"it is {space.kind}:[{number}]" if space else "`nsman ls` lists all that can be seen from here"
        raise NamespaceError(f"no namespace {inode} is to be found", hint=hint)
    name_all(survey)
    rows = Rows()
    if as_json:
        print_json({"unreadable": survey.unreadable, **details(rows, space)})
    else:
        click.echo("\n".join(describe(rows, survey, space)))
    note_partial(survey)


def inode_number(text: str) -> int:
    """Return the number in ``4026531833`` or ``net:[4026531833]``. Raises NamespaceError: no number, no such kind."""
    found = re.fullmatch(r"(\d{1,19})|(\w+):\[(\d{1,19})\]", text, re.ASCII)
    if not found:
        hint = "a number as in `ls -l /proc/self/ns`: 4026531833, or net:[4026531833]"
        raise NamespaceError(f"{text!r} is no namespace's inode", hint=hint)
    if found[2]:
        kind_named(found[2])
    return int(found[1] or found[3])
