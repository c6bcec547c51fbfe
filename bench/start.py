"""Measure starts: run, exec, many at once, memory; and where our own milliseconds go."""

from __future__ import annotations

import argparse
import json
import pathlib
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor

from peers import CLONE, Docker, MiniDocker, Podman, busybox_tar

#: measurement → (peer, the ratio that the issue asks for)
GOALS = {
    ("run bridge", "docker"): 0.45,
    ("run none", "docker"): 0.50,
    ("run none", "podman"): 0.65,
    ("exec", "docker"): 0.80,
}


def milliseconds(command: list[str]) -> float:
    """Run ``command`` once and return its wall clock time in milliseconds; raises if it fails."""
    began = time.perf_counter()
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=False
    )
    elapsed = (time.perf_counter() - began) * 1e3
    if done.returncode:
        raise RuntimeError(f"{command}: {done.stderr.decode()[-400:]}")
    return elapsed


def interleaved(commands: dict[str, list[str]], runs: int) -> dict[str, float]:
    """Return the median time of each command, one round of all after the other, after one round to warm up."""
    times: dict[str, list[float]] = {name: [] for name in commands}
    for turn in range(runs + 1):
        for name, command in commands.items():
            value = milliseconds(command)
            if turn:
                times[name].append(value)
    return {name: statistics.median(values) for name, values in times.items()}


def works(peer, *arguments: str) -> bool:
    """Try a command once; a peer that cannot do it is left out, and said so."""
    done = peer.call(*arguments, check=False)
    if done.returncode:
        print(
            f"  {peer.name} {' '.join(arguments)}: left out: {done.stderr.strip().splitlines()[-1:]}", file=sys.stderr
        )
    return done.returncode == 0


def measure_runs(peers, runs: int) -> dict[str, dict[str, float]]:
    table = {}
    for network in ("bridge", "none"):
        wanted = {p: ("run", *p.run_options, "--rm", "--network", network, "bench:latest", "/bin/true") for p in peers}
        commands = {p.name: p.command(*words) for p, words in wanted.items() if works(p, *words)}
        table[f"run {network}"] = interleaved(commands, runs)
    return table


def measure_exec(peers, runs: int) -> dict[str, float]:
    for p in peers:
        p.call(
            "run", *p.run_options, "-d", "--name", "benchexec", "--network", "none", "bench:latest", "/bin/sleep", "600"
        )
    try:
        return interleaved({p.name: p.command("exec", "benchexec", "/bin/true") for p in peers}, runs)
    finally:
        for p in peers:
            p.call("rm", "-f", "benchexec", check=False)


def measure_many(peer, count: int = 50, at_once: int = 8) -> float:
    """Start ``count`` detached containers, ``at_once`` at a time; return the milliseconds for all of them."""
    command = peer.command("run", *peer.run_options, "-d", "--network", "none", "bench:latest", "/bin/sleep", "600")

    def one(_: int) -> str:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    began = time.perf_counter()
    with ThreadPoolExecutor(at_once) as pool:
        ids = list(pool.map(one, range(count)))
    elapsed = (time.perf_counter() - began) * 1e3
    peer.call("rm", "-f", *ids)
    return elapsed


def proportional_set_size(pid: str) -> int:
    """Return the kibibytes that ``pid`` accounts for (proc_pid_smaps(5), Pss)."""
    text = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text()
    return int(next(line for line in text.splitlines() if line.startswith("Pss:")).split()[1])


def measure_memory(peer: MiniDocker) -> dict[str, float]:
    """Return the shim's Pss in MiB for one container after its command has gone, and processes per container."""
    done = peer.call("run", "-d", "--network", "none", "bench:latest", "/bin/sleep", "600")
    time.sleep(3)  # a shim gives memory back when it has been quiet for a second
    shims = [p.name for p in pathlib.Path("/proc").iterdir()
             if p.name.isdigit() and done.stdout.strip().encode() in (_read(p / "cmdline"))]  # fmt: skip
    sizes = [proportional_set_size(pid) / 1024 for pid in shims]
    peer.call("rm", "-f", done.stdout.strip())
    return {"shim Pss MiB": round(sum(sizes), 2), "processes besides the container's own": len(shims)}


def measure_ps(peer: MiniDocker, runs: int, count: int = 5000) -> dict[str, float]:
    """Return the median of ``ps`` with no container and with ``count`` stopped ones."""
    empty = interleaved({"ps": peer.command("ps")}, runs)["ps"]
    peer.call("create", "--name", "template", "--network", "none", "bench:latest", "/bin/true")
    subprocess.run(
        [sys.executable, str(pathlib.Path(__file__).parent / "fill.py"), f"{peer.folder}/state", str(count)], check=True
    )
    full = interleaved({"ps": peer.command("ps")}, runs)["ps"]
    return {"ps, empty": empty, f"ps, {count} stopped": full}


