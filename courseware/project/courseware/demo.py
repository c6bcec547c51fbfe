"""The demo: a real container on the embedded image, and what the kernel says about it.

Everything here is what a user could type: the steps call the ``minidocker`` tool and read files of /proc and /sys. What
belongs here: the order and the words. What does not: how anything is done.
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from section01_processes import Plan

PAGE = 'mkdir -p /www; echo "hello from $(hostname), process $$" > /www/index.html; exec httpd -f -p 80 -h /www'
LIMITS = {"memory": "64m", "cpus": "0.5", "pids_limit": "64"}
FLAGS = [word for name, value in LIMITS.items() for word in ("--" + name.replace("_", "-"), value)]
#: Root's state folder, in a plan: others may not look into the real one, and planning looks at nothing.
PLANNED_ROOT = "/var/lib/<minidocker>"
READING = """(Processes that work at the same time: cli is the command; shim becomes the container's parent
and stays; child makes the namespaces; init, its child, waits at a gate until all is ready, and
becomes the program. A line stands where its last step ended; a step's time includes waiting for
others, as in await_message. § is the section that teaches it, MD is MiniDocker itself.)"""
NEXT = (
    ("{sudo}./course run minidocker run -it --rm tiny sh", "a shell of its own (ctrl-p ctrl-q leaves it running)"),
    ("{sudo}./course run minidocker run --rm --dry-run tiny true", "the whole plan, nothing done"),
    ("./course run procman tree self", "your shell and what it runs, as the kernel knows them"),
    ("less section01_processes/README.md", "the first lesson"),
)


class DemoError(Exception):
    """A step of the demo did not do what it should."""


def say(text: str) -> None:
    """Print one line of the demo's story at once."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


class Demo:
    """One run of the demo with the tool ``minidocker``."""

    def __init__(self, clone: str, *, full: bool = False) -> None:
        """``full``: every step in full, as the tool prints it; otherwise in short."""
        self.full = full
        self.tool = f"{clone}/.venv/bin/minidocker"
        self.name = f"lcm-demo-{os.getpid()}"
        self.root = os.geteuid() == 0

    def call(self, *arguments: str, show: bool = True) -> str:
        """Run minidocker with ``arguments`` and return its output. Raises DemoError with its last line."""
        if show:
            say(f"$ minidocker {shlex.join(arguments)}")
        done = subprocess.run([self.tool, *arguments], stdout=subprocess.PIPE, stderr=None, text=True, check=False)
        if done.returncode:
            raise DemoError(f"minidocker {arguments[0]} ended with {done.returncode}")
        return done.stdout.strip()

    def explained(self, *arguments: str) -> None:
        """Run ``minidocker run`` with ``arguments``, explained. Raises DemoError as ``call``."""
        from courseware.holding import temporary_folder
        from courseware.telling import short_lines

        say(READING)
        if self.full:
            say(self.call("run", "--explain", *arguments))
            return
        with temporary_folder("lcm-demo-") as folder:
            file = f"{folder}/steps.json"
            try:
                output = self.call("run", f"--explain={file}", *arguments)
            finally:
                if os.path.exists(file):
                    with open(file, encoding="utf-8") as opened:
                        say("\n".join(short_lines(json.load(opened))))
            say(output)
        say(f"(all of every step: {'sudo ' if self.root else ''}./course demo --full 2>&1 | less -S)")

    def run(self) -> None:
        """Tell the whole story; whatever happens, the container is removed in the end."""
        say("== 1 · an image, made from this machine's own programs")
        say(self.call("system", "tiny"))
        if not self.root:
            return self.run_without_root()
        port = free_port()
        try:
            self.start(port)
            self.fetch(port)
            self.facts()
        finally:
            say("== 5 · and away with it")
            self.call("rm", "-f", self.name)
        say("removed: its processes, mounts, cgroup, link, rules and address went with it")
        return None

    def run_without_root(self) -> None:
        """Without root: no network of its own, but a container all the same."""
        say("== 2 · a container without root: a user namespace makes you root inside it")
        self.explained("--rm", "--network", "none", "tiny", "id")
        say("(limits, a network and a published port need root: sudo ./course demo)")

    def start(self, port: int) -> None:
        """Start the container, explained."""
        say("== 2 · a container: what every process does, step by step")
        publish = ["--publish", f"127.0.0.1:{port}:80"]
        command = ["sh", "-c", PAGE] if has_busybox() else ["sleep", "60"]
        self.explained("--detach", "--name", self.name, *FLAGS, *publish, "tiny", *command)

    def fetch(self, port: int) -> None:
        """Fetch the page through the published port."""
        say(f"== 3 · its published port, from outside: http://127.0.0.1:{port}/")
        if not has_busybox():
            say("(this machine has no busybox, so the image has no web server: apt-get install busybox-static)")
            return
        end = time.monotonic() + 5
        while True:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=2) as answer:
                    say("  " + answer.read().decode().strip())
                return
            except OSError as error:
                if time.monotonic() > end:
                    raise DemoError(f"the published port {port} does not answer: {error}") from error
                time.sleep(0.05)

    def facts(self) -> None:
        """Print what the kernel says about the container."""
        say("== 4 · what the kernel says about it")
        state = json.loads(self.call("inspect", self.name, show=False))[0]
        pid, identity = state["State"]["Pid"], state["Id"]
        say(f"  on the host it is process {pid}; inside, {status(pid, 'NSpid').split()[-1]}")
        for kind in ("pid", "mnt", "net", "uts", "ipc", "cgroup", "user"):
            inside, outside = (os.readlink(f"/proc/{p}/ns/{kind}") for p in (pid, "self"))
            say(f"  {kind:<7} {inside:<24} {'the same as the host' if inside == outside else 'its own'}")
        for path, text in cgroup_files(identity):
            say(f"  {path} = {text}")
        say(f"  capabilities  {int(status(pid, 'CapEff'), 16).bit_count()} of"
            f" {int(status('self', 'CapEff'), 16).bit_count()}; seccomp mode {status(pid, 'Seccomp')}"
            f" (2: a filter)")  # fmt: skip


