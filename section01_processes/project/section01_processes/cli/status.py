"""procman status: what the kernel knows about one process."""

from __future__ import annotations

import json

import click

from ..status import process_facts
from .common import JSON, PID


@click.command()
@PID
@JSON
def status(pid: int, as_json: bool) -> None:
    """Show what the kernel knows about process PID (or "self": the shell you typed this in)."""
    facts = process_facts(pid)
    if as_json:
        click.echo(json.dumps(facts))
        return
    for name, value in facts.items():
        for key, text in value.items() if isinstance(value, dict) else [("", value)]:
            shown = " ".join(map(str, text)) if isinstance(text, list) else "-" if text is None else text
            click.echo(f"{f'{name} {key}'.strip():18} {shown}")
