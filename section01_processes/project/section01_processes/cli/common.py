"""What several commands share: options, what NAME|PID means, carrying out a plan, one process as a row.

What belongs here: what two or more files of this folder need. What does not: commands.
"""

from __future__ import annotations

import math
import os
import sys
from typing import TYPE_CHECKING, Any

import click

from ..core.plan import Plan, Step
from ..core.stat import ProcessStat
from ..errors import LcmError
from ..explain import describe_plan
from ..handle import ProcessGone
from ..manager.managed import Managed
from ..manager.place import state_folder
from ..states import state_name
from ..status import command_line, terminal_name
from ..tool import process_id
from ..views.text import valid_text

if TYPE_CHECKING:
    from collections.abc import Iterable


def state() -> str:
    """Return the state folder that this command works on."""
    return state_folder(click.get_current_context().find_root().params.get("state") or "")


def complain(texts: Iterable[str]) -> None:
    """Print warnings to standard error, before anything else."""
    for text in filter(None, texts):
        print(f"procman: warning: {text}", file=sys.stderr, flush=True)


def find_target(text: str) -> int | Managed:
    """Return the pid (a number, ``self``) or the named process that ``text`` means. Raises LcmError."""
    if text == "self" or not any(c.isalpha() for c in text):
        return process_id(text)
    found = Managed.read(state(), text)
    complain([found.complaint()])
    return found


def find_pid(text: str) -> int:
    """Return the pid that ``text`` means; a name: that of its process. Raises LcmError: it does not run."""
    found = find_target(text)
    if isinstance(found, int):
        return found
    if found.process is None or not found.alive:
        raise ProcessGone(f"process {found.name!r} does not run: {found.ending()}")
    return found.process.pid


def find_named(text: str) -> Managed:
    """Return the named process ``text``. Raises LcmError."""
    found = find_target(text)
    if isinstance(found, int):
        raise LcmError(f"process {found} has no name", hint="only spawn --detach --name gives one", exit_code=2)
    return found


class Seconds(click.FloatRange):
    """A number of seconds from ``min`` to a year: ``inf`` no system call waits for, and ``nan`` is in every range."""

    def __init__(self, min: float = 0) -> None:  # noqa: A002 - click's own word
        super().__init__(min, 365 * 86400)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the number. Raises BadParameter."""
        number = super().convert(value, param, ctx)
        if math.isnan(number):
            self.fail("nan is no number of seconds", param, ctx)
        return number


JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
DRY_RUN = click.option("--dry-run", is_flag=True, help="Show the steps and do nothing.")
PID = click.argument("pid", type=find_pid, metavar="NAME|PID")
TARGET = click.argument("target", type=find_target, metavar="NAME|PID")
NAMED = click.argument("named", type=find_named, metavar="NAME")


def complain_of_zombie(target: int | Managed) -> None:
    """Warn if the process is dead already, so that no signal will remove it."""
    if isinstance(target, int) and is_zombie(target):
        text = f"process {target} is a zombie: it has ended, its parent must wait for it"
        complain([f"{text} [see ./course explain LCM-PROC-06]"])


def is_zombie(pid: int) -> bool:
    """Whether ``pid`` has ended and not been waited for."""
    try:
        return ProcessStat.of(pid).state == "Z"
    except ProcessLookupError:
        return False


def carry_out(steps: list[Step], dry_run: bool) -> dict[str, Any] | None:
    """Run the steps of this command and return the slots; with ``dry_run`` print them and return None."""
    plan = Plan("cli", steps)
    if dry_run:
        click.echo("\n".join(describe_plan(plan)))
        return None
    try:
        return plan.run({})
    except Exception as error:
        error.__notes__ = []  # which step it was, the sentence itself says
        raise


def row(stat: ProcessStat) -> dict[str, Any]:
    """Return one line of ``ps``."""
    words = command_line(stat.pid)
    return {
        "pid": stat.pid,
        "parent": stat.ppid,
        "group": stat.pgrp,
        "session": stat.session,
        "terminal": terminal_name(stat.tty),
        "state": state_name(stat.state),
        "memory": stat.rss * os.sysconf("SC_PAGE_SIZE"),
        "name": valid_text(stat.comm),
        "command": valid_text(" ".join(words) if words else f"[{stat.comm}]"),
    }
