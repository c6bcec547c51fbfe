"""The group of jailman's commands.

What belongs here: the list of them, and the option that all share. What does not: any command.
"""

from __future__ import annotations

import click

from ..jails import Jails, state_folder
from .bind import bind, remount
from .create import create
from .enter import enter
from .inspect import inspect
from .loop import loop
from .ls import ls_command
from .mounts import mounts
from .playground import playground
from .rm import rm
from .test import test

COMMANDS: tuple[click.Command, ...] = (
    create,
    ls_command,
    enter,
    inspect,
    rm,
    test,
    mounts,
    loop,
    bind,
    remount,
    playground,
)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--state", default="", metavar="DIR", help="Where the jails are kept (else JAILMAN_STATE, XDG).")
@click.pass_context
def cli(context: click.Context, state: str) -> None:
    """Make a root file system, enter it, test it, look at mounts (section 4)."""
    context.obj = Jails(state_folder(state))


for command in COMMANDS:
    cli.add_command(command)
