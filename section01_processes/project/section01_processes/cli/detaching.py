"""spawn --detach: the wish becomes a spec, the spec a supervised process."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import click

from ..core.plan import Plan, Recorder
from ..explain import describe_plan, explain_lines, read_records
from ..manager.detached import plan_detached, remove_folder
from ..manager.place import LOG, LONGEST_NAME, check_name, is_name, names
from ..manager.policy import Policy
from ..manager.program import plan_process
from ..manager.record import Spec
from ..manager.terminal import window_size
from .common import state

if TYPE_CHECKING:
    from ..rlimits import Rlimit


class Wish:
    """What the user asked for: the words of the command line, and what was made of some of them."""

    __slots__ = ("command", "env", "given", "limits", "log_size", "path")

    def __init__(self, command: tuple[str, ...], given: dict[str, Any]) -> None:
        self.command = command
        self.given = given
        self.env: list[str] = []
        self.limits: list[Rlimit] = []
        self.log_size = 0
        self.path = ""


def run_detached(wish: Wish) -> int:
    """Start it under a supervisor and print its name and pid; return the exit code."""
    folder, given = state(), wish.given
    name = check_name(given["name"]) if given["name"] else free_name(folder, wish.command[0])
    spec = make_spec(wish)
    if given["dry_run"]:
        plans = (
            Plan("cli", plan_detached(folder, name, spec)),
            Plan("child", plan_process(os.path.join(folder, name), spec, *sketch(spec))),
        )
        for plan in plans:
            click.echo("\n".join(describe_plan(plan)))
        return 0
    pid = start(folder, name, spec, given["explain"])
    if given["as_json"]:
        click.echo(json.dumps({"name": name, "pid": pid}))
    else:
        click.echo(f"{name}: pid {pid}")
    if given["verbose"]:
        click.echo(f"procman: log {spec.log or os.path.join(folder, name, LOG)}", err=True)
    return 0


def make_spec(wish: Wish) -> Spec:
    """Return what the supervisor is to run. Raises UsageError."""
    given = wish.given
    log = given["log"] or "default"
    return Spec(
        path=wish.path,
        argv=list(wish.command),
        env=wish.env,
        cwd=os.path.abspath(given["cwd"]),
        limits=[[limit.name, limit.soft, limit.hard] for limit in wish.limits],
        nice=given["nice"],
        pty=given["pty"],
        size=list(window_size() if all(window_size()) else (24, 80)),
        restart=str(Policy.parse(given["restart"] or "no")),
        log="" if log == "default" else os.path.abspath(log),
        log_size=wish.log_size,
        log_files=given["log_files"] or 3,
    )


def start(folder: str, name: str, spec: Spec, explain: bool) -> int:
    """Carry out the plan; return the pid. What could not be started leaves no name behind."""
    reader, writer = os.pipe2(os.O_CLOEXEC) if explain else (-1, -1)
    plan = Plan("cli", plan_detached(folder, name, spec, writer))
    slots: dict[str, Any] = {}
    try:
        plan.run(slots, Recorder(writer, "cli") if explain else None)
    except Exception as error:
        error.__notes__ = []
        if "lock" in slots:  # the name is ours
            remove_folder(folder, name)
        raise
    finally:
        if explain:
            os.close(writer)
            child = Plan("child", plan_process(os.path.join(folder, name), spec, *sketch(spec)))
            for line in explain_lines([plan, child], read_records(reader)):
                click.echo(line, err=True)
            os.close(reader)
    pid: int = slots["pid"]
    return pid


def sketch(spec: Spec) -> tuple[int, tuple[int, int] | None]:
    """Return terminal and stdio as the supervisor will have them, to be shown."""
    return (3, None) if spec.pty else (-1, (3, 4))


def free_name(folder: str, program: str) -> str:
    """Return a name for ``program`` that is not taken: ``sleep``, else ``sleep-2`` and so on."""
    base = "".join(c for c in os.path.basename(program) if c.isascii() and (c.isalnum() or c in "_.-"))
    base = base[: LONGEST_NAME - 8].lstrip("_.-")
    base = base if is_name(base) else "process"
    taken = set(names(folder))
    return next(name for n in range(1, len(taken) + 2) if (name := base if n == 1 else f"{base}-{n}") not in taken)
