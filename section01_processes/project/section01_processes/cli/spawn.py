"""procman spawn: start a program, wait for it, end as it ended."""

from __future__ import annotations

import os
import signal

import click

from ..core.plan import Plan, Recorder
from ..core.spawn import Child, spawn
from ..explain import describe_plan, explain_lines, read_records
from ..launch import plan_program
from ..programs import find_program
from ..signals import signal_name

PASSED_ON = (signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2)


@click.command("spawn", context_settings={"ignore_unknown_options": True})
@click.option("-e", "--env", "variables", multiple=True, metavar="K=V", help="Set a variable.")
@click.option("--clean-env", is_flag=True, help="Start from an empty environment, but for PATH.")
@click.option("-w", "--cwd", default="", help="Working directory.")
@click.option("--new-session", is_flag=True, help="Lead a session of its own, without a terminal.")
@click.option("--dry-run", is_flag=True, help="Show the steps and do nothing.")
@click.option("--explain", is_flag=True, help="Show each step as it happens.")
@click.option("-v", "--verbose", is_flag=True, help="Say the pid, and how it ended.")
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)
def spawn_command(
    variables: tuple[str, ...],
    clean_env: bool,
    cwd: str,
    new_session: bool,
    dry_run: bool,
    explain: bool,
    verbose: bool,
    command: tuple[str, ...],
) -> int:
    """Start COMMAND, wait for it, and end with its exit code (128 + n when signal n killed it)."""
    environment = {"PATH": os.environ.get("PATH", os.defpath)} if clean_env else dict(os.environ)
    environment.update(pair.partition("=")[::2] for pair in variables)
    path = find_program(command[0], environment.get("PATH", ""), cwd)
    pairs = [f"{name}={value}" for name, value in environment.items()]
    plan = Plan("child", plan_program(os.path.abspath(path), command, pairs, cwd=cwd, new_session=new_session))
    if dry_run:
        click.echo("\n".join(describe_plan(plan)))
        return 0
    signal.pthread_sigmask(signal.SIG_BLOCK, PASSED_ON)  # until there is somebody to pass them on to
    with start(plan, explain) as child:
        if verbose:
            click.echo(f"procman: pid {child.pid}", err=True)
        code = wait_in_foreground(child)
    if verbose:
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


def wait_in_foreground(child: Child) -> int:
    """Wait; the terminal's signals reach the child by itself, the others are passed on to it."""
    for number in (signal.SIGINT, signal.SIGQUIT):
        signal.signal(number, signal.SIG_IGN)
    for number in PASSED_ON:
        signal.signal(number, lambda number, _: child.signal(number) and None)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, PASSED_ON)
    return child.wait()


def ending(code: int) -> str:
    """Return how a process ended, in words."""
    return f"killed by {signal_name(code - 128)}" if 128 < code <= 192 else f"exit code {code}"
