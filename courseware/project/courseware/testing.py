"""Run the project's tests lane by lane, and its linters.

``./course test`` runs the host lane and, where a guest can be had, the guest lane beside it, and prints the table of
how many tests ran where. In CI a test that ran in no lane is a failure; on a user's machine it is listed as not
runnable here.
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import signal
import subprocess
import sys
import time
from collections import Counter

import click

Report = dict[str, dict[str, object]]
NOTHING_RAN = 5  # pytest's exit status
PATIENCE = 20  # seconds


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
    """Run the lanes that this machine has; return 0 when all passed and, in CI, every test ran somewhere.

    The whole suite runs in the guest, on one processor, while it runs on the host. What was picked by ``arguments``
    runs in the guest afterwards, and only if some of it wants to.
    """
    os.makedirs(f"{clone}/.course", exist_ok=True)
    guest = guest_command(clone)
    with contextlib.ExitStack() as stack:

        def begin(name: str, prefix: list[str], *, quiet: bool = False) -> Lane:
            return stack.enter_context(Lane(clone, name, prefix, full, arguments, quiet=quiet))

        beside = begin("guest", guest, quiet=True) if guest and not arguments else None
        lanes = {"host": begin("host", []).finish()}
        if beside:
            lanes["guest"] = beside.finish()
        elif guest and any("guest" in _lanes(entry) for entry in lanes["host"][1].values()):
            lanes["guest"] = begin("guest", guest).finish()
    status = next((code for code, _ in lanes.values() if code not in (0, NOTHING_RAN)), lanes["host"][0])
    nowhere = print_table({name: report for name, (_, report) in lanes.items()})
    if nowhere and os.environ.get("CI"):
        click.echo(f"course: {len(nowhere)} tests ran in no lane", err=True)
        return status or 1
    return status


class Lane:
    """Pytest in one lane, behind the command ``prefix``, from now on. Leaving its ``with`` block interrupts it."""

    def __init__(
        self, clone: str, lane: str, prefix: list[str], full: bool, arguments: list[str], *, quiet: bool = False
    ) -> None:
        """``quiet``: what it writes goes to ``.course/lane-NAME.log`` until ``finish`` shows it."""
        self.name, self.report = lane, f"{clone}/.course/lane-{lane}.json"
        command = [*prefix, f"{clone}/.venv/bin/python", "-B", "-m", "pytest",
                   "--lane", lane, "--lane-report", self.report]  # fmt: skip
        if lane == "guest":
            command += ["--basetemp=/scratch/pytest", "-p", "no:cacheprovider"]
        else:
            command += ["-o", f"cache_dir={clone}/.course/pytest"]
        command += ["--full"] * full + arguments
        if os.path.exists(self.report):
            os.unlink(self.report)
        environment = dict(os.environ, PATH=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
        environment |= {"VM_SHARE": f"{clone}/.course", "VM_ENV": "CI"}
        for name in ("SUDO_UID", "SUDO_GID", "SUDO_USER"):  # the tests are root's; one that is about sudo sets them
            environment.pop(name, None)
        self.log = f"{clone}/.course/lane-{lane}.log" if quiet else ""
        click.echo(f"== lane {lane}{', shown later: ' + self.log if quiet else ''}", err=True)
        with open(self.log or os.devnull, "wb") as file:
            output = file if quiet else None
            self.process = subprocess.Popen(command, cwd=clone, env=environment, stdout=output, stderr=output)

    def __enter__(self) -> Lane:  # noqa: PYI034 - Self would need typing
        return self

    def __exit__(self, *_: object) -> None:
        for _second in range(PATIENCE):  # Ctrl-C has reached it as well, and it clears up
            if self.process.poll() is not None:
                return
            time.sleep(1)
        self.process.send_signal(signal.SIGINT)
        self.process.wait()

    def finish(self) -> tuple[int, Report]:
        """Wait for its end, showing what it has written; return its exit status and what ran."""
        if self.log:
            click.echo(f"== lane {self.name}, which ran beside it", err=True)
            with open(self.log, "rb") as file:
                ended = False
                while not ended:
                    ended = self.process.poll() is not None
                    sys.stdout.buffer.write(file.read())
                    sys.stdout.buffer.flush()
                    time.sleep(0 if ended else 1)
        status = self.process.wait()
        try:
            with open(self.report, encoding="utf-8") as file:
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
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]  # each file that the guest has open is one of the host's, too
    return ["prlimit", f"--nofile={most}:{most}", sys.executable, f"{tools}/run-in-uml"]


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
