"""What the command lines of all sections have in common: errors become a line and an exit code.

What belongs here: the outermost frame of a tool. What does not: commands. Slow path (click).
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, NoReturn

from .errors import LcmError, UsageError

if TYPE_CHECKING:
    import click


def run_tool(command: click.Command, name: str) -> NoReturn:
    """Run ``command`` as program ``name`` and exit: LcmError and OSError become ``name: error: …``, no traceback.

    It also gets ``--version``: that of the package that ``command``'s function is in.

    Exit codes: the error's own (125 by default), 2 for wrong usage, 130 for Ctrl-C, 141 when the reader of our output
    has gone.
    """
    import click

    package = command.callback.__module__.partition(".")[0]
    command.params.append(
        click.Option(
            ["--version"], is_flag=True, is_eager=True, expose_value=False, help="Show the version and exit.",
            callback=lambda context, _, wanted: _show_version(context, name, package) if wanted else None,
        )
    )  # fmt: skip
    try:
        result = command.main(prog_name=name, standalone_mode=False)
        if sys.stdout:  # None: descriptor 1 was closed
            sys.stdout.flush()
        code = result if isinstance(result, int) else 0
    except click.ClickException as error:
        error.show()
        code = error.exit_code
    except (click.Abort, KeyboardInterrupt):
        code = 130
    except BrokenPipeError:
        code = 141
    except (LcmError, OSError) as error:
        print(f"{name}: error: {_sentence(error)}", file=sys.stderr)
        code = error.exit_code if isinstance(error, LcmError) else 125
    _flush_for_good()
    sys.exit(code)


def _flush_for_good() -> None:
    """Write what is left for standard output, or let go of it: the interpreter would fail with it again at its end."""
    try:
        if sys.stdout:
            sys.stdout.flush()
    except OSError:  # a full disk, a reader that has gone: told already, where it was the first failure
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


def _show_version(context: click.Context, name: str, package: str) -> None:
    """Print ``name VERSION (linux-containerization-mastery)`` and end. Raises LcmError for a package not installed."""
    from importlib.metadata import PackageNotFoundError, version  # slow, and needed here only

    try:
        print(f"{name} {version(package)} (linux-containerization-mastery)")
    except PackageNotFoundError:
        raise LcmError(f"package {package} is not installed, so that nobody knows its version") from None
    context.exit()


def _sentence(error: Exception) -> str:
    """Return an error as one line, with the notes that were added on its way."""
    text = str(error)
    if isinstance(error, OSError) and not isinstance(error, LcmError):
        text = f"{error.filename}: {error.strerror}" if error.filename else str(error.strerror or error)
    notes = [note for note in getattr(error, "__notes__", ()) if note]
    return "; ".join([text, *notes])


def process_id(text: str) -> int:
    """Return the pid that a user wrote: a number, or ``self`` for the caller's own parent shell. Raises UsageError."""
    if text == "self":
        return os.getppid()
    if not (text.isascii() and text.isdigit() and int(text) > 0):
        raise UsageError(f"invalid pid: {text!r}", exit_code=2)
    return int(text)
