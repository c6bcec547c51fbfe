"""The command line: one file per command, loaded only when it is asked for.

What belongs here: the table of commands, global flags, and how an error becomes a line and an exit code. What does
not: any command (the other files), any work (``engine/``).
"""

from __future__ import annotations

import os
import sys

import click

from minidocker.paths import default_root

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

#: Command → (module of this package, what it does).
COMMANDS = {
    "attach": ("attach", "Attach to a running container."),
    "create": ("run", "Make a container without starting it."),
    "exec": ("exec", "Run a further program in a running container."),
    "images": ("images", "List images."),
    "import": ("images", "Make an image of a root file system's tar archive."),
    "info": ("version", "Show what this MiniDocker stands on."),
    "inspect": ("inspect", "Show everything about a container, image or volume."),
    "kill": ("stop", "Send a signal to containers."),
    "load": ("images", "Load images from an archive."),
    "logs": ("logs", "Show a container's output."),
    "ps": ("ps", "List containers."),
    "pull": ("images", "Not yet: use load or import."),
    "restart": ("stop", "Stop and start containers."),
    "rm": ("stop", "Remove containers."),
    "rmi": ("images", "Remove images."),
    "run": ("run", "Make a container and start it."),
    "start": ("start", "Start containers that were made before."),
    "stats": ("stats", "Show what containers use."),
    "stop": ("stop", "Stop containers."),
    "system": ("system", "Look after the state: check, tiny."),
    "top": ("stats", "Show the processes of a container."),
    "version": ("version", "Show the version."),
    "volume": ("volume", "Create, list, inspect and remove volumes."),
    "wait": ("stop", "Wait until containers end, print their exit codes."),
}


class Commands(click.Group):
    """Finds a command in its file; nothing else is imported."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Return the names, sorted."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Import and return one command, None for an unknown name."""
        if cmd_name not in COMMANDS:
            return None
        module = __import__(f"{__name__}.{COMMANDS[cmd_name][0]}", fromlist=["_"])
        command: click.Command = getattr(module, cmd_name.replace("import", "import_").replace("exec", "exec_"))
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """List the commands from the table, without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])


@click.group(cls=Commands, context_settings={"help_option_names": ["--help"], "max_content_width": 110})
@click.option("--root", metavar="FOLDER", help="State folder (default: MINIDOCKER_ROOT, or the user's own).")
@click.option("--debug", is_flag=True, help="Show tracebacks.")
@click.version_option("0.1.0", "-v", "--version", message="MiniDocker version %(version)s")
@click.pass_context
def minidocker(ctx: click.Context, root: str | None, debug: bool) -> None:
    """Run containers: MiniDocker, the roof of Linux Containerization Mastery."""
    ctx.obj = os.path.abspath(root) if root else default_root()
    ctx.meta["debug"] = debug


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and exit: 125 and friends from errors, the container's own code from ``run``."""
    given = sys.argv[1:] if arguments is None else arguments
    try:
        code = minidocker.main(given, prog_name="minidocker", standalone_mode=False)
    except SystemExit:
        raise
    except BaseException as error:
        code = _failed(error, given)
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        code = 141
    if arguments is None and "coverage" not in sys.modules:
        sys.stderr.flush()
        os._exit(code or 0)  # nothing is left to do; taking the interpreter down would cost a fifth of an exec
    sys.exit(code or 0)


def _failed(error: BaseException, given: list[str]) -> int:
    """Print ``error`` as one clear line; return the exit code."""
    if "--debug" in given[:3] and not isinstance(error, (click.exceptions.Exit, click.ClickException)):
        import traceback

        traceback.print_exception(error)
        return 125
    if isinstance(error, click.exceptions.Exit):
        return error.exit_code
    if isinstance(error, click.ClickException):
        error.show()
        return 125
    if isinstance(error, (KeyboardInterrupt, click.Abort)):
        return 130
    if isinstance(error, BrokenPipeError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 141
    text, code = _describe(error)
    click.echo(f"minidocker: error: {text}", err=True)
    started = any(name in given for name in ("run", "create", "start", "exec"))
    return code if started else 1


def _describe(error: BaseException) -> tuple[str, int]:
    """Return the sentence and the exit code of an error."""
    from section01_processes import LcmError

    if isinstance(error, LcmError):
        return str(error), error.exit_code
    if isinstance(error, OSError):
        about = f"{error.filename}: " if error.filename else ""
        return about + (error.strerror or str(error)).lower(), 125
    if type(error).__module__ == "sqlite3":
        full = any(word in str(error) for word in ("full", "I/O"))
        return f"the state database: {error}{' (is there space left below the state folder?)' if full else ''}", 125
    note: Any = "; ".join(getattr(error, "__notes__", ()))
    return f"{type(error).__name__}: {error} {note}(a bug; --debug shows where)", 125
