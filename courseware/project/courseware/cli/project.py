"""The commands about the clone itself: ``demo``, ``test``, ``lint``, ``docs``, ``clean``.

What belongs here: parsing and printing. What does not: the work, which each command's module does.
"""

from __future__ import annotations

import sys

import click


@click.command()
@click.option("--dry-run", is_flag=True, help="Print what would be done; change nothing.")
@click.option("--full", is_flag=True, help="Every step on a line of its own, uncut: call, time, section, manual page.")
@click.pass_obj
def demo(clone: str, dry_run: bool, full: bool) -> None:
    """Run a real container on the embedded image, explained step by step."""
    from .. import demo as work

    sys.exit(work.run(clone, dry_run=dry_run, full=full))


@click.command(context_settings={"ignore_unknown_options": True, "allow_extra_args": True})
@click.option("--full", is_flag=True, help="Also the long loops, peers and guests in full.")
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
@click.pass_obj
def test(clone: str, full: bool, arguments: tuple[str, ...]) -> None:
    """Run every test that can run on this machine; ARGUMENTS go to pytest."""
    from .. import testing

    sys.exit(testing.run(clone, full=full, arguments=list(arguments)))


@click.command()
@click.pass_obj
def lint(clone: str) -> None:
    """Check the sources: ruff, mypy --strict, import contracts."""
    from .. import testing

    sys.exit(testing.lint(clone))


@click.group()
def docs() -> None:
    """Build or serve the study site; fill what READMEs quote."""


@docs.command()
@click.option("--check", is_flag=True, help="Write nothing; fail when a page has drifted from its source.")
@click.pass_obj
def sync(clone: str, check: bool) -> None:
    """Write quoted code and the tables of exercises into the READMEs."""
    from .. import quotes

    lines = quotes.sync(clone, check=check)
    click.echo("\n".join(lines) or "every page is as its sources are")
    sys.exit(1 if check and lines else 0)


@docs.command()
@click.pass_obj
def build(clone: str) -> None:
    """Build the site into ``site/``; any warning is an error."""
    from .. import site

    sys.exit(site.build(clone))


@docs.command()
@click.option("--port", default=8000, show_default=True, help="TCP port on 127.0.0.1.")
@click.pass_obj
def serve(clone: str, port: int) -> None:
    """Serve the site on 127.0.0.1."""
    from .. import site

    sys.exit(site.serve(clone, port))


@click.command()
@click.option("--dry-run", is_flag=True, help="List what would be removed; remove nothing.")
@click.option("--environment", is_flag=True, help="Also the clone's .venv and caches.")
@click.pass_obj
def clean(clone: str, dry_run: bool, environment: bool) -> None:
    """Remove what the course made on this machine: containers, links, rules, cgroups."""
    from .. import clean as work

    sys.exit(work.run(clone, dry_run=dry_run, environment=environment))


COMMANDS = (demo, test, lint, docs, clean)
