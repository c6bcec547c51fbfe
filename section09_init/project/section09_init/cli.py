"""initman: run a program under an init; see what restart policies and health checks decide.

What belongs here: parse, call one function of the library, print. Slow path: click.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any, NoReturn

import click

from section01_processes import UsageError, describe_plan, run_tool

from .health import HealthCheck
from .policy import RestartPolicy

JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def cli() -> None:
    """Be PID 1, restart what failed, know what is healthy (section 9)."""


@cli.command("run", context_settings={"ignore_unknown_options": True})
@click.option("--pid", "new_pid_namespace", is_flag=True, help="In a new pid namespace, as its PID 1 (root).")
@click.option("--dry-run", is_flag=True, help="Show the steps and do nothing.")
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)
def run_command(new_pid_namespace: bool, dry_run: bool, command: tuple[str, ...]) -> int:
    """Run COMMAND below an init that reaps orphans and passes signals on; end with COMMAND's exit code."""
    from .launch import plan_run, run

    outside, inside = plan_run(command, dict(os.environ), new_pid_namespace=new_pid_namespace)
    if dry_run:
        click.echo("\n".join(describe_plan(outside) + describe_plan(inside)))
        return 0
    return run(outside, inside)


@cli.command()
@click.argument("policy", type=RestartPolicy.parse)
@click.option("--codes", default="1,1,1,1,1", help="Exit codes, one per run; the last one repeats.  [1,1,1,1,1]")
@click.option("--uptime", default=0.0, help="Seconds that each run lasts; from 10 on the delay begins anew.")
@click.option("--runs", default=12, help="Stop after so many runs.")
@click.option("--stop-after", default=0, metavar="N", help="The user says stop in run N.")
@JSON
def policy(policy: RestartPolicy, codes: str, uptime: float, runs: int, stop_after: int, as_json: bool) -> None:
    """Show what POLICY (no, always, unless-stopped, on-failure[:MAX]) decides, run after run."""
    rows = decisions(policy, exit_codes(codes), uptime, runs, stop_after)
    if as_json:
        click.echo(json.dumps(rows))
        return
    for row in rows:
        verdict = "leave it" if row["delay"] is None else f"start again after {row['delay']:g} s"
        stopped = ", stopped by the user" if row["stopped"] else ""
        click.echo(f"run {row['run']:2}: exit code {row['exit_code']}{stopped}: {verdict}")


def exit_codes(text: str) -> list[int]:
    """Return the numbers of ``1,0,137``. Raises UsageError."""
    words = text.split(",")
    if not all(word.isascii() and word.isdigit() and int(word) < 256 for word in words):
        raise UsageError(f"invalid exit codes {text!r}", exit_code=2)
    return [int(word) for word in words]


def decisions(
    policy: RestartPolicy, codes: list[int], uptime: float, runs: int, stop_after: int
) -> list[dict[str, Any]]:
    """Return what the policy decides after each run, until it leaves the program alone."""
    rows: list[dict[str, Any]] = []
    delay: float | None = 0.0
    while delay is not None and len(rows) < runs:
        number = len(rows)
        code = codes[min(number, len(codes) - 1)]
        stopped = number + 1 == stop_after
        delay = policy.decide(code, number, stopped, uptime=uptime, last_delay=delay)
        rows.append({"run": number + 1, "exit_code": code, "stopped": stopped, "delay": delay})
    return rows


@cli.command()
@click.argument("results")
@click.option("--interval", default=30.0, help="Seconds from the end of one probe to the next.  [30]")
@click.option("--retries", default=3, help="Failures in a row that make it unhealthy.  [3]")
@click.option("--start-period", default=0.0, help="Seconds in which failures do not count.  [0]")
@click.option("--start-interval", default=5.0, help="The interval in the start period.  [5]")
@JSON
def health(
    results: str, interval: float, retries: int, start_period: float, start_interval: float, as_json: bool
) -> None:
    """Show the states that probes lead to; RESULTS is a word like "ffsfff" (f: fails, s: succeeds)."""
    if not results or set(results) - set("fs"):
        raise UsageError(f"invalid results {results!r}", hint="only the letters f and s", exit_code=2)
    check = HealthCheck(
        [], interval=interval, retries=retries, start_period=start_period, start_interval=start_interval
    )
    rows = []
    for letter in results:
        now = check.next_probe()
        check.record(now, letter == "s")
        rows.append({"seconds": now, "ok": letter == "s", "failures": check.failures, "state": check.state})
    if as_json:
        click.echo(json.dumps(rows))
        return
    for row in rows:
        word = "ok" if row["ok"] else "failed"
        click.echo(f"{row['seconds']:8.1f} s  probe {word:6}  failures {row['failures']}  {row['state']}")


def main() -> NoReturn:
    """Run the tool."""
    run_tool(cli, "initman")


if __name__ == "__main__":
    sys.exit(main())
