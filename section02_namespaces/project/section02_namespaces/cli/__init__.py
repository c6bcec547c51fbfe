"""nsman: list, look at, make, join and pin namespaces.

What belongs here: the group and its list of commands; each command parses, calls one function of the library, prints,
in a file of its own that is loaded when the command is asked for (``nsman ls`` is measured: bench/namespaces.py).
"""

from __future__ import annotations

from typing import NoReturn

import click

from section01_processes import run_tool

#: Command → the module of this package and the function in it. A new command is a line here, and no import above.
COMMANDS = {
    "ls": "ls.ls_command",
    "tree": "tree.tree",
    "inspect": "inspect.inspect",
    "diff": "diff.diff",
    "find": "find.find",
    "watch": "watch.watch",
    "run": "run.run_command",
    "enter": "enter.enter",
    "pin": "pin.pin_command",
    "unpin": "pin.unpin_command",
    "share": "share.share",
}


class Commands(click.Group):
    """Finds a command in its file; no other file is imported."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Return the names, in the order of the table."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Import and return one command, None for an unknown name."""
        if cmd_name not in COMMANDS:
            return None
        module, _, name = COMMANDS[cmd_name].partition(".")
        found: click.Command = getattr(__import__(f"{__name__}.{module}", fromlist=[name]), name)
        return found


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
def cli() -> None:
    """List, look at, make, join and pin namespaces (section 2)."""


def main() -> NoReturn:
    """Run nsman."""
    run_tool(cli, "nsman")
