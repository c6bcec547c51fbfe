"""procman: start, see, signal and wait for processes.

What belongs here: the group and its list of commands; each command parses, calls one function of the library, prints,
in a file of its own. Slow path: click here, rich inside the commands.
"""

from __future__ import annotations

from typing import NoReturn

import click

from ..tool import run_tool
from .control import pause, resume, signal_command, stop
from .events import events
from .keep import rm, start
from .logs import attach, logs
from .ps import ps
from .signals import signals
from .spawn import spawn_command
from .status import status
from .top import top
from .tree import tree
from .wait import wait

COMMANDS: tuple[click.Command, ...] = (
    spawn_command, ps, status, tree, top, events, signal_command, stop, wait, pause, resume, logs, attach,
    start, rm, signals,
)  # fmt: skip


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--state", metavar="DIR", help="Where named processes are kept (default: $PROCMAN_STATE, else "
              "/var/lib/lcm/procman for root and $XDG_STATE_HOME/lcm/procman for others).")  # fmt: skip
def cli(state: str | None) -> None:
    """Start, see, signal and wait for processes (section 1)."""
    del state  # common.state() reads it


for command in COMMANDS:
    cli.add_command(command)


def main() -> NoReturn:
    """Run the tool."""
    run_tool(cli, "procman")
