"""``minidocker stats`` and ``top``."""

from __future__ import annotations

import os
import time

import click

from minidocker.engine.base import Engine

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from minidocker.store import Row


@click.command()
@click.option("--no-stream", is_flag=True, help="Once, instead of every second.")
@click.option("--format", "form", metavar="FORMAT", default="", help="json, or a template such as '{{.MemUsage}}'.")
@click.argument("containers", nargs=-1)
@click.pass_obj
def stats(root: str, no_stream: bool, form: str, containers: tuple[str, ...]) -> None:
    """Show what running CONTAINERS use."""
    from minidocker.engine.settle import RUNNING, settle, settled
    from minidocker.engine.stop import running

    from ._table import print_json_lines, print_table, shown_template

    engine = Engine(root)
    titles = ("CONTAINER ID", "NAME", "CPU %", "MEM USAGE / LIMIT", "MEM %", "PIDS")
    while True:
        if containers:
            rows = [row for row in [settled(engine, name) for name in containers] if running(engine, row)]
        else:
            rows = [row for row in settle(engine) if engine.reported(row.id).get("state") in RUNNING]
        lines = _measure(rows)
        if form == "json":
            print_json_lines(lines)
        elif form:
            shown_template(form, lines)
        else:
            if not no_stream:
                click.clear()
            print_table(titles, ("ID", "Name", "CPUPerc", "MemUsage", "MemPerc", "PIDs"), lines)
        if no_stream:
            return


def _measure(rows: list[Row]) -> list[dict[str, Any]]:
    """Return one line per container: a second of processor time, and memory and pids after it."""
    from minidocker.units import binary_size

    before = {row.id: _stats(row) for row in rows}
    began = time.monotonic()
    time.sleep(1)
    lines = []
    for row in rows:
        first, last = before[row.id], _stats(row)
        used = (last["cpu_usage"] - first["cpu_usage"]) / 1e6 / (time.monotonic() - began)
        limit = memory_limit(last["memory_limit"])
        lines.append(
            {
                "ID": row.id[:12],
                "Name": row.name,
                "CPUPerc": f"{100 * used:.2f}%",
                "MemUsage": f"{binary_size(last['memory'])} / {binary_size(limit)}",
                "MemPerc": f"{100 * last['memory'] / limit:.2f}%",
                "PIDs": last["pids"],
            }
        )
    return lines


def memory_limit(limit: int) -> int:
    """Return how many bytes a group may have whose own ``limit`` this is (none: 0 or less): the host's at most."""
    host = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return min(limit, host) if limit > 0 else host


def _stats(row: Row) -> dict[str, int]:
    """Return section 3's readings, 0 for those that this machine does not have."""
    from section03_cgroups import Cgroup, Hierarchy

    try:
        readings = Cgroup(Hierarchy.detect(), f"/minidocker/{row.id}").stats().as_dict()
    except OSError:
        readings = {}
    return {name: readings.get(name) or 0 for name in ("cpu_usage", "memory", "memory_limit", "pids")}


@click.command()
@click.argument("container")
@click.pass_obj
def top(root: str, container: str) -> None:
    """Show the processes of CONTAINER, with the host's pids."""
    from minidocker.engine.execute import not_running
    from minidocker.engine.settle import settled
    from minidocker.engine.stop import running
    from section01_processes import ProcessStat, command_line
    from section03_cgroups import Cgroup, Hierarchy

    from ._table import print_table

    engine = Engine(root)
    row = settled(engine, container)
    if not running(engine, row):
        raise not_running(engine, row)
    rows = []
    for pid in sorted(Cgroup(Hierarchy.detect(), f"/minidocker/{row.id}").pids()):
        try:
            stat = ProcessStat.of(pid)
            words = " ".join(command_line(pid)).encode(errors="surrogateescape").decode(errors="replace")
        except OSError:
            continue
        rows.append({"PID": pid, "PPID": stat.ppid, "STATE": stat.state, "CMD": words or f"[{stat.comm}]"})
    print_table(("PID", "PPID", "STATE", "CMD"), ("PID", "PPID", "STATE", "CMD"), rows)
