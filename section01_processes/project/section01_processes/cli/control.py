"""procman signal, stop, pause, resume: what can be sent to a running process, always by its pidfd."""

from __future__ import annotations

import click

from ..manager import operations
from ..manager.managed import Managed
from ..signals import signal_name, signal_number
from .common import DRY_RUN, TARGET, Seconds, carry_out, complain_of_zombie

GRACE = 10.0


@click.command("signal")
@TARGET
@click.argument("signal", metavar="SIGNAL")
@DRY_RUN
def signal_command(target: int | Managed, signal: str, dry_run: bool) -> None:
    """Send SIGNAL (a name or a number) to one process, by its pidfd."""
    complain_of_zombie(target)
    slots = carry_out(operations.plan_signal(target, signal_name(signal_number(signal))), dry_run)
    operations.close(slots or {})


@click.command()
@TARGET
@click.option("-t", "--timeout", type=Seconds(), default=GRACE, show_default=True, metavar="SECONDS",
              help="How long it may take after SIGTERM before SIGKILL follows.")  # fmt: skip
@DRY_RUN
def stop(target: int | Managed, timeout: float, dry_run: bool) -> None:
    """End a process: SIGTERM, a time of grace, SIGKILL; say which was needed.

    A named process is not started again, and what it leaves in its session is killed.
    """
    label = str(target) if isinstance(target, int) else target.name
    if isinstance(target, Managed) and target.state == "exited":
        click.echo(f"{label}: had ended before ({target.ending()})")
        return
    complain_of_zombie(target)
    slots = carry_out(operations.plan_stop(target, timeout), dry_run)
    if slots is None:
        return
    operations.close(slots)
    how = f"ended by {slots['ended']}" if slots["ended"] else "had ended before"
    if slots["ended"] == "SIGKILL":
        how += f", {timeout:g} s after SIGTERM"
    click.echo(f"{label}: {how}{_outcome(target)}")


def _outcome(target: int | Managed) -> str:
    """Return what is known of the exit code afterwards."""
    if isinstance(target, int):
        return ""
    now = operations.read(target.folder)
    return f"; {now.status.error}" if now.status.exit_code is None else f", exit code {now.status.exit_code}"


@click.command()
@TARGET
@DRY_RUN
def pause(target: int | Managed, dry_run: bool) -> None:
    """Stop all processes of its session (a name) or of the group that it leads (a pid), by SIGSTOP.

    State T in procman ps; it cannot be caught. `procman resume` lets them go on.
    """
    _send_to_all(target, "SIGSTOP", "paused", dry_run)


@click.command()
@TARGET
@DRY_RUN
def resume(target: int | Managed, dry_run: bool) -> None:
    """Let a paused process and its companions go on, by SIGCONT."""
    _send_to_all(target, "SIGCONT", "resumed", dry_run)


def _send_to_all(target: int | Managed, signal: str, word: str, dry_run: bool) -> None:
    """Send ``signal`` to the target and its companions; say to whom."""
    slots = carry_out(operations.plan_pause(target, signal), dry_run)
    if slots is None:
        return
    process = slots["process"]
    click.echo(f"{word}: {' '.join(map(str, slots.get('reached', [process.pid])))}")
    operations.close(slots)
