"""click's lane: help, completion, complaints, and the commands that are not in the table.

What belongs here: the group, and click's commands built of the table (``_flags.py``). What does not: a command's body.
"""

from __future__ import annotations

import click

from minidocker import VERSION
from minidocker.paths import state_root

from . import COMMANDS, body
from ._flags import GLOBAL, SPECS, parameter

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ._flags import Flag


def slow(given: list[str]) -> int | None:
    """Run the command line by click; return the exit code. Raises what the command raises."""
    try:
        code: int | None = minidocker.main(given, prog_name="minidocker", standalone_mode=False)
    except click.exceptions.Exit as stop:
        return stop.exit_code
    except click.ClickException as error:
        error.show()
        return 125
    except click.Abort:
        if "--debug" in given[:3]:
            raise
        return 130
    return code


class Commands(click.Group):
    """Finds a command in its file; nothing else is imported."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Return the names, sorted."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Import and return one command, None for an unknown name."""
        if cmd_name not in COMMANDS:
            return None
        if cmd_name in SPECS:
            return command(cmd_name)
        found: click.Command = body(cmd_name)
        return found

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """List the commands from the table, without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])


def command(name: str) -> click.Command:
    """Return click's command for one row of the table."""
    flags, arguments, program = SPECS[name]
    run = body(name)
    return (RunCommand if name == "run" else click.Command)(
        name,
        params=[*map(option, flags), *map(argument, arguments)],
        callback=click.pass_obj(run),
        help=run.__doc__,
        context_settings={"ignore_unknown_options": False, "allow_interspersed_args": not program},
    )


def option(flag: Flag) -> click.Option:
    """Return click's option for one flag."""
    names, takes, text, *default = flag
    more: dict[str, Any] = {"help": text}
    if not takes:
        more |= {"is_flag": True, "default": "/" in names}
    elif takes == "INTEGER":
        more |= {"type": int}
    elif takes[0] == "[":
        more |= {"is_flag": False, "flag_value": "-", "metavar": takes}
    else:
        more |= {"metavar": takes.lstrip("*"), "multiple": takes[0] == "*"}
    for value in default:
        more["default"] = int(value) if takes == "INTEGER" else value
    switches = [word for word in names.split() if word[0] == "-"]
    return click.Option([*switches, parameter(names)], **more)


def argument(word: str) -> click.Argument:
    """Return click's argument for one of the table's."""
    if word[0] in "*+":
        return click.Argument([word[1:]], nargs=-1, required=word[0] == "+")
    return click.Argument([word])


class RunCommand(click.Command):
    """A command whose ``--explain`` takes a value only as ``--explain=FILE``: the next word is the image."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Give a bare ``--explain`` its value, then parse as usual."""
        valued = {
            name
            for p in self.params
            if isinstance(p, click.Option) and not p.is_flag
            for name in (*p.opts, *p.secondary_opts)
        }
        return super().parse_args(ctx, fill_explain(args, valued))


def fill_explain(args: list[str], valued: set[str]) -> list[str]:
    """Return ``args`` with ``--explain`` as ``--explain=-`` where it stands before the first word that is no option.

    ``valued``: the flags that take a value; a value in the next word is skipped.
    """
    out = list(args)
    i = 0
    while i < len(out) and out[i].startswith("-") and out[i] not in {"-", "--"}:
        word = out[i]
        if word == "--explain":
            out[i] = "--explain=-"
        elif word in valued or (word[1] != "-" and _ends_with_valued(word, valued)):
            i += 1
        i += 1
    return out


def _ends_with_valued(word: str, valued: set[str]) -> bool:
    """Return whether a cluster like ``-itv`` takes its value from the next word: its *last* letter takes one."""
    for i, letter in enumerate(word[1:], 1):
        if "-" + letter in valued:
            return i == len(word) - 1
    return False


def _start(ctx: click.Context, /, root: str | None, debug: bool) -> None:
    """Run containers: MiniDocker, the roof of Linux Containerization Mastery."""
    ctx.obj = state_root(root)
    ctx.meta["debug"] = debug


minidocker = click.version_option(VERSION, "-v", "--version", message="MiniDocker version %(version)s")(
    Commands(
        "minidocker",
        params=[option(flag) for flag in GLOBAL],
        callback=click.pass_context(_start),
        help=_start.__doc__,
        context_settings={"help_option_names": ["--help"], "max_content_width": 110},
    )
)
