"""orchman: stacks on the command line. Parses, calls the library, prints."""

from __future__ import annotations

from typing import TextIO

import click

from section01_processes import format_json, run_tool

from .core.order import start_order
from .core.stack import Stack


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def cli() -> None:
    """Read compose files: what would start, and in which order."""


@cli.command()
@click.argument("file", type=click.File(encoding="utf-8"))
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def order(file: TextIO, as_json: bool) -> None:
    """Print the services of FILE in the order in which they start; - is standard input."""
    names = start_order(Stack.parse(file.read()))
    click.echo(format_json(names) if as_json else "\n".join(names))


@cli.command()
@click.argument("file", type=click.File(encoding="utf-8"))
def validate(file: TextIO) -> None:
    """Check FILE: its form, its dependencies, its circles. Silent and 0 when it can be run."""
    start_order(Stack.parse(file.read()))


def main() -> None:
    """Run orchman: the entry point."""
    run_tool(cli, "orchman")


if __name__ == "__main__":
    main()