def _read(path: pathlib.Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


def where_it_goes(peer: MiniDocker, runs: int) -> dict[str, float]:
    """Return our milliseconds by cause: interpreter, imports of each program, kernel steps, teardown."""
    python = str(CLONE / ".venv" / "bin" / "python")
    paths = [str(p) for p in CLONE.glob("*/project")]
    site = next((CLONE / ".venv" / "lib").glob("python3*/site-packages"))
    start = f"import sys; sys.path += {[*paths, str(site)]!r}; "
    medians = interleaved({
        "interpreter (-I -S)": [python, "-I", "-S", "-c", "pass"],
        "+ the quick lane and run": [python, "-I", "-S", "-c", start + "import minidocker.cli, minidocker.cli.run"],
        "+ click (help, errors)": [python, "-I", "-S", "-c", start + "import click"],
    }, runs)  # fmt: skip
    report = peer.folder / "explain.json"
    spent: dict[str, list[float]] = {}
    for _ in range(min(runs, 10)):
        peer.call("run", "--rm", "--network", "bridge", f"--explain={report}", "bench:latest", "/bin/true")
        sums: dict[str, float] = {}
        for step in json.loads(report.read_text()):
            sums[step["process"]] = sums.get(step["process"], 0) + step["milliseconds"]
        for name, value in sums.items():
            spent.setdefault(f"steps of {name}", []).append(value)
    return medians | {name: statistics.median(values) for name, values in spent.items()}


def main() -> int:
    parser = argparse.ArgumentParser(prog="bench start", description=__doc__)
    parser.add_argument("--runs", type=int, default=20, help="rounds per measurement (default 20)")
    parser.add_argument("--json", metavar="FILE", help="write the figures as JSON")
    parser.add_argument("--no-peers", action="store_true", help="measure MiniDocker alone")
    options = parser.parse_args()
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    folder = pathlib.Path(tempfile.mkdtemp(prefix="lcm-bench-"))
    tar = busybox_tar(folder)
    ours = MiniDocker(folder / "minidocker")
    ours.folder.mkdir()
    peers = [ours]
    if not options.no_peers:
        peers += [c(folder / c.name) for c in (Docker, Podman) if shutil.which(c.name)]
    started = []
    try:
        for peer in peers:
            peer.start(tar)
            started.append(peer)
        result = report(peers, ours, options.runs)
    finally:
        for peer in started:
            peer.stop()
        subprocess.run(["umount", "-l", *_mounts(folder)], check=False, stderr=subprocess.DEVNULL)
        shutil.rmtree(folder, ignore_errors=True)
    if options.json:
        pathlib.Path(options.json).write_text(json.dumps(result, indent=1))
    return 0


def _mounts(folder: pathlib.Path) -> list[str]:
    lines = pathlib.Path("/proc/self/mountinfo").read_text().splitlines()
    return [f for f in (line.split()[4] for line in lines) if f.startswith(str(folder))] or ["/nonexistent"]


def report(peers, ours: MiniDocker, runs: int) -> dict[str, object]:
    """Measure and print everything; return the figures."""
    versions = {p.name: p.version() for p in peers}
    engines = ", ".join(f"{name} {version}" for name, version in versions.items())
    print(f"Linux {platform.release()}, Python {platform.python_version()}, {engines}")
    print(f"medians of {runs}, interleaved, milliseconds\n")
    table = measure_runs(peers, runs)
    table["exec"] = measure_exec(peers, runs)
    table["50 detached, 8 at a time"] = {p.name: measure_many(p) for p in peers}
    names = [p.name for p in peers]
    print(f"{'':<26}" + "".join(f"{n:>12}" for n in names) + "".join(f"{'ours/' + n:>14}" for n in names[1:]))
    for row, values in table.items():
        line = f"{row:<26}" + "".join(f"{values.get(n, float('nan')):>12.1f}" for n in names)
        for n in names[1:]:
            goal = GOALS.get((row, n))
            ratio = values["minidocker"] / values[n] if n in values else float("nan")
            line += f"{ratio:>8.2f}" + (f" ≤{goal:.2f}" if goal else "      ")
        print(line)
    cost: dict[str, object] = {**measure_memory(ours), **measure_ps(ours, runs)}
    print("\ncost of MiniDocker")
    for name, value in cost.items():
        print(f"  {name:<40} {value:>8.1f}")
    print("\nwhere our milliseconds go (steps of different processes overlap; waits are steps too)")
    spent = where_it_goes(ours, runs)
    for name, value in spent.items():
        print(f"  {name:<40} {value:>8.1f}")
    return {"versions": versions, "table": table, "cost": cost, "spent": spent}
