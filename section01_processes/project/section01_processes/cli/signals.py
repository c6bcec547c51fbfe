"""procman signals: the list of signals, what a process does about them, and demonstrations."""

from __future__ import annotations

import json

import click

from ..core.stat import ProcessStat
from ..errors import UsageError
from ..signals import SIGNALS, default_action
from .common import JSON, PID


@click.group()
def signals() -> None:
    """List signals, show what a process does about them, see them at work."""


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
    """Show which signals of PID are ignored, caught, blocked and pending, for the process and for each thread."""
    from ..details import signals_of
    from ..views.text import harmless, valid_text

    found = signals_of(pid)
    if as_json:
        for thread in found["threads"]:
            thread["name"] = valid_text(thread["name"])
        click.echo(json.dumps(found))
        return
    click.echo(f"process {pid} {harmless(ProcessStat.of(pid).comm)}")
    for word, key in (("ignored", "ignored"), ("caught", "caught"), ("pending", "shared")):
        click.echo(f"  {word:8} {' '.join(found[key]) or '-'}")
    for thread in found["threads"]:
        click.echo(f"thread {thread['tid']} {harmless(thread['name'])}")
        for key in ("blocked", "pending"):
            click.echo(f"  {key:8} {' '.join(thread[key]) or '-'}")


@signals.command("demo")
@click.argument("name", required=False)
@click.option("--step", is_flag=True, help="Wait for Enter before each step.")
@JSON
def signals_demo(name: str | None, step: bool, as_json: bool) -> None:
    """Play demonstration NAME (without a name: list them): each step, and what the kernel says afterwards."""
    from ..demo.catalogue import DEMOS
    from ..demo.stage import Stage
    from ..demo.teller import Teller

    if name is None:
        list_demos(as_json)
        return
    if name not in DEMOS:
        raise UsageError(f"no demonstration {name!r}", hint="one of " + ", ".join(DEMOS), exit_code=2)
    shown = Teller(step=step, quiet=as_json)
    stage = Stage(shown.announce, shown.tell)
    DEMOS[name](stage)
    if as_json:
        click.echo(json.dumps({"demo": name, "steps": stage.steps}))


def list_demos(as_json: bool) -> None:
    """Print the names, and the first sentence of each one's docstring."""
    from ..demo.catalogue import DEMOS

    rows = {name: (demo.__doc__ or "").partition("\n")[0].removeprefix("Show ") for name, demo in DEMOS.items()}
    if as_json:
        click.echo(json.dumps(rows))
        return
    for name, text in rows.items():
        click.echo(f"{name:13} {text}")
