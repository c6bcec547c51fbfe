"""secman: see and give up capabilities; read, build and try seccomp filters.

What belongs here: the group of commands; one file per subject. Slow path.
"""

from __future__ import annotations

from typing import NoReturn

import click

from section01_processes import run_tool

from .caps import caps
from .seccomp import seccomp


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def cli() -> None:
    """Capabilities and system call filters (section 7)."""


cli.add_command(caps)
cli.add_command(seccomp)


def main() -> NoReturn:
    """Run the tool."""
    run_tool(cli, "secman")
