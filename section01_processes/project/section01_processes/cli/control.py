"""procman signal: send a signal to a process by its pidfd."""

from __future__ import annotations

import click

from ..errors import LcmError
from ..signals import default_action, signal_name, signal_number
from .common import PID, open_process


@click.command("signal")
@PID
@click.argument("name", metavar="SIGNAL")
@click.option("--dry-run", is_flag=True, help="Say what would be sent, and send nothing.")
def signal_command(pid: int, name: str, dry_run: bool) -> None:
    """Send SIGNAL (a name or a number) to process PID, by its pidfd."""
    number = signal_number(name)
    with open_process(pid) as process:
        if dry_run:
            click.echo(f"pidfd_send_signal({pid}, {signal_name(number)}), default: {default_action(number)}")
        elif not process.signal(number):
            raise LcmError(f"no process {pid}", exit_code=1)
