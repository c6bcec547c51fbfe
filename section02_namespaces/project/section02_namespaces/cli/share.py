"""``nsman share``: demonstrations of how namespaces are shared, kept and owned."""

from __future__ import annotations

import json

import click

from section01_processes import UsageError

from .common import JSON


@click.group()
def share() -> None:
    """See how namespaces are shared, kept and owned: guided, with throw-away processes."""


@share.command("list")
@JSON
def share_list(as_json: bool) -> None:
    """List the demonstrations, and what each needs."""
    from ..sharing.catalogue import DEMOS, NEEDS

    first = {name: (demo.__doc__ or "").partition("\n")[0].removeprefix("Show ") for name, demo in DEMOS.items()}
    if as_json:
        click.echo(json.dumps([{"name": name, "shows": text, "needs": NEEDS[name]} for name, text in first.items()]))
        return
    for name, text in first.items():
        click.echo(f"{name:10} {text}\n{'':10} needs {NEEDS[name]}")


@share.command("demo")
@click.argument("name")
@click.option("--step", is_flag=True, help="Wait for Enter before each step.")
@JSON
def share_demo(name: str, step: bool, as_json: bool) -> None:
    """Play demonstration NAME: each step, and what the kernel says afterwards. Nothing is left behind."""
    from section01_processes import Teller

    from ..sharing.catalogue import DEMOS, NEEDS
    from ..sharing.stage import Stage

    if name not in DEMOS:
        raise UsageError(f"no demonstration {name!r}", hint="one of " + ", ".join(DEMOS), exit_code=2)
    if not as_json:
        click.echo(f"{name} (needs {NEEDS[name]})")
    teller = Teller(step=step, quiet=as_json, source_apart=False)
    stage = Stage(teller.announce, teller.tell)
    DEMOS[name](stage)
    if as_json:
        click.echo(json.dumps({"demo": name, "steps": stage.steps}))
