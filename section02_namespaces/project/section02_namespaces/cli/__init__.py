"""nsman: list, look at, make, join and pin namespaces.

What belongs here: the list of commands, and which lane a command line takes; each command parses, calls one function of
the library, prints, in a file of its own that is loaded when the command is asked for. A plain ``nsman ls`` takes the
quick lane, beside click (bench/namespaces.py; docs/adr/0009-a-quick-lane-beside-click.md is about MiniDocker's).
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

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


def main() -> NoReturn:
    """Run nsman. What enters a container runs on an interpreter that cannot be written to there (CVE-2019-5736)."""
    if "enter" in sys.argv[1:]:  # also as a word of another command, which costs some milliseconds and nothing else
        from section01_processes import protect_interpreter

        protect_interpreter("nsman")
    if sys.argv[1:] == ["ls"]:
        from .quick import list_all

        if list_all():
            sys.exit(0)
    from section01_processes import run_tool

    from .group import cli

    run_tool(cli, "nsman")
