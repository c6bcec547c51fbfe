"""procman signals: the list of signals, and what a process does about them."""

from __future__ import annotations

import json

import click

from ..signals import SIGNALS, default_action
from ..status import process_facts
from .common import JSON, PID


@click.group()
def signals() -> None:
    """List signals, and show what a process does about them."""


@signals.command("list")
@JSON
def signals_list(as_json: bool) -> None:
    """List the signals, with what each does by default (signal(7))."""
    rows = [{"number": n, "name": f"SIG{name}", "default": default_action(n)} for name, n in SIGNALS.items()]
    if as_json:
        click.echo(json.dumps(rows))
        return
    for fields in rows:
        click.echo(f"{fields['number']:2} {fields['name']:10} {fields['default']}")
    click.echo("34 SIGRTMIN … 64 SIGRTMIN+30: terminate")


@signals.command("show")
@PID
@JSON
def signals_show(pid: int, as_json: bool) -> None:
    """Show which signals of PID are pending, blocked, ignored and caught."""
    masks: dict[str, list[str]] = process_facts(pid)["signals"]
    if as_json:
        click.echo(json.dumps(masks))
        return
    for word, names in masks.items():
        click.echo(f"{word:8} {' '.join(names) or '-'}")
