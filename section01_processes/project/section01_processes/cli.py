"""procman: start, see, signal and wait for processes.

What belongs here: parse, call one function of the library, print. Slow path: click here, rich inside the commands.
"""

from __future__ import annotations

import json
import os
import select
import signal
import sys
from typing import TYPE_CHECKING, Any, NoReturn

import click

from .core.plan import Plan, Recorder
from .core.spawn import Child, spawn
from .errors import LcmError
from .explain import describe_plan, explain_lines, read_records
from .launch import plan_program
from .programs import find_program
from .signals import SIGNALS, default_action, signal_name, signal_number
from .stat import STATES, ProcessStat
from .status import command_line, process_facts, terminal_name
from .tool import process_id, run_tool
from .tree import ProcessTree

if TYPE_CHECKING:
    from rich.tree import Tree

JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
PID = click.argument("pid", type=process_id)
PASSED_ON = (signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def cli() -> None:
    """Start, see, signal and wait for processes (section 1)."""


@cli.command("spawn", context_settings={"ignore_unknown_options": True})
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


@cli.command()
@JSON
@click.option("--zombies", is_flag=True, help="Only the dead that nobody has waited for (LCM-PROC-06).")
def ps(as_json: bool, zombies: bool) -> None:
    """List the processes of this pid namespace."""
    tree = ProcessTree.read()
    rows = [row(stat) for stat in (tree.zombies() if zombies else tree.processes.values())]
    rows.sort(key=lambda fields: fields["pid"])
    if as_json:
        click.echo(json.dumps(rows))
        return
    click.echo(f"{'PID':>7} {'PPID':>7} {'PGID':>7} {'SID':>7} {'TTY':8} {'STATE':10} {'RSS KiB':>8} COMMAND")
    for fields in rows:
        click.echo(
            f"{fields['pid']:7} {fields['parent']:7} {fields['group']:7} {fields['session']:7} "
            f"{fields['terminal'] or '-':8} {fields['state']:10} {fields['memory'] // 1024:8} {fields['command']}"
        )


def row(stat: ProcessStat) -> dict[str, Any]:
    """Return one line of ``ps``."""
    words = command_line(stat.pid)
    return {
        "pid": stat.pid,
        "parent": stat.ppid,
        "group": stat.pgrp,
        "session": stat.session,
        "terminal": terminal_name(stat.tty),
        "state": STATES.get(stat.state, stat.state),
        "memory": stat.rss * os.sysconf("SC_PAGE_SIZE"),
        "name": stat.comm,
        "command": " ".join(words).encode(errors="replace").decode() if words else f"[{stat.comm}]",
    }


@cli.command()
@PID
@JSON
def status(pid: int, as_json: bool) -> None:
    """Show what the kernel knows about process PID (or "self": the shell you typed this in)."""
    facts = process_facts(pid)
    if as_json:
        click.echo(json.dumps(facts))
        return
    for name, value in facts.items():
        for key, text in value.items() if isinstance(value, dict) else [("", value)]:
            shown = " ".join(map(str, text)) if isinstance(text, list) else "-" if text is None else text
            click.echo(f"{f'{name} {key}'.strip():18} {shown}")


@cli.command()
@click.argument("pid", type=process_id, required=False)
@JSON
def tree(pid: int | None, as_json: bool) -> None:
    """Draw who is whose child, from PID on (default: everybody)."""
    picture = ProcessTree.read()
    roots = [pid] if pid else picture.roots()
    if as_json:
        walks = (item for root in roots for item in picture.walk(root))
        click.echo(json.dumps([{"depth": depth, **row(stat)} for depth, stat in walks]))
        return
    from rich.console import Console

    console = Console(highlight=False, soft_wrap=True)
    for root in roots:
        console.print(draw(picture, root))


def draw(picture: ProcessTree, root: int) -> Tree:
    """Return the drawing of ``root`` and its descendants."""
    from rich.text import Text
    from rich.tree import Tree

    nodes: list[Tree] = []
    for depth, stat in picture.walk(root):
        label = Text(f"{stat.pid} {stat.comm}" + (" (zombie)" if stat.state == "Z" else ""))
        node = nodes[depth - 1].add(label) if depth else Tree(label)
        nodes[depth:] = [node]
    return nodes[0]


@cli.command("signal")
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


@cli.command()
@PID
@click.option("--timeout", type=float, help="Give up after so many seconds (exit code 124).")
def wait(pid: int, timeout: float | None) -> int:
    """Wait until process PID has ended; it need not be our child, so its exit code stays unknown."""
    with open_process(pid) as process:
        ended, _, _ = select.select([process], [], [], timeout)
    return 0 if ended else 124


def open_process(pid: int) -> Child:
    """Return a handle of a process that is not our child. Raises LcmError."""
    try:
        return Child(pid, os.pidfd_open(pid))
    except ProcessLookupError as error:
        raise LcmError(f"no process {pid}", exit_code=1) from error


@cli.group()
def signals() -> None:
    """List signals, and show what a process does about them."""


@signals.command("list")
@JSON
def signals_list(as_json: bool) -> None:
    """List the signals, with what each does by default (signal(7))."""
    rows = [{"number": n, "name": f"SIG{name}", "default": default_action(n)} for name, n in SIGNALS.items()]
    if as_json:
        click.echo(json.dumps(rows))
        return
    for fields in rows:
        click.echo(f"{fields['number']:2} {fields['name']:10} {fields['default']}")
    click.echo("34 SIGRTMIN … 64 SIGRTMIN+30: terminate")


@signals.command("show")
@PID
@JSON
def signals_show(pid: int, as_json: bool) -> None:
    """Show which signals of PID are pending, blocked, ignored and caught."""
    masks: dict[str, list[str]] = process_facts(pid)["signals"]
    if as_json:
        click.echo(json.dumps(masks))
        return
    for word, names in masks.items():
        click.echo(f"{word:8} {' '.join(names) or '-'}")


def main() -> NoReturn:
    """Run the tool."""
    run_tool(cli, "procman")


if __name__ == "__main__":
    sys.exit(main())
