"""The command line: one file per command, loaded only when it is asked for.

A usual command line takes the quick lane (``_quick.py``), everything else click's (``_click.py``): one table of flags,
the same functions behind them, the same errors (docs/adr/0009-a-quick-lane-beside-click.md).

What belongs here: the table of commands, and how an error becomes a line and an exit code. What does not: any command
(the other files), any work (``engine/``).
"""

from __future__ import annotations

import os
import sys

from ._echo import echo
from ._quick import quick

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


def body(name: str) -> Any:
    """Import and return the function (for what is not in ``_flags.SPECS``: click's command) behind a command."""
    module = __import__(f"{__name__}.{COMMANDS[name][0]}", fromlist=["_"])
    return getattr(module, {"import": "import_", "exec": "exec_"}.get(name, name))


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and exit: 125 and friends from errors, the container's own code from ``run``."""
    given = sys.argv[1:] if arguments is None else arguments
    try:
        code = _run(given)
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


def _run(given: list[str]) -> int | None:
    """Run one command by the lane that it fits; return its exit code."""
    asked = quick(given)
    if asked is None:
        from ._click import slow

        return slow(given)
    from minidocker.paths import state_root

    name, root, values = asked
    code: int | None = body(name)(state_root(root), **values)
    return code


def _failed(error: BaseException, given: list[str]) -> int:
    """Print ``error`` as one clear line; return the exit code."""
    if isinstance(error, BrokenPipeError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 1
    if "--debug" in given[:3]:
        import traceback

        traceback.print_exception(error)
        return 125
    if isinstance(error, (KeyboardInterrupt, EOFError)):
        echo(err=True)  # ends the line in which the terminal shows ^C
        return 130
    text, code = _describe(error)
    echo(f"minidocker: error: {text}", err=True)
    return _docker_code(error, code, _command(given))


def _command(given: list[str]) -> str:
    """Return the name of the command in a command line, "" when there is none."""
    words = iter(given)
    for word in words:
        if word == "--root":
            next(words, "")
        elif word[:1] != "-":
            return word
    return ""


def _docker_code(error: BaseException, code: int, command: str) -> int:
    """Return the exit code that docker's command line has for this error: ``code``, its own, only where one is started.

    ``docker exec`` and ``start`` answer 1 for what the engine refuses (no such container, not running); only what
    comes from the container's side (``ShimError``: 126, 127) keeps its code. Anything else that fails is 1.
    """
    from minidocker.errors import EngineError

    if command in {"exec", "start"}:
        return 1 if isinstance(error, EngineError) else code
    return code if command in {"run", "create"} else 1


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
