"""``jailman bind`` and ``jailman remount``: mounts of the caller's own mount namespace."""

from __future__ import annotations

import os
from typing import Any

import click

from section01_processes import Plan, Recorder, UsageError, describe_plan, explain_lines, read_records

from ..changing import TWO_STEPS, plan_bind, plan_remount
from ..core.flags import PROPAGATION
from ..idmap import Line
from .common import DRY_RUN

_EXPLAIN = click.option("--explain", is_flag=True, help="Do it, and tell each step with its time and manual page.")
_RECURSIVE = click.option("--recursive/--no-recursive", default=False, help="The mounts below, too.")


@click.command()
@click.argument("source")
@click.argument("target")
@_RECURSIVE
@click.option("--read-only", is_flag=True, help="Read-only from the first moment.")
@click.option("-o", "words", default="", metavar="WORDS", help="More options, with commas: nosuid,nodev,noexec …")
@click.option("--propagation", type=click.Choice(list(PROPAGATION)), help="What the new mount shall be.")
@click.option(
    "--map", "maps", multiple=True, metavar="U:H:N", help="Owners U… of the files are seen as H… (N of them)."
)
@_EXPLAIN
@DRY_RUN
def bind(
    source: str,
    target: str,
    recursive: bool,
    read_only: bool,
    words: str,
    propagation: str | None,
    maps: tuple[str, ...],
    explain: bool,
    dry_run: bool,
) -> None:
    """Show what is at SOURCE at TARGET as well, in this shell's mount namespace."""
    options = [*filter(None, words.split(",")), *(["ro"] if read_only else []), *([propagation] if propagation else [])]
    lines = [id_line(text) for text in maps]
    steps = plan_bind(source, target, recursive=recursive, options=options, maps=(lines, lines))
    carry_out(Plan("cli", steps), explain, dry_run)
    if explain and "ro" in options:
        click.echo(TWO_STEPS)


@click.command()
@click.argument("target")
@click.argument("words", nargs=-1, required=True)
@_RECURSIVE
@_EXPLAIN
@DRY_RUN
def remount(target: str, words: tuple[str, ...], recursive: bool, explain: bool, dry_run: bool) -> None:
    """Change what is mounted at TARGET: ro, rw, nosuid, nodev, noexec, noatime, private, slave, shared."""
    options = [part for word in words for part in word.split(",") if part]
    carry_out(Plan("cli", plan_remount(target, options, recursive=recursive)), explain, dry_run)


def id_line(text: str) -> Line:
    """Return one line of a map that a user wrote. Raises UsageError."""
    parts = text.split(":")
    if len(parts) != 3 or not all(part.isascii() and part.isdigit() for part in parts):
        raise UsageError(f"{text!r} is no map: ON_DISK:SEEN:COUNT, as 0:100000:65536", exit_code=2)
    return int(parts[0]), int(parts[1]), int(parts[2])


def carry_out(plan: Plan, explain: bool, dry_run: bool) -> dict[str, Any]:
    """Run the plan and return its slots; with ``dry_run`` print it instead, with ``explain`` tell each step, too."""
    slots: dict[str, Any] = {}
    if dry_run:
        click.echo("\n".join(describe_plan(plan)))
        return slots
    reader, writer = os.pipe2(os.O_CLOEXEC)
    try:
        return plan.run(slots, Recorder(writer if explain else -1, "cli"))
    except Exception as error:
        error.__notes__ = []  # which step it was, the sentence itself says
        raise
    finally:
        os.close(writer)
        if explain:
            click.echo("\n".join(explain_lines([plan], read_records(reader))))
        os.close(reader)
