"""procman status: what the kernel knows about one process, and what we know if it has a name."""

from __future__ import annotations

import json
from typing import Any

import click

from ..manager.managed import Managed
from ..status import process_facts
from ..views.text import harmless
from .common import JSON, TARGET


@click.command()
@TARGET
@JSON
def status(target: int | Managed, as_json: bool) -> None:
    """Show what the kernel knows about a process ("self": the shell you typed this in).

    By NAME also how it is kept: policy, restarts, log, exit code; and that after its end, too.
    """
    if isinstance(target, int):
        facts = process_facts(target)
    else:
        facts = {"managed": target.as_dict()}
        if target.process and target.alive:
            facts |= process_facts(target.process.pid)
    if as_json:
        click.echo(json.dumps(facts))
        return
    for name, value in facts.items():
        for key, text in value.items() if isinstance(value, dict) else [("", value)]:
            click.echo(f"{f'{name} {key}'.strip():18} {shown(text)}")


def shown(value: Any) -> str:
    """Return a value for people: lists as words, None as ``-``."""
    text = " ".join(map(str, value)) if isinstance(value, list) else "-" if value is None else str(value)
    return harmless(text)
