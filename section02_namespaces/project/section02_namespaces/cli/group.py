"""click's lane: the group that finds a command in its file. What belongs here: that. What does not: any command."""

from __future__ import annotations

import click

from . import COMMANDS


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
        found: click.Command = getattr(__import__(f"{__package__}.{module}", fromlist=[name]), name)
        return found


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
def cli() -> None:
    """List, look at, make, join and pin namespaces (section 2)."""
