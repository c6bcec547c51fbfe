"""spawn without --detach: the child is ours, the terminal its or shared, the end ours to report."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING, Any

import click

from ..core.plan import Plan, Recorder
from ..core.spawn import Child, spawn
from ..explain import describe_plan, explain_lines, read_records
from ..manager.terminal import Master, join, window_size
from ..pty import open_pty, set_size
from ..signals import signal_name

if TYPE_CHECKING:
    from collections.abc import Callable

PASSED_ON = (signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2)


def run_in_foreground(plan: Callable[[int], Plan], given: dict[str, Any]) -> int:
    """Start what ``plan(terminal)`` says, wait, return its exit code; ``given``: the command's options."""
    if given["dry_run"]:
        click.echo("\n".join(describe_plan(plan(3 if given["pty"] else -1))))
        return 0
    signal.pthread_sigmask(signal.SIG_BLOCK, PASSED_ON)  # until there is somebody to pass them on to
    master, slave = open_pty() if given["pty"] else (-1, -1)
    if master >= 0 and all(size := window_size()):
        set_size(master, *size)
    with start(plan(slave), given["explain"]) as child:
        if slave >= 0:
            os.close(slave)
        if given["verbose"]:
            click.echo(f"procman: pid {child.pid}", err=True)
        code = wait_for(child, master)
    if given["verbose"]:
        click.echo(f"procman: {ending(code)}", err=True)
    return code


def start(plan: Plan, explain: bool) -> Child:
    """Spawn a child that runs ``plan``, whose last step is an execve; print its records if asked to explain."""
    reader, writer = os.pipe2(os.O_CLOEXEC) if explain else (-1, -1)
    try:
        child = spawn(lambda: run_plan(plan, writer), report=True)
    finally:
        if explain:
            os.close(writer)
            for line in explain_lines([plan], read_records(reader)):
                click.echo(line, err=True)
            os.close(reader)
    return child


def run_plan(plan: Plan, writer: int) -> None:
    """Run ``plan``, with records to ``writer`` unless that is -1."""
    plan.run({}, Recorder(writer, "child") if writer >= 0 else None)


def wait_for(child: Child, master: int) -> int:
    """Wait; the terminal's signals reach the child by itself, the others are passed on to it."""
    for number in (signal.SIGINT, signal.SIGQUIT):
        signal.signal(number, signal.SIG_IGN)
    for number in PASSED_ON:
        signal.signal(number, lambda number, _: child.signal(number) and None)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, PASSED_ON)
    if master >= 0:
        join(Master(master, child.pidfd))
        os.close(master)
    return child.wait()


def ending(code: int) -> str:
    """Return how a process ended, in words."""
    return f"killed by {signal_name(code - 128)}" if 128 < code <= 192 else f"exit code {code}"
