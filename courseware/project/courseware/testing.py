"""Run the project's tests lane by lane, and its linters.

``./course test`` runs the host lane, then — where a guest can be had — the guest lane, and prints the table of how many
tests ran where. In CI a test that ran in no lane is a failure; on a user's machine it is listed as not runnable here.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter

import click

Report = dict[str, dict[str, object]]


def lint(clone: str) -> int:
    """Run ruff, its formatter, mypy and import-linter over ``clone``; return the first failure's exit status."""
    tools = os.path.join(clone, ".venv", "bin")
    projects = sorted(os.path.join(d, "project") for d in os.listdir(clone) if os.path.isdir(f"{clone}/{d}/project"))
    commands = [
        [f"{tools}/ruff", "check", "."],
        [f"{tools}/ruff", "format", "--check", "."],
        [f"{tools}/mypy", *projects],
        [f"{tools}/lint-imports", "--no-cache"],
    ]
    for command in commands:
        click.echo(f"$ {os.path.basename(command[0])} {' '.join(command[1:])}", err=True)
        status = subprocess.run(command, cwd=clone, check=False).returncode
        if status:
            return status
    return 0


def run(clone: str, *, full: bool, arguments: list[str]) -> int:
    """Run the lanes that this machine has; return 0 when all passed and, in CI, every test ran somewhere."""
    os.makedirs(f"{clone}/.course", exist_ok=True)
    status, host = run_lane(clone, "host", [], full, arguments)
    reports = {"host": host}
    guest = guest_command(clone)
    wanted = [name for name, entry in host.items() if "guest" in _lanes(entry)]
    if guest and wanted:
        guest_status, reports["guest"] = run_lane(clone, "guest", guest, full, arguments)
        status = guest_status if status in (0, 5) and guest_status != 5 else status
    nowhere = print_table(reports)
    if nowhere and os.environ.get("CI"):
        click.echo(f"course: {len(nowhere)} tests ran in no lane", err=True)
        return status or 1
    return status


def run_lane(clone: str, lane: str, prefix: list[str], full: bool, arguments: list[str]) -> tuple[int, Report]:
    """Run pytest in one lane, behind the command ``prefix``; return its exit status and what ran."""
    report = f"{clone}/.course/lane-{lane}.json"
    command = [*prefix, f"{clone}/.venv/bin/python", "-B", "-m", "pytest",
               "--lane", lane, "--lane-report", report]  # fmt: skip
    if lane == "guest":
        command += ["--basetemp=/scratch/pytest", "-p", "no:cacheprovider"]
    else:
        command += ["-o", f"cache_dir={clone}/.course/pytest"]
    if full:
        command.append("--full")
    if os.path.exists(report):
        os.unlink(report)
    click.echo(f"== lane {lane}", err=True)
    environment = dict(os.environ, PATH=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
    environment["VM_SHARE"] = f"{clone}/.course"
    environment["VM_ENV"] = "CI"
    status = subprocess.run([*command, *arguments], cwd=clone, env=environment, check=False).returncode
    try:
        with open(report, encoding="utf-8") as file:
            return status, json.load(file)
    except (OSError, ValueError):
        return status or 1, {}


def guest_command(clone: str) -> list[str]:
    """Return the command that runs another in a throw-away guest, prepared; empty where there is none."""
    tools = os.path.join(os.path.dirname(clone), "shared", "guest")
    if os.geteuid() != 0 or not os.path.exists(f"{tools}/run-in-uml") or os.uname().machine != "x86_64":
        return []
    cache = os.environ.setdefault("VM_DIR", f"{clone}/.course/guest")
    os.makedirs(cache, exist_ok=True)
    if not os.path.exists(f"{cache}/uml-initrd.img"):
        click.echo("course: preparing the guest (once; about 70 MB of Debian packages)", err=True)
        for script in ("setup-vm", "setup-uml"):
            done = subprocess.run([f"{tools}/{script}"], cwd=cache, capture_output=True, text=True, check=False)
            if done.returncode:
                click.echo(f"course: the guest cannot be prepared: {done.stderr.strip()[-400:]}", err=True)
                return []
    return [sys.executable, f"{tools}/run-in-uml"]


def print_table(reports: dict[str, Report]) -> list[str]:
    """Print tests × lanes, and return the tests that ran in none."""
    entries = {name: [r[name] for r in reports.values() if name in r] for r in reports.values() for name in r}
    nowhere = sorted(n for n, seen in entries.items() if all(e["outcome"] in ("not here", "skipped") for e in seen))
    click.echo("\ntests × lanes          passed  failed  not here")
    for lane, report in reports.items():
        counts = Counter(str(entry["outcome"]) for entry in report.values())
        away = counts["not here"] + counts["skipped"]
        click.echo(f"{lane:<20}  {counts['passed']:>7} {counts['failed']:>7}  {away:>8}")
    for name in nowhere:
        click.echo(f"not runnable here: {name} (lanes: {', '.join(_lanes(entries[name][0]))})")
    return nowhere


def _lanes(entry: dict[str, object]) -> list[str]:
    lanes = entry["lanes"]
    return [str(lane) for lane in lanes] if isinstance(lanes, list | tuple) else []
