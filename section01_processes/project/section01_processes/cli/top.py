"""procman top: what processes use, live."""

from __future__ import annotations

import click

from ..errors import UsageError
from .common import Seconds

SORTS = ("cpu", "memory", "threads", "fds", "io", "state", "pid", "name")


@click.command()
@click.option("--sort", type=click.Choice(SORTS), default="cpu", help="What comes first (cpu).")
@click.option("--reverse", is_flag=True, help="The other way round.")
@click.option("--filter", "text", default="", metavar="TEXT", help="Only names that contain TEXT, or the pid TEXT.")
@click.option("--interval", type=Seconds(0.1), default=2.0, help="Seconds between two samples (2).")
@click.option("--plain", is_flag=True, help="No full screen: a table after the other.")
@click.option("--once", is_flag=True, help="One table (after half a second, for the rates), then end.")
@click.option("--count", type=click.IntRange(min=1), help="End after so many tables.")
@click.option("--lines", type=click.IntRange(min=1), help="Without a full screen: only the first LINES processes.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object in a line for each sample.")
def top(
    sort: str,
    reverse: bool,
    text: str,
    interval: float,
    plain: bool,
    once: bool,
    count: int | None,
    lines: int | None,
    as_json: bool,
) -> None:
    """Show what processes use: CPU, memory, threads, descriptors, storage I/O, state.

    CPU% is of one CPU; RSS is resident memory; READ/s and WRITE/s are bytes that storage had to give or take. A dash
    is what is not known, or not ours to see (try sudo). Where standard output is no terminal, as with --plain.
    """
    if once and count:
        raise UsageError("--once and --count exclude each other", exit_code=2)
    from ..views.screen import can_draw
    from ..views.topping import Wishes, top_plain, top_screen

    wishes = Wishes(sort, text, reverse=reverse)
    rounds = 1 if once else count or 0
    if plain or once or as_json or lines or not can_draw():
        top_plain(wishes, interval, rounds, lines or 0, as_json=as_json)
    else:
        top_screen(wishes, interval, rounds)
