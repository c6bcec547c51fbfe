"""procman events: fork, exec and exit as they happen."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

import click

from .common import JSON, find_pid

if TYPE_CHECKING:
    from ..happenings import Happening

KINDS = ("fork", "exec", "exit", "comm", "uid", "gid", "sid", "ptrace", "coredump")


@click.command()
@click.argument("pid", type=find_pid, required=False, metavar="[NAME|PID]")
@click.option("--kind", "kinds", multiple=True, type=click.Choice(KINDS), help="Only this kind; may be given again.")
@click.option("--threads", is_flag=True, help="Threads, too.")
@click.option("--count", type=click.IntRange(min=1), help="End after so many events.")
@click.option("--until-exit", type=find_pid, metavar="NAME|PID", help="End when that process ends.")
@click.option("--buffer", type=click.IntRange(min=1), default=8192, metavar="KIB",
              help="Room for what waits to be read (8192).")  # fmt: skip
@JSON
def events(
    pid: int | None,
    kinds: tuple[str, ...],
    threads: bool,
    count: int | None,
    until_exit: int | None,
    buffer: int,
    as_json: bool,
) -> None:
    """Tell what happens to PID and its descendants (default: to everybody), as the kernel's process connector does.

    Before Linux 6.6 that takes root; in a container there is no connector. Names and command lines are read when the
    event arrives: a process that lives shorter than that has the name of its parent. With --json a line is an object.
    """
    from ..connector import Connector
    from ..happenings import Follower, follow

    told = 0
    with Connector(buffer << 10) as connector:
        follower = Follower(pid or 0, threads=threads)
        happenings = follow(connector, follower, until_exit or 0)
        click.echo("procman: listening", err=True)
        for happening in happenings:
            if kinds and happening.kind not in (*kinds, "lost"):
                continue
            click.echo(as_object(happening) if as_json else as_line(happening))
            told += happening.kind != "lost"
            if told == count:
                return


def as_line(happening: Happening) -> str:
    """Return an event as a line: the time, what, which process, what that means."""
    from ..views.text import harmless

    who = f"{happening.pid} {happening.name}" if happening.pid else "-"
    if happening.tid != happening.pid:
        who += f" {{thread {happening.tid}}}"
    return harmless(f"{clock(happening.nanoseconds)} {happening.kind:8} {who}  {happening.words()}".rstrip())


def as_object(happening: Happening) -> str:
    """Return an event as JSON."""
    from ..views.text import valid_text

    facts = {k: [valid_text(w) for w in v] if isinstance(v, list) else valid_text(v) if isinstance(v, str) else v
             for k, v in happening.facts.items()}  # fmt: skip
    return json.dumps(
        {
            "kind": happening.kind,
            "pid": happening.pid,
            "tid": happening.tid,
            "name": valid_text(happening.name),
            "time": wall_time(happening.nanoseconds),
            **facts,
        }
    )


def wall_time(nanoseconds: int) -> float:
    """Return the seconds since 1970 of a moment on CLOCK_MONOTONIC, which the kernel's events bear."""
    return time.time() - (time.monotonic_ns() - nanoseconds) / 1e9


def clock(nanoseconds: int) -> str:
    """Return the time of day, to the millisecond."""
    moment = wall_time(nanoseconds)
    return time.strftime("%H:%M:%S", time.localtime(moment)) + f".{int(moment % 1 * 1000):03}"
