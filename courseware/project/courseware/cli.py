"""The ``course`` tool: what ``./course`` hands over to once the environment is prepared.

What belongs here: parsing and printing. What does not: the work, which each command's module does.
"""

from __future__ import annotations

import os
import sys

import click

CLONE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def course() -> None:
    """Linux Containerization Mastery: learn how containers work by running a container platform."""


@course.command()
@click.option("--dry-run", is_flag=True, help="Print what would be done; change nothing.")
def demo(dry_run: bool) -> None:
    """Run a real container on the embedded image, explained step by step."""
    from . import demo as work

    sys.exit(work.run(CLONE, dry_run=dry_run))


@course.command(context_settings={"ignore_unknown_options": True, "allow_extra_args": True})
@click.option("--full", is_flag=True, help="Also the long loops, peers and guests in full.")
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def test(full: bool, arguments: tuple[str, ...]) -> None:
    """Run every test that can run on this machine; ARGUMENTS go to pytest."""
    from . import testing

    sys.exit(testing.run(CLONE, full=full, arguments=list(arguments)))


@course.command()
def lint() -> None:
    """Check the sources: ruff, mypy --strict, import contracts."""
    from . import testing

    sys.exit(testing.lint(CLONE))


@course.group()
def docs() -> None:
    """Build or serve the study site."""


@docs.command()
def build() -> None:
    """Build the site into ``site/``; any warning is an error."""
    from . import site

    sys.exit(site.build(CLONE))


@docs.command()
@click.option("--port", default=8000, show_default=True, help="TCP port on 127.0.0.1.")
def serve(port: int) -> None:
    """Serve the site on 127.0.0.1."""
    from . import site

    sys.exit(site.serve(CLONE, port))


@course.command()
@click.option("--dry-run", is_flag=True, help="List what would be removed; remove nothing.")
@click.option("--environment", is_flag=True, help="Also the clone's .venv and caches.")
def clean(dry_run: bool, environment: bool) -> None:
    """Remove what the course made on this machine: containers, links, rules, cgroups."""
    from . import clean as work

    sys.exit(work.run(CLONE, dry_run=dry_run, environment=environment))


def main() -> None:
    """Run the tool; an error is one sentence and an exit code, never a traceback."""
    from section01_processes import LcmError

    try:
        course(prog_name="course")
    except LcmError as error:
        click.echo(f"course: {error}", err=True)
        sys.exit(error.exit_code)
