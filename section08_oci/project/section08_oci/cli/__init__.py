"""ociman: an OCI runtime with runc's commands and flags.

What belongs here: parse, call one function of the library, print; one file per group of commands. What does not:
anything that a program would want to call. Slow path: click is imported here and nowhere else in the section.
"""

from __future__ import annotations

import sys

from .protect import protect

__all__ = ["main"]


def main(args: list[str] | None = None) -> None:
    """Run the tool with ``args``; without, with the process's own, on an interpreter that is protected first."""
    if args is None:
        protect(sys.argv[1:])
    from .tool import main as run_tool

    run_tool(args)
