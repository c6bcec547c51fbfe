"""``nsman watch``: namespaces as they appear and vanish."""

from __future__ import annotations

import json
import math
import time

import click

from ..explore.rows import partial_view
from ..explore.watching import Change, Watcher
from .common import JSON
from .exploring import KINDS, chosen_kinds

_YEAR = 365 * 86400  # a wait that select(2) takes, and that nobody will see the end of


def _no_nan(_: click.Context, __: click.Parameter, value: float | None) -> float | None:
    """Return a number of seconds. Raises BadParameter for NaN, which is in every range."""
    if value is not None and math.isnan(value):
        raise click.BadParameter("nan is no number of seconds")
    return value


@click.command()
@KINDS
@click.option("--seconds", type=click.FloatRange(0, _YEAR), metavar="N", callback=_no_nan,
              help="End after so long (default: Ctrl-C ends).")  # fmt: skip
@click.option("--interval", type=click.FloatRange(0.1, _YEAR), default=1.0, metavar="N", callback=_no_nan,
              help="Seconds between two looks at everything (1).")  # fmt: skip
@JSON
def watch(kinds: tuple[str, ...], seconds: float | None, interval: float, as_json: bool) -> None:
    """Tell of namespaces that appear and vanish: time, what, which, and the process with which it was seen first.

    Where the kernel's process connector speaks to us (see `procman events`) every process is looked at when it forks,
    executes or ends, and everything is looked at each interval; elsewhere only the latter, and that is said. The
    kernel has no event for namespaces themselves: one that is gone before we look, or whose number is given to a new
    one at once, is missed.
    """
    wanted = chosen_kinds(kinds)
    with Watcher() as watcher:
        if watcher.why_polling:
            click.echo(f"nsman: polling each {interval:g} s, no process events: {watcher.why_polling}", err=True)
        if watcher.unreadable:
            click.echo(partial_view(watcher.unreadable), err=True)
        click.echo(f"nsman: watching, {len(watcher)} namespaces now", err=True)
        end = None if seconds is None else time.monotonic() + seconds
        try:
            for change in watcher.follow(interval, end):
                if change.kind in wanted:
                    click.echo(as_object(change) if as_json else as_line(change))
        except KeyboardInterrupt:
            return


def as_line(change: Change) -> str:
    """Return a change as a line."""
    clock = time.strftime("%H:%M:%S", time.localtime(change.moment)) + f".{int(change.moment % 1 * 1000):03}"
    who = f"{change.pid} {change.command}".strip() if change.pid else "-"
    return f"{clock} {change.what} {change.kind}:[{change.inode}] {who}"


def as_object(change: Change) -> str:
    """Return a change as JSON."""
    return json.dumps(
        {
            "time": change.moment,
            "event": change.what,
            "kind": change.kind,
            "inode": change.inode,
            "pid": change.pid or None,
            "command": change.command or None,
        }
    )
