"""procman tree: who is whose child, drawn."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from ..core.tree import ProcessTree
from ..errors import UsageError
from .common import JSON, Seconds, find_pid, row

if TYPE_CHECKING:
    from ..views.labels import Labels


@click.command()
@click.argument("pid", type=find_pid, required=False, metavar="[NAME|PID]")
@click.option("--threads", is_flag=True, help="Show the threads, in braces.")
@click.option("--groups", is_flag=True, help="Show sessions, process groups, and which is in the foreground.")
@click.option("--namespaces", is_flag=True, help="Mark where a child has other namespaces than its parent.")
@click.option("--cgroups", is_flag=True, help="Show the control group.")
@JSON
@click.option("--dot", is_flag=True, help="Print a graph for graphviz: procman tree --dot | dot -Tsvg > tree.svg")
@click.option("--watch", is_flag=True, help="Look again and again; mark what is new (+) and what is gone (-).")
@click.option("--plain", is_flag=True, help="With --watch: no full screen, a line for each that comes or goes.")
@click.option("--interval", type=Seconds(0.1), default=2.0, help="Seconds between two looks (2).")
@click.option("--count", type=click.IntRange(min=1), help="With --watch: end after so many looks.")
def tree(
    pid: int | None,
    threads: bool,
    groups: bool,
    namespaces: bool,
    cgroups: bool,
    as_json: bool,
    dot: bool,
    watch: bool,
    plain: bool,
    interval: float,
    count: int | None,
) -> None:
    """Draw who is whose child, from PID on (default: everybody).

    States other than running, sleeping and idle are told in words. Names are shown with everything unprintable
    escaped. A process that ends while we look is left out.
    """
    if as_json + dot + watch > 1:
        raise UsageError("--json, --dot and --watch exclude each other", exit_code=2)
    from ..views.drawing import roots
    from ..views.labels import Labels
    from ..views.text import wants_colour

    wishes = {"threads": threads, "groups": groups, "namespaces": namespaces, "cgroups": cgroups}
    if watch:
        watch_tree(pid or 0, Labels(**wishes), plain, interval, count or 0)
        return
    picture = ProcessTree.read()
    labels = Labels(**wishes, colour=wants_colour() and not dot)
    if pid:
        next(picture.walk(pid))  # tells a pid that is not there
    pids = roots(picture, pid or 0)
    if as_json:
        walk = (item for root in pids for item in picture.walk(root))
        click.echo(json.dumps([{"depth": depth, **row(stat), **labels.row(stat)} for depth, stat in walk]))
    else:
        print_tree(picture, pids, labels, dot)
    if labels.unknown:
        click.echo(f"procman: namespaces not ours to see, of processes: {labels.unknown} (try sudo)", err=True)


def print_tree(picture: ProcessTree, pids: list[int], labels: Labels, dot: bool) -> None:
    """Print the picture as lines, or as a graph."""
    from ..views.drawing import draw, draw_dot
    from ..views.text import has_line_art

    if dot:
        click.echo("\n".join(draw_dot(picture, pids, labels.text, labels.thread_texts)))
        return
    lines = draw(picture, pids, labels.text, labels.thread_texts, line_art=has_line_art())
    click.echo("\n".join(line for _, line in lines))


def watch_tree(pid: int, labels: Labels, plain: bool, interval: float, count: int) -> None:
    """Show the tree again and again, on a full screen where there is one."""
    from ..views.screen import can_draw
    from ..views.watching import Watcher, watch_plain, watch_screen

    show = watch_screen if can_draw() and not plain else watch_plain
    show(Watcher(pid), labels, interval, count)
