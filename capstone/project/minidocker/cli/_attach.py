"""Being attached to a container, for run, start and attach.

What belongs here: which frame to send first, and what the exit code is. What does not: copying (``shimstreams.py``).
"""

from __future__ import annotations

import os

from minidocker.shim import protocol as p
from minidocker.shimclient import ShimGone, attach_frame
from minidocker.shimstreams import attach_loop

TYPE_CHECKING = False
if TYPE_CHECKING:
    from minidocker.engine.base import Engine
    from minidocker.engine.run import Started


def first_frame(*, stdin: bool, tty: bool, attached: bool = True) -> bytes:
    """Return START, or ATTACH with the terminal's size."""
    if not attached:
        return p.frame(p.START)
    rows = columns = 0
    if tty and os.isatty(0):
        from section01_processes import get_size

        rows, columns = get_size(0)
    flags = p.ATTACH_STDOUT | p.ATTACH_STDERR | (p.ATTACH_STDIN if stdin else 0)
    return attach_frame(flags, rows, columns)


def stay_attached(engine: Engine, started: Started, *, stdin: bool, tty: bool, keys: str, proxy: bool) -> int:
    """Copy until the container ends or the user detaches; return the exit code (0 after detaching)."""
    from minidocker.engine.run import finish

    try:
        status = attach_loop(
            started.connection, stdin=0 if stdin else -1, tty=tty, detach_keys=keys, forward_signals=proxy
        )
    except ShimGone:
        finish(engine, started)  # heals
        raise
    if status is None:
        started.connection.close()
        return 0
    finish(engine, started)
    return status
