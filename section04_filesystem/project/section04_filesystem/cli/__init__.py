"""jailman: make a root file system, enter it, test it, look at mounts.

What belongs here: the way in. Each command parses, calls one function of the library, prints, in a file of its own;
the list of them is in ``group.py``. Slow path: click there, rich inside the commands.
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn


def main() -> NoReturn:
    """Run jailman. What enters a jail runs on an interpreter that cannot be written to there (CVE-2019-5736)."""
    if "enter" in sys.argv[1:]:  # also as a word of another command, which costs some milliseconds and nothing else
        from section01_processes import protect_interpreter

        protect_interpreter("jailman")
    from section01_processes import run_tool

    from .group import cli

    run_tool(cli, "jailman")