def has_busybox() -> bool:
    """Tell whether the image was made from busybox, and so has a web server."""
    return shutil.which("busybox", path=os.environ.get("PATH", "") + ":/bin:/usr/bin") is not None


def status(pid: object, field: str) -> str:
    """Return ``field`` of /proc/PID/status (proc_pid_status(5))."""
    with open(f"/proc/{pid}/status", encoding="utf-8") as file:
        return next(line.split(":", 1)[1].strip() for line in file if line.startswith(field + ":"))


def cgroup_files(identity: str) -> list[tuple[str, str]]:
    """Return the container's limits as the kernel's cgroup files show them, on v1, v2 and hybrid."""
    names = ("memory.max", "memory.limit_in_bytes", "cpu.max", "cpu.cfs_quota_us", "pids.max")
    found = []
    for folder, _, files in os.walk("/sys/fs/cgroup"):
        if folder.endswith(identity):
            for name in sorted(set(names) & set(files)):
                path = os.path.join(folder, name)
                with open(path, encoding="ascii") as file:
                    text = file.read().strip()
                found.append((path.replace(identity, identity[:12] + "…"), text))
    return found


def free_port() -> int:
    """Return a TCP port of loopback that nobody holds now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def plans() -> dict[str, Plan]:
    """Return the plans of the container that ``sudo ./course demo`` starts, by process, whoever asks. Pure."""
    from minidocker.engine.base import Engine
    from minidocker.engine.images import TINY_CONFIG
    from minidocker.engine.plans import preview
    from minidocker.options import Options

    publish = ("127.0.0.1:8080:80",)
    options = Options("tiny", ("sh", "-c", PAGE), detach=True, name="lcm-demo", publish=publish, **LIMITS)
    return preview(Engine(PLANNED_ROOT), options, TINY_CONFIG, as_root=True)


def print_plans(*, full: bool) -> None:
    """Say what the demo would do, and print the container's plan, in short or ``full``; change nothing."""
    from section01_processes import describe_plan

    say("sudo ./course demo would, in this order:")
    say("  make the image tiny from this machine's own programs, if it is not there yet")
    say(f"  start a container from it, limited ({' '.join(FLAGS)}),")
    say("    with a network and a published port of its own")
    say("  fetch its page through that port, print what the kernel says about it, and remove it")
    if os.geteuid():
        say("without root it starts a smaller container: no limits, no network, no port")
    say("\nthe container's plan, step by step, nothing done (<…> is known only when it runs):")
    for name, plan in plans().items():
        say(f"\n-- {name}: {len(plan.steps)} steps")
        for line in describe_plan(plan) if full else short_plan(name, plan):
            say(line)
    if not full:
        say("\n(§ is the section that teaches it, MD is MiniDocker itself)")
        say("(all of every step: ./course demo --dry-run --full | less -S)")


def short_plan(name: str, plan: Plan) -> list[str]:
    """Return the plan of process ``name`` in short: as when it runs, but without times."""
    from courseware.telling import short_lines
    from section01_processes import PROCESSES, explain_records

    records = [(PROCESSES.index(name), number, 0, 0, 0) for number in range(len(plan.steps))]
    steps = explain_records({name: plan}, records)
    return short_lines([{key: value for key, value in step.items() if key != "milliseconds"} for step in steps])


def run(clone: str, *, dry_run: bool = False, full: bool = False) -> int:
    """Run the demo, or say what it would do; return the exit status. ``full``: every step in full."""
    if dry_run:
        print_plans(full=full)
        return 0
    demo = Demo(clone, full=full)
    try:
        demo.run()
    except DemoError as error:
        sys.stderr.write(f"course: {error} (the lines above say why; ./course doctor tells what this machine can do)\n")
        return 1
    say("\nWhat to try next")
    rows = [(command.format(sudo="sudo " if demo.root else ""), text) for command, text in NEXT]
    for command, text in rows:
        say(f"  {command:{max(len(word) for word, _ in rows)}}  {text}")
    return 0


if __name__ == "__main__":
    projects = os.path.join(sys.argv[1], "courseware", "project")
    sys.path.insert(0, projects)
    from courseware.environment import source_roots

    sys.path += source_roots(sys.argv[1])
    sys.exit(run(sys.argv[1], dry_run=True, full="--full" in sys.argv))
