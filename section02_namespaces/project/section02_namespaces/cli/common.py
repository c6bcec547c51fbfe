"""What several commands share: options, and which kinds they name.

What belongs here: what two or more files of this folder need. What does not: commands.
"""

from __future__ import annotations

from typing import Any

import click

from ..core.kinds import kind_named

JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
DRY_RUN = click.option("--dry-run", is_flag=True, help="Show the steps and do nothing.")
EXPLAIN = click.option("--explain", is_flag=True, help="Show each step, with its time, when all are done.")
#: Option → the kernel's name of the kind.
KIND_OPTIONS = {
    "pid": "pid", "mount": "mnt", "net": "net", "uts": "uts", "ipc": "ipc", "user": "user", "cgroup": "cgroup",
    "time": "time",
}  # fmt: skip


def kind_options(command: Any) -> Any:
    """Add ``--pid``, ``--mount`` … to ``command``."""
    for option, kind in reversed(KIND_OPTIONS.items()):
        isolates = kind_named(kind).isolates
        command = click.option(f"--{option}", is_flag=True, help=f"{kind} namespace: {isolates}.")(command)
    return command


def chosen(given: dict[str, bool]) -> list[str]:
    """Return the kinds that the options name."""
    return [KIND_OPTIONS[option] for option, wanted in given.items() if wanted]
