"""procman wait: until a process has ended."""

from __future__ import annotations

import click

from ..errors import LcmError
from ..handle import open_process, wait_end
from ..manager import operations
from ..manager.managed import Managed
from .common import TARGET, Seconds

TIMED_OUT = 124  # as timeout(1)


@click.command()
@TARGET
@click.option("-t", "--timeout", type=Seconds(), metavar="SECONDS",
              help="Give up after so many seconds (exit code 124).")  # fmt: skip
def wait(target: int | Managed, timeout: float | None) -> int:
    """Wait until a process has ended.

    By NAME: until it has ended for good, restarts included; ends with its exit code. By PID: it need not be our child,
    so its exit code stays unknown; ends with 0.
    """
    if isinstance(target, int):
        with open_process(target) as process:
            return 0 if wait_end(process, timeout) else TIMED_OUT
    try:
        operations.await_supervisor(target.folder, timeout)
    except TimeoutError:
        return TIMED_OUT
    now = operations.read(target.folder)
    if now.state == "orphaned":
        with now.open() as process:
            if not wait_end(process, timeout):
                return TIMED_OUT
    if now.state != "exited" or now.status.exit_code is None:
        raise LcmError(f"nobody knows how process {now.name!r} ended: its supervisor was killed")
    return now.status.exit_code
