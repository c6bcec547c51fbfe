"""What several commands share: options, arguments, one process as a row.

What belongs here: what two or more files of this folder need. What does not: commands.
"""

from __future__ import annotations

import os
from typing import Any

import click

from ..core.spawn import Child
from ..core.stat import ProcessStat
from ..errors import LcmError
from ..states import state_name
from ..status import command_line, terminal_name
from ..tool import process_id

JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
PID = click.argument("pid", type=process_id)


def row(stat: ProcessStat) -> dict[str, Any]:
    """Return one line of ``ps``."""
    words = command_line(stat.pid)
    return {
        "pid": stat.pid,
        "parent": stat.ppid,
        "group": stat.pgrp,
        "session": stat.session,
        "terminal": terminal_name(stat.tty),
        "state": state_name(stat.state),
        "memory": stat.rss * os.sysconf("SC_PAGE_SIZE"),
        "name": stat.comm,
        "command": " ".join(words).encode(errors="replace").decode() if words else f"[{stat.comm}]",
    }


def open_process(pid: int) -> Child:
    """Return a handle of a process that is not our child. Raises LcmError."""
    try:
        return Child(pid, os.pidfd_open(pid))
    except ProcessLookupError as error:
        raise LcmError(f"no process {pid}", exit_code=1) from error
