"""The commands that prove: ``verify`` (exercises are right), ``grade`` (strangers' answers: not accepted yet).

What belongs here: parsing and printing. What does not: the work (``exercises/proof.py``).
"""

from __future__ import annotations

import sys

import click


@click.command()
@click.argument("words", nargs=-1, metavar="[ID ...]")
@click.option("--all", "everything", is_flag=True, help="Every exercise of the clone.")
@click.option("--changed", is_flag=True, help="Those whose files differ from the last commit, or are new.")
@click.option("--mutant", metavar="NAME", help="Only show what a check says to this mutant of the one exercise named.")
@click.pass_obj
def verify(clone: str, words: tuple[str, ...], everything: bool, changed: bool, mutant: str | None) -> None:
    """Prove that exercises are right: starter, solution, mutants, tests, links. Exit status 1 on any failure."""
    from ..proving import choose, run, show_mutant

    if mutant:
        if len(words) != 1 or everything or changed:
            raise click.UsageError("--mutant goes with one ID")
        show_mutant(clone, choose(clone, words)[0], mutant)
        return

    if not (words or everything or changed):
        raise click.UsageError("verify what? ID ..., --changed, or --all")
    sys.exit(run(clone, choose(clone, words, everything=everything, changed=changed)))


@click.command(context_settings={"ignore_unknown_options": True, "allow_extra_args": True})
def grade() -> None:
    """Strangers' answers are not accepted yet."""
    click.echo("course: grade: strangers' code is not accepted yet; your own: ./course ex check ID", err=True)
    sys.exit(2)


COMMANDS = (verify, grade)
