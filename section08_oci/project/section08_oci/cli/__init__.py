"""ociman: an OCI runtime with runc's commands and flags.

What belongs here: parse, call one function of the library, print; one file per group of commands. What does not:
anything that a program would want to call. Slow path: click is imported here and nowhere else in the section.
"""

from __future__ import annotations

import sys

from section01_processes import protect_interpreter

__all__ = ["main"]
#: The commands that may join a container.
JOINING = {"create", "run", "exec"}


def main(args: list[str] | None = None) -> None:
    """Run the tool with ``args``; without, with the process's own, on an interpreter that is protected first.

    In place, not in a child: podman and containerd wait for our pid. The shim is started on a protected one.
    """
    if args is None and JOINING.intersection(sys.argv[1:]):
        protect_interpreter("ociman", exit_code=1)
    from .tool import main as run_tool

    run_tool(args)
