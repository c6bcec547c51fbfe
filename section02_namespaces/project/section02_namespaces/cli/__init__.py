"""nsman: list, look at, make and join namespaces.

What belongs here: the group and its list of commands; each command parses, calls one function of the library, prints,
in a file of its own. Slow path: click here, rich inside the commands.
"""

from __future__ import annotations

from typing import NoReturn

import click

from section01_processes import run_tool

from .enter import enter
from .inspect import inspect
from .ls import ls_command
from .pin import pin_command, unpin_command
from .run import run_command

COMMANDS: tuple[click.Command, ...] = (
    ls_command,
    inspect,
    run_command,
    enter,
    pin_command,
    unpin_command,
)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def cli() -> None:
    """List, look at, make and join namespaces (section 2)."""


for command in COMMANDS:
    cli.add_command(command)


def main() -> NoReturn:
    """Run nsman."""
    run_tool(cli, "nsman")
