"""cgman: see cgroup hierarchies, run a command under limits, read what a group has used, remove groups.

What belongs here: parse, call one function of the library, print. Slow path: click here, rich inside the commands.
"""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any, NoReturn

import click

from section01_processes import Child, Plan, describe_plan, exec_program, find_program, run_tool, signal_name, spawn

from .cgroup import Cgroup
from .core.files import read_value
from .core.group import members, subgroups
from .core.limits import PERIOD_US, Limits
from .errors import CgroupError, LimitRefused
from .hierarchy import Hierarchy, parse_proc_cgroup
from .plan import plan_cgroup, plan_enter_cgroup

if TYPE_CHECKING:
    from rich.tree import Tree

JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
DRY_RUN = click.option("--dry-run", is_flag=True, help="Show what would be done and do nothing.")
UNITS = {"": 1, "b": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40}


def size(text: str) -> int:
    """Return the bytes of ``64m``, ``1.5G``, ``1048576`` or ``-1`` (no limit). Raises LimitRefused."""
    number, unit = text.strip().lower().removesuffix("ib"), ""
    if number and number[-1].isalpha():
        number, unit = number[:-1], number[-1]
    try:
        return -1 if text == "-1" else int(float(number) * UNITS[unit])
    except (KeyError, ValueError, OverflowError):
        raise LimitRefused(f"no size: {text!r}", hint="a number and b, k, m, g or t", exit_code=2) from None


def human(value: int | None) -> str:
    """Return bytes as people read them; ``-`` for unknown, ``no limit`` for -1."""
    if value is None or value < 0:
        return "-" if value is None else "no limit"
    number = float(value)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if number < 1024:
            return f"{number:.4g} {unit}"
        number /= 1024
    return f"{number:.4g} TiB"


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def cli() -> None:
    """Limit, measure and end processes by control groups (section 3)."""


@cli.command()
@JSON
def info(as_json: bool) -> None:
    """Show which hierarchies this machine has, and where this shell is in them."""
    hierarchy = Hierarchy.detect()
    own = parse_proc_cgroup(read_value("/proc/self", "cgroup"))
    rows = [
        {"controller": name, "version": hierarchy.find(name)[1], "mount": mount,
         "path": own.get("" if mount == hierarchy.unified else name, "/")}
        for name, mount in sorted(hierarchy.controllers.items())
    ]  # fmt: skip
    if as_json:
        click.echo(json.dumps({"mode": hierarchy.mode, "unified": hierarchy.unified, "controllers": rows}, indent=2))
        return
    from rich.console import Console
    from rich.table import Table

    table = Table("controller", "version", "mounted at", "this process is in", title=f"cgroups: {hierarchy.mode}")
    for row in rows:
        table.add_row(*(str(row[key]) for key in ("controller", "version", "mount", "path")))
    if hierarchy.unified:
        table.add_row("(unified)", "2", hierarchy.unified, own.get("", "/"))
    Console().print(table)


@cli.command(context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
@click.option("-m", "--memory", type=size, help="Limit of memory: 64m.")
@click.option("--memory-swap", type=size, help="Limit of memory and swap together (default: as --memory, so no swap).")
@click.option("--cpus", type=click.FloatRange(min=0.01), help="How many CPUs' time it may use: 0.5.")
@click.option("--cpu-shares", type=click.IntRange(2, 262144), help="Its weight against others (1024 is normal).")
@click.option("--cpuset", help="Which CPUs it may run on: 0-1,3.")
@click.option("--pids", type=int, help="How many processes and threads it may have.")
@click.option("--cgroup", "path", default="", help="Path of the group (default: /cgman-<pid>).")
@DRY_RUN
@JSON
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)
def run(path: str, dry_run: bool, as_json: bool, command: tuple[str, ...], **asked: Any) -> int:
    """Run COMMAND in a group of its own under limits, report what it used, end with its exit code.

    What the command leaves running is killed, and the group removed.
    """
    cgroup = Cgroup(Hierarchy.detect(), path or f"/cgman-{os.getpid()}")
    steps = plan_cgroup(cgroup, limits_of(**asked))
    enter = plan_enter_cgroup(cgroup)
    if dry_run:
        click.echo("\n".join(describe_plan(Plan("cli", steps)) + describe_plan(Plan("child", enter))))
        return 0
    if cgroup.exists():
        raise CgroupError(17, "mkdir", (cgroup.path,), hint="choose another --cgroup, or cgman rm it")
    program = find_program(command[0], os.environ.get("PATH", os.defpath), os.getcwd())

    def become() -> NoReturn:
        Plan("child", enter).run({})
        exec_program([program, *command[1:]], [f"{k}={v}" for k, v in os.environ.items()], argv0=command[0])

    try:
        Plan("cli", steps).run({})
        code = wait(spawn(become, report=True))
        report(cgroup, code, as_json)
    finally:
        cgroup.kill()
        cgroup.remove()
    return code


