"""Carrying out what ``run`` and ``enter`` have planned: shown, run, or run and explained.

What belongs here: what these two share. What does not: other commands.
"""

from __future__ import annotations

import os

import click

from section01_processes import PROCESSES, Plan, describe_plan, explain_lines, read_records

from ..foreground import run

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping


def carry_out(plans: Mapping[str, Plan], *, dry_run: bool, explain: bool) -> int:
    """Print the plans, or run them and return the command's exit code."""
    if dry_run:
        click.echo("\n".join(line for plan in plans.values() for line in describe_plan(plan)))
        return 0
    if not explain:
        return run(plans)
    reader, writer = os.pipe2(os.O_CLOEXEC)

    def tell() -> None:
        os.close(writer)
        with open(reader, "rb"):
            records = sorted(read_records(reader), key=lambda record: record[3])
        for line in explain_lines(plans, records + executed(plans["init"], records)):
            click.echo(line, err=True)

    return run(plans, records=writer, launched=tell)


def executed(plan: Plan, records: list[tuple[int, ...]]) -> list[tuple[int, ...]]:
    """Return the record of the init's execve, which nobody can write: its last step, if the one before succeeded."""
    own = [record for record in records if record[0] == PROCESSES.index(plan.process)]
    if own and own[-1][1:3] == (len(plan.steps) - 2, 0):
        return [(own[-1][0], len(plan.steps) - 1, 0, own[-1][3] + own[-1][4], 0)]
    return []
