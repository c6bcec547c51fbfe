"""The commands of a learner between exercises: ``explain``, ``read``, ``next``, ``lab``.

What belongs here: parsing and printing. What does not: the work, which each command's module does.
"""

from __future__ import annotations

import sys

import click


@click.command()
@click.argument("wanted", nargs=-1, metavar="[ID | WORD]")
@click.pass_obj
def explain(clone: str, wanted: tuple[str, ...]) -> None:
    """Explain a stumbling block or a word of the glossary; without one, list all."""
    from .. import explain as work

    several = len(wanted) > 1 and all(word.upper().startswith("LCM-") for word in wanted)
    asked = wanted if several else (" ".join(wanted),) if wanted else ()
    click.echo("\n\n".join(work.explain(clone, one) for one in asked) or work.listing(clone))


@click.command()
@click.argument("number", type=int, metavar="N")
@click.pass_obj
def read(clone: str, number: int) -> None:
    """Print the reading order of section N: files, lines, minutes, one question each."""
    from .. import reading

    click.echo(reading.render(clone, number))


@click.command("next")
@click.option("--done", "mark", flag_value="done", help="The part of the lesson that `next` showed is done: go on.")
@click.option("--undo", "mark", flag_value="undo", help="Take the last --done back.")
@click.pass_obj
def next_(clone: str, mark: str | None) -> None:
    """Say where you are, and one command to type."""
    from .. import path

    if mark:
        click.echo(path.mark_done(clone) if mark == "done" else path.undo_mark(clone))
    click.echo(path.render(clone))


@click.command(context_settings={"ignore_unknown_options": True})
@click.option("--dry-run", is_flag=True, help="Print the steps; do nothing.")
@click.argument("command", nargs=-1, type=click.UNPROCESSED, metavar="[-- CMD ...]")
@click.pass_obj
def lab(clone: str, dry_run: bool, command: tuple[str, ...]) -> None:
    """Open a root shell in private namespaces, or run CMD there."""
    from .. import lab_shell

    if dry_run:
        click.echo("\n".join(lab_shell.describe(clone, command)))
    else:
        sys.exit(lab_shell.run(clone, command))


COMMANDS = (explain, read, next_, lab)
