"""procman spawn: start a program, and wait for it or leave it to a supervisor."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import click

from ..core.plan import Plan
from ..errors import UsageError
from ..launch import plan_program
from ..programs import find_program
from ..rlimits import Rlimit, parse_amount
from .common import complain
from .detaching import Wish, run_detached
from .foreground import run_in_foreground

if TYPE_CHECKING:
    from collections.abc import Callable

DETACHED_ONLY = ("name", "restart", "log", "log_size", "log_files", "as_json")
GROUPS: tuple[Callable[[Any], Any], ...] = (
    click.option("-e", "--env", "variables", multiple=True, metavar="K=V", help="Set a variable."),
    click.option("--clean-env", is_flag=True, help="Start from an empty environment, but for PATH."),
    click.option("-w", "--cwd", default="", metavar="DIR", help="Working directory."),
    click.option("--new-session", is_flag=True, help="Lead a session of its own, without a terminal."),
    click.option("-t", "--pty", is_flag=True, help="Give it a terminal of its own (and a session)."),
    click.option("--rlimit", "limits", multiple=True, metavar="NAME=SOFT[:HARD]",
                 help="Set a resource limit, like NOFILE=1024:4096 or AS=200M."),
    click.option("--nice", type=click.IntRange(-20, 19), help="Nice value: -20 (most processor time) to 19."),
    click.option("-d", "--detach", is_flag=True, help="Leave it to a supervisor and return; see ps --managed."),
    click.option("-n", "--name", metavar="NAME", help="Its name (detached; default: the program's)."),
    click.option("--restart", metavar="POLICY",
                 help="no, on-failure[:N], always or unless-stopped (detached; default: no)."),
    click.option("--log", metavar="FILE", help="Where its output goes (detached; default: its state folder)."),
    click.option("--log-size", metavar="SIZE", help="Rotate a log of this size (default: 10M; 0: never)."),
    click.option("--log-files", type=click.IntRange(2, 100), help="Keep so many log files (default: 3)."),
    click.option("--json", "as_json", is_flag=True, help="Print name and pid as JSON (detached)."),
    click.option("--dry-run", is_flag=True, help="Show the steps and do nothing."),
    click.option("--explain", is_flag=True, help="Show each step as it happens."),
    click.option("-v", "--verbose", is_flag=True, help="Say the pid, and how it ended."),
)  # fmt: skip


def options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give ``command`` all the options above."""
    for option in reversed(GROUPS):
        command = option(command)
    return command


@click.command("spawn", context_settings={"allow_interspersed_args": False})
@options
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)
def spawn_command(command: tuple[str, ...], detach: bool, **given: Any) -> int:
    """Start COMMAND, wait for it, and end with its exit code (128 + n when signal n killed it).

    With --detach a supervisor waits instead: it keeps the log, starts it again by policy, records how it ended.
    """
    wish = Wish(command, given)
    wish.limits = fit_limits(given["limits"])
    wish.env = environment(given["variables"], clean=given["clean_env"])
    search = next((pair[5:] for pair in wish.env if pair.startswith("PATH=")), "")
    wish.path = os.path.abspath(find_program(command[0], search, given["cwd"]))
    if detach:
        wish.log_size = parse_amount(given["log_size"] or "10M", "--log-size")
        return run_detached(wish)
    useless = [name for name in DETACHED_ONLY if given[name]]
    if useless:
        word = "json" if useless[0] == "as_json" else useless[0].replace("_", "-")
        raise click.UsageError(f"--{word} goes with --detach only")

    def plan(terminal: int) -> Plan:
        steps = plan_program(
            wish.path,
            command,
            wish.env,
            cwd=given["cwd"],
            new_session=given["new_session"] or given["pty"],
            terminal=terminal,
            nice=given["nice"],
            limits=wish.limits,
        )
        return Plan("child", steps)

    return run_in_foreground(plan, given)


def environment(variables: tuple[str, ...], *, clean: bool) -> list[str]:
    """Return the environment as ``K=V``: ours (or nothing but PATH), then ``variables``. Raises UsageError."""
    values = {"PATH": os.environ.get("PATH", os.defpath)} if clean else dict(os.environ)
    for pair in variables:
        name, equals, value = pair.partition("=")
        if not (name and equals):
            raise UsageError(f"invalid variable {pair!r}", hint="K=V", exit_code=2)
        values[name] = value
    return [f"{name}={value}" for name, value in values.items()]


def fit_limits(texts: tuple[str, ...]) -> list[Rlimit]:
    """Return the limits as far as we may set them, with a warning for each that had to be lowered."""
    fitted = [Rlimit.parse(text).fitted() for text in texts]
    complain(warning for _, warning in fitted)
    return [limit for limit, _ in fitted]