def wait(child: Child) -> int:
    """Wait for ``child``; Ctrl-C reaches it by the terminal, so go on waiting."""
    while True:
        try:
            return child.wait()
        except KeyboardInterrupt:
            continue


def limits_of(
    memory: int | None, memory_swap: int | None, cpus: float | None, cpu_shares: int | None, cpuset: str | None,
    pids: int | None,
) -> Limits:  # fmt: skip
    """Return the limits that the options ask for."""
    return Limits(
        memory=memory,
        memory_swap=memory if memory_swap is None else memory_swap,
        cpu_quota=None if cpus is None else int(cpus * PERIOD_US),
        cpu_period=None if cpus is None else PERIOD_US,
        cpu_shares=cpu_shares,
        cpuset_cpus=cpuset,
        pids=pids,
    )


def report(cgroup: Cgroup, code: int, as_json: bool) -> None:
    """Write to standard error what the command used and how it ended."""
    stats = cgroup.stats().as_dict()
    if as_json:
        click.echo(json.dumps({"exit_code": code, **stats}), err=True)
        return
    seconds = [(stats[key] or 0) / 1e6 for key in ("cpu_usage", "cpu_user", "cpu_system", "cpu_throttled")]
    ended = f"killed by {signal_name(code - 128)}" if code > 128 else f"exit code {code}"
    click.echo(f"{cgroup.path}: {ended}", err=True)
    click.echo("  cpu     {:.3f} s ({:.3f} user, {:.3f} system), throttled {:.3f} s".format(*seconds), err=True)
    click.echo(f"  memory  peak {human(stats['memory_peak'])} of {human(stats['memory_limit'])}", err=True)
    if stats["oom_kills"]:
        click.echo(f"  killed for want of memory: {stats['oom_kills']} times", err=True)


@cli.command()
@JSON
@click.argument("cgroup")
def stats(cgroup: str, as_json: bool) -> None:
    """Show what CGROUP (a path like /minidocker/ID) has used."""
    group = Cgroup(Hierarchy.detect(), cgroup)
    if not group.exists():
        raise CgroupError(2, "open", (group.path,), hint="cgman tree shows what there is")
    values = {**group.stats().as_dict(), "members": group.pids()}
    if as_json:
        click.echo(json.dumps(values, indent=2))
        return
    for name, value in values.items():
        is_bytes = name.startswith(("memory", "swap", "io"))
        click.echo(f"{name:22} {human(value) if is_bytes else '-' if value is None else value}")  # type: ignore[arg-type]


@cli.command()
@click.argument("path", default="/")
@click.option("--controller", default="", help="In which version 1 hierarchy (default: the unified one, or memory's).")
@JSON
def tree(path: str, controller: str, as_json: bool) -> None:
    """Show the groups below PATH and how many processes each has."""
    hierarchy = Hierarchy.detect()
    mount = hierarchy.find(controller)[0] if controller else hierarchy.unified or hierarchy.find("memory")[0]
    folder = f"{mount}/{path.strip('/')}".rstrip("/")
    if not mount or not os.path.isdir(folder):
        raise CgroupError(2, "open", (folder or controller,), hint="cgman info shows the controllers")
    if as_json:
        click.echo(json.dumps(_nested(folder), indent=2))
        return
    from rich.console import Console
    from rich.tree import Tree

    root = Tree(folder)
    _grow(root, folder)
    Console().print(root)


def _nested(folder: str) -> dict[str, Any]:
    below = [_nested(child) for child in sorted(subgroups(folder))]
    return {"path": folder, "processes": len(members(folder)), "groups": below}


def _grow(branch: Tree, folder: str) -> None:
    for child in sorted(subgroups(folder)):
        _grow(branch.add(f"{os.path.basename(child)}  [dim]{len(members(child))} processes[/dim]"), child)


@cli.command()
@click.option("-k", "--kill", is_flag=True, help="Kill its members first.")
@DRY_RUN
@click.argument("cgroup")
def rm(cgroup: str, kill: bool, dry_run: bool) -> None:
    """Remove CGROUP and the groups below it, in every hierarchy."""
    group = Cgroup(Hierarchy.detect(), cgroup)
    if dry_run:
        for pid in group.pids() if kill else ():
            click.echo(f"kill {pid}")
        for folder in filter(os.path.isdir, group.folders()):
            click.echo(f"rmdir {folder}")
        return
    if kill:
        group.kill()
    group.remove()


def main() -> NoReturn:
    """Run the tool."""
    run_tool(cli, "cgman")


if __name__ == "__main__":
    main()
