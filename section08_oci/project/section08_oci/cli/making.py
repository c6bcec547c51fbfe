"""ociman create, start, run."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import click

from section01_processes import Plan, describe_plan

from ..bundle import Bundle
from ..life import Created, delete
from ..life import create as create_container
from ..life import start as start_container
from ..options import Options
from ..plans import plan_container
from .terminal import current_size, hand_to_socket, serve

if TYPE_CHECKING:
    from .tool import Root

BUNDLE = click.option("-b", "--bundle", default=".", metavar="DIR", help="The folder with config.json [.].")
CONSOLE_SOCKET = click.option("--console-socket", default="", metavar="PATH", help="Send the terminal's master there.")
PID_FILE = click.option("--pid-file", default="", metavar="FILE", help="Write the pid of the process to FILE.")
DRY_RUN = click.option("--dry-run", is_flag=True, help="Show the steps of every process and do nothing.")
NO_KEYRING = click.option("--no-new-keyring", expose_value=False, is_flag=True, hidden=True)


@click.command()
@click.argument("container_id")
@BUNDLE
@CONSOLE_SOCKET
@PID_FILE
@DRY_RUN
@NO_KEYRING
@click.pass_obj
def create(root: Root, container_id: str, bundle: str, console_socket: str, pid_file: str, dry_run: bool) -> None:
    """Make a container of the bundle, up to its start gate."""
    found = load(bundle)
    if found.spec["process"].get("terminal") and not console_socket and not dry_run:
        raise click.UsageError("the config asks for a terminal: give --console-socket, or use run")
    if dry_run:
        show(found, container_id)
        return
    made = make(root, container_id, found, pid_file)
    deliver(made, console_socket)


@click.command()
@click.argument("container_id")
@click.pass_obj
def start(root: Root, container_id: str) -> None:
    """Open the gate of a created container: its program runs."""
    start_container(root.folder(container_id))


@click.command()
@click.argument("container_id")
@BUNDLE
@CONSOLE_SOCKET
@PID_FILE
@DRY_RUN
@click.option("-d", "--detach", is_flag=True, help="Do not wait for the container.")
@click.option("--keep", is_flag=True, help="Do not delete it when it ends.")
@click.option("--explain", is_flag=True, help="Show each step of every process, with its time, on standard error.")
@NO_KEYRING
@click.pass_obj
def run(
    root: Root,
    container_id: str,
    bundle: str,
    console_socket: str,
    pid_file: str,
    dry_run: bool,
    detach: bool,
    keep: bool,
    explain: bool,
) -> int:
    """Create and start a container, wait for its end, delete it; the exit code is the container's."""
    found = load(bundle)
    terminal = bool(found.spec["process"].get("terminal"))
    if dry_run:
        show(found, container_id)
        return 0
    if terminal and detach and not console_socket:
        raise click.UsageError("a detached container with a terminal needs --console-socket")
    reader, writer = os.pipe() if explain else (-1, -1)
    made = make(root, container_id, found, pid_file, record_fd=writer)
    folder = root.folder(container_id)
    try:
        if terminal and (detach or console_socket):
            deliver(made, console_socket)
        start_container(folder)
    except BaseException:
        delete(folder, force=True)
        raise
    if explain:
        tell_records(found, container_id, reader, writer)
    if detach:
        return 0
    try:
        return serve(made)
    finally:
        if not keep:
            delete(folder, force=True)


def load(folder: str) -> Bundle:
    """Return the bundle in ``folder``, checked."""
    bundle = Bundle(folder)
    bundle.check()
    return bundle


def options_for(name: str, folder: str, **rest: Any) -> Options:
    """Return the library's options for a container whose runtime is this command."""
    return Options(name, folder, process="cli", console_size=current_size(), **rest)


def make(root: Root, name: str, bundle: Bundle, pid_file: str, **rest: Any) -> Created:
    """Create the container; after an error nothing of it is left."""
    folder = root.new_folder(name)
    try:
        made = create_container(bundle, options_for(name, folder, **rest))
        os.close(made.netns)
        if pid_file:
            write_pid(pid_file, made.pid)
    except BaseException:
        delete(folder, force=True)
        raise
    return made


def write_pid(path: str, pid: int) -> None:
    """Write ``pid`` by rename, since somebody may be waiting for the file."""
    from section01_processes import write_file

    write_file(os.path.abspath(path), str(pid), mode=0o644, durable=False)


def deliver(made: Created, console_socket: str) -> None:
    """Send the terminal's master to whoever listens at ``console_socket``."""
    if made.console >= 0 and console_socket:
        hand_to_socket(made.console, console_socket)
        made.console = -1


def show(bundle: Bundle, name: str) -> None:
    """Print the plans of all processes."""
    for plan in plan_container(bundle, options_for(name, f"/run/ociman/{name}")).values():
        print_plan(plan)


def print_plan(plan: Plan) -> None:
    """Print one line per step."""
    for line in describe_plan(plan):
        click.echo(line)


def tell_records(bundle: Bundle, name: str, reader: int, writer: int) -> None:
    """Print what the processes have recorded."""
    from section01_processes import explain_lines, read_records

    os.close(writer)
    plans = plan_container(bundle, options_for(name, f"/run/ociman/{name}"))
    for line in explain_lines(plans, sorted(read_records(reader), key=lambda record: record[3])):
        click.echo(line, err=True)
    os.close(reader)
