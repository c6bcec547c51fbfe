"""procman wait: until a process has ended."""

from __future__ import annotations

import select

import click

from .common import PID, open_process


@click.command()
@PID
@click.option("--timeout", type=float, help="Give up after so many seconds (exit code 124).")
def wait(pid: int, timeout: float | None) -> int:
    """Wait until process PID has ended; it need not be our child, so its exit code stays unknown."""
    with open_process(pid) as process:
        ended, _, _ = select.select([process], [], [], timeout)
    return 0 if ended else 124
