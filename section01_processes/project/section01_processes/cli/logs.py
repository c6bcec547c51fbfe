"""procman logs, attach: what a detached process writes, and its terminal."""

from __future__ import annotations

import os
import signal
import sys

import click

from ..errors import LcmError
from ..handle import open_identity
from ..manager.follow import LogReader, follow
from ..manager.managed import Managed
from ..manager.terminal import Attached, join
from .common import NAMED


@click.command()
@NAMED
@click.option("-f", "--follow", "following", is_flag=True, help="Go on while the process writes, until it has ended.")
@click.option("-n", "--tail", type=click.IntRange(0), metavar="N", help="Only the last N lines.")
def logs(named: Managed, following: bool, tail: int | None) -> None:
    """Print what a detached process has written, rotated files included."""
    reader = LogReader(named.log, named.spec.log_files)
    try:
        if tail is not None:
            reader.skip_to_tail(tail)
        if following:
            follow(reader, os.path.dirname(named.log), keeper_of(named), put)
        else:
            for data in reader.read():
                put(data)
    finally:
        reader.close()


def keeper_of(named: Managed) -> int:
    """Return a pidfd of the supervisor; -1 when there is none."""
    if not named.supervised or named.keeper is None:
        return -1
    try:
        return open_identity(named.keeper).pidfd
    except LcmError:
        return -1


def put(data: bytes) -> None:
    """Write bytes to standard output at once."""
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()


@click.command()
@NAMED
def attach(named: Managed) -> int:
    """Join the terminal of a process that was started with --detach --pty.

    ctrl-p ctrl-q leaves it running. Ends with its exit code when it ends meanwhile.
    """
    if not named.supervised:
        raise LcmError(f"cannot attach to {named.name!r}: {named.ending()}", exit_code=1)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, leave)
    far = Attached(named.folder)
    try:
        ended = join(far, detachable=True)
    finally:
        os.close(far.fd)
    if not ended:
        click.echo(f"\nprocman: detached; procman attach {named.name} comes back", err=True)
        return 0
    if far.exit_code is None:
        raise LcmError(f"the supervisor of {named.name!r} closed the connection", hint=f"procman status {named.name}")
    return far.exit_code


def leave(number: int, _: object) -> None:
    """End by a signal, but not before the terminal has been given back."""
    raise SystemExit(128 + number)
